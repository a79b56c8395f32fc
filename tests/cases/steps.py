"""What tests of the review queue do over and over: list a picture, have it posted, look at its case."""

from __future__ import annotations

from bot.cases.clusters import MOST_SIGHTINGS
from bot.model import BankKind, Case, Category, Entry, Fingerprint, Report, Sighting
from tests.desk import GUILD, Desk, picture

ABUSE = picture(1)
NEAR = picture(1, away=10)
"""Near enough to be removed."""

FAR = picture(1, away=55)
"""Near enough for a person to look at, and left standing."""

ANOTHER = picture(5)
"""A picture that no other one is near."""


async def listed(desk: Desk, shown: Fingerprint = ABUSE, category: Category = Category.NCII_SYNTHETIC) -> Entry:
    """An entry of the guild's own bank, hunted already, with no case of its own."""
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    entry = (await desk.banks.add(bank, shown, category, source="test")).entry
    async with desk.store.write() as tx:
        await tx.banks.mark_hunted(entry.id, desk.now())
    return entry


async def opened(desk: Desk, *authors: int, shown: Fingerprint = FAR) -> Case:
    """The case of a picture that these members posted, with its card up."""
    for author in authors or (50,):
        await desk.post(shown, author=author)
    await desk.settle()
    async with desk.store.read() as tx:
        return (await tx.cases.list(GUILD))[0]


async def case_of(desk: Desk, case: Case) -> Case:
    """A case as it stands now."""
    return (await desk.cases.view(case.id)).case


async def sightings_of(desk: Desk, case: Case) -> list[Sighting]:
    async with desk.store.read() as tx:
        return await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)


async def reports_of(desk: Desk, case: Case) -> list[Report]:
    async with desk.store.read() as tx:
        return await tx.reports.by_case(case.id)


async def kinds_of(desk: Desk, case: Case) -> list[str]:
    """What happened to a case, in order."""
    return [event.kind for event in (await desk.cases.view(case.id)).events]


async def reported(
    desk: Desk, shown: Fingerprint, reporter: int = 60, category: Category = Category.OTHER, author: int = 50
) -> Case:
    """The case of a message that a member reported."""
    message = desk.message(author)
    guild = await desk.guilds.get(GUILD)
    answer = await desk.reports.report(guild, reporter, category, message, [desk.item(message, shown)])
    await desk.settle()
    return (await desk.cases.view(answer.case_ids[0])).case
