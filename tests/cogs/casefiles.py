"""Cases written straight into the store, and the commands that look them up."""

from __future__ import annotations

from typing import Any

import simcord

from bot.model import (
    CaseEvent,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    MessageRef,
    Plan,
    Scan,
    Surface,
    Thresholds,
    Verdict,
)
from tests.cogs.builders import fingerprint
from tests.world import World

OTHER_GUILD = 123456789012345678
COMMANDS = ("show", "note", "assign", "undo")
NO_CASE = "There is no case 1; it may have been erased after its time."
NOT_A_MODERATOR = "Only this server's moderators can do that"


async def open_case(
    world: World,
    category: Category = Category.NCII_SYNTHETIC,
    *,
    by: simcord.MemberActor | None = None,
    copies: int = 1,
    **how: Any,
) -> int:
    """A case with copies that somebody posted; further fields of the case as given."""
    guild_id = how.pop("guild_id", world.guild.id)
    async with world.app.store.write() as tx:
        case = await tx.cases.open(
            guild_id=guild_id,
            category=category,
            origin=CaseOrigin.MATCH,
            opened_at=how.pop("opened_at", world.app.cases.now()),
            entry_id=None,
            match=None,
            thresholds=Thresholds(),
            program_version="0.1.0",
            fingerprint=fingerprint(),
            reasons=how.pop("reasons", ()),
        )
        for number in range(copies):
            message = MessageRef(guild_id, world.fans.id, case.id * 100 + number, (by or world.fan).id)
            plan = Scan(Plan(Verdict.REVIEW), fingerprint(), b"\0" * 32)
            media = f"a:{case.id}:{number}"
            await tx.sightings.add(message, media, Surface.ATTACHMENT, plan, seen_at=case.opened_at, case_id=case.id)
        if how:
            assert await tx.cases.compare_and_set(case.id, case.version, **how)
    return case.id


async def decided(world: World, decision: Decision = Decision.CONFIRM, **how: Any) -> int:
    now = world.app.cases.now()
    values = {"state": CaseState.DECIDED, "decided_by": world.moderator.id, "decided_at": now, "decision_number": 1}
    return await open_case(world, decision=decision, **(values | how))


async def tell(world: World, case_id: int, kind: str, detail: str = "", actor_id: int | None = None) -> None:
    async with world.app.store.write() as tx:
        await tx.events.add(CaseEvent(case_id, world.app.cases.now(), kind, actor_id, detail))


async def ask(world: World, who: simcord.MemberActor, command: str, **options: Any) -> str:
    world.reveal(command.split()[0], who)
    result = await who.slash(world.fans, command, **options)
    await world.settle()
    return world.answer(result)


async def case(world: World, command: str, who: simcord.MemberActor | None = None, **options: Any) -> str:
    return await ask(world, who or world.moderator, f"case {command}", **options)


async def suggested(world: World, who: simcord.MemberActor, typed: str, command: str = "show") -> list[str]:
    world.reveal("case", who)
    choices = await who.autocomplete(world.fans, f"case {command}", "case", typed)
    return [choice["value"] for choice in choices]


def options_of(world: World, command: str) -> dict[str, Any]:
    """What a command about case 1 needs."""
    return {"case": "#1"} | {"note": {"text": "x"}, "assign": {"member": world.moderator}}.get(command, {})
