"""A moderator clears a hundred cases of a raid; every message on the way is one that Discord takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.model import BankKind, CaseState, Category, Decision, MediaRef, MessageRef, Scan, Strictness, Surface
from cogs.ui.cards import MAX_TEXT
from tests.desk import picture
from tests.world import World

CASES, COPIES = 100, 3
MOST_COMPONENTS = 40
LONGEST_CONTENT = 2000


async def raid(world: World) -> None:
    """Many people post many copies of a hundred listed pictures in many channels, and the bot sees them."""
    server = await world.change(strictness=Strictness.STANDARD, alert_role_id=world.moderators.id, tell_authors=False)
    bank = await world.app.banks.own(world.guild.id, BankKind.BLOCK)
    for seed in range(CASES):
        await world.app.banks.add(bank, picture(seed), Category.NCII_SYNTHETIC, note="note " * 40, source="test")
    number = 0
    for copy in range(COPIES):
        for seed in range(CASES):
            number += 1
            shown = picture(seed, away=copy)
            message = MessageRef(world.guild.id, world.fans.id + copy, 10_000 + number, 500 + number % 37)
            media = MediaRef(f"attachment:{number}", Surface.ATTACHMENT, "")
            plan = world.app.scanner.judge(shown, server)
            await world.app.cases.record(message, media, Scan(plan, shown, shown.sha256), server)
    await world.settle()


def parts(components: Any) -> Iterator[dict[str, Any]]:
    for component in components or ():
        yield component
        yield from parts(component.get("components"))


def assert_within_limits(body: dict[str, Any]) -> None:
    every = list(parts(body.get("components")))
    assert len(every) <= MOST_COMPONENTS
    assert sum(len(part.get("content") or "") for part in every) <= MAX_TEXT
    assert len(body.get("content") or "") <= LONGEST_CONTENT
    ids = [part["custom_id"] for part in every if part.get("custom_id")]
    assert len(ids) == len(set(ids))
    assert all(len(custom_id) <= 100 for custom_id in ids)
    assert all(len(part["components"]) <= 5 for part in every if part.get("type") == 1)


async def test_a_moderator_clears_a_hundred_clustered_cases(world: World) -> None:
    await raid(world)
    cards = world.cards()
    assert len(cards) == CASES, "one card a picture, however many copies"
    assert world.called() == [world.moderators.id] * CASES, "called once a case, and for no copy"
    assert f"{COPIES} copies by" in world.text(cards[0])
    for at, card in enumerate(cards):
        await world.moderator.click(card, label="Confirm" if at % 3 else "Not a match")
    await world.settle()
    async with world.app.store.read() as tx:
        decided = await tx.cases.list(world.guild.id, limit=2 * CASES)
    assert {case.state for case in decided} == {CaseState.DECIDED}
    assert sum(case.decision is Decision.NOT_A_MATCH for case in decided) == len(range(0, CASES, 3))
    assert world.buttons(cards[-1]) == ["Undo", "History"]
    bodies = [request.json for request in world.env.http_requests if isinstance(request.json, dict)]
    sent = [body.get("data") or body for body in bodies]
    assert len(sent) > 2 * CASES
    for body in sent:
        assert_within_limits(body)
