"""Steps of tests about reports."""

from __future__ import annotations

from bot.model import Case, Category, Decision
from tests.desk import GUILD, MODERATOR, Desk, picture

MEMBER, OTHER = 123456789012345678, 61


async def report(desk: Desk, member: int = MEMBER, words: str = "My words", seed: int = 1) -> Case:
    """A member reports a picture that somebody posted."""
    message = await desk.post(picture(seed))
    guild = await desk.guilds.get(GUILD)
    item = desk.item(message, picture(seed))
    answer = await desk.reports.report(guild, member, Category.NCII_SYNTHETIC, message, [item], words=words)
    async with desk.store.read() as tx:
        case = await tx.cases.get(answer.case_ids[0])
    assert case is not None
    return case


async def decide(desk: Desk, case: Case) -> None:
    """A moderator confirms a case as it is now."""
    current = (await desk.cases.view(case.id)).case
    await desk.decisions.decide(case.id, current.version, MODERATOR, Decision.CONFIRM)
