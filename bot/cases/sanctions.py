"""Sanctions of one decision: ordered with it, carried out by the outbox, lifted when it is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.model import Call, CallKind, Case, Sanction, SanctionKind, SanctionOrder, SanctionState, Sighting
from bot.store.engine import Tx

_KINDS = {SanctionKind.TIMEOUT: CallKind.TIMEOUT, SanctionKind.KICK: CallKind.KICK, SanctionKind.BAN: CallKind.BAN}
_LIFTS = {SanctionKind.TIMEOUT: CallKind.LIFT_TIMEOUT, SanctionKind.BAN: CallKind.UNBAN}
_NAMES = {
    SanctionKind.WARN: "warning",
    SanctionKind.TIMEOUT: "timeout",
    SanctionKind.KICK: "kick",
    SanctionKind.BAN: "ban",
}
ORDERED, LIFT = "sanction:", "lift:"
"""How the keys of their calls begin; the sanction's number follows."""


def authors(sightings: Sequence[Sighting]) -> list[int]:
    """The members who posted the sightings that a decision is about: no webhooks, no bots, nobody left out."""
    meant = (sighting.message.member_id for sighting in sightings if sighting.excepted_by is None)
    return sorted({member_id for member_id in meant if member_id is not None})


async def of_decision(tx: Tx, case: Case, number: int) -> list[Sanction]:
    """The sanctions of the decision of this number on a case, without those that could not be carried out."""
    return [
        one
        for one in await tx.sanctions.by_case(case.id)
        if one.decision_number == number and one.state is not SanctionState.FAILED
    ]


async def order(
    tx: Tx, case: Case, wanted: SanctionOrder, members: Sequence[int], actor_id: int, at: datetime
) -> list[Sanction]:
    """Sanction members by the current decision on a case; each at most once. A warning is the notice itself."""
    ordered: list[Sanction] = []
    for user_id in members:
        sanction = await tx.sanctions.order(
            case_id=case.id,
            guild_id=case.guild_id,
            user_id=user_id,
            kind=wanted.kind,
            decision_number=case.decision_number,
            ordered_by=actor_id,
            ordered_at=at,
            until=None if wanted.duration is None else at + wanted.duration,
            delete_message_seconds=int(wanted.delete_messages.total_seconds()),
        )
        if sanction is not None:
            ordered.append(sanction)
    return ordered


async def carry_out(tx: Tx, sanctions: Sequence[Sanction], at: datetime) -> None:
    """Have ordered sanctions carried out. To be called after the notices: whoever is banned cannot be told any more."""
    calls = [_call(_KINDS[one.kind], ORDERED, one) for one in sanctions if one.kind is not SanctionKind.WARN]
    await tx.outbox.put(calls, at)


async def lift(tx: Tx, case: Case, at: datetime) -> list[str]:
    """Take back the sanctions of the current decision on a case; sentences about what cannot be taken back."""
    lifted: list[Sanction] = []
    lasting: dict[SanctionKind, int] = {}
    for one in await of_decision(tx, case, case.decision_number):
        if one.state is SanctionState.LIFTED:
            continue
        if one.state is SanctionState.PENDING and await tx.outbox.cancel(f"{ORDERED}{one.id}"):
            await tx.sanctions.advance(one.id, (SanctionState.PENDING,), SanctionState.LIFTED)
        elif one.kind.lasting:
            standing = (SanctionState.PENDING, SanctionState.DONE)
            if await tx.sanctions.advance(one.id, standing, SanctionState.LIFTING):
                lifted.append(one)
        else:
            lasting[one.kind] = lasting.get(one.kind, 0) + 1
    await tx.outbox.put([_call(_LIFTS[one.kind], LIFT, one) for one in lifted], at)
    return [f"{counted(kind, number)} cannot be taken back." for kind, number in sorted(lasting.items())]


async def completed(tx: Tx, call: Call) -> None:
    """Note that a sanction is in force, or lifted."""
    if call.key.startswith(ORDERED):
        await tx.sanctions.advance(number(call.key), (SanctionState.PENDING,), SanctionState.DONE)
    elif call.key.startswith(LIFT):
        await tx.sanctions.advance(number(call.key), (SanctionState.LIFTING,), SanctionState.LIFTED)


async def gave_up(tx: Tx, call: Call, sentence: str) -> None:
    """Note that a sanction could not be carried out, or that it is still in force."""
    if call.key.startswith(ORDERED):
        # Nothing is in force then, so that nothing is left to lift: its lift waits behind it, if one was ordered.
        standing = (SanctionState.PENDING, SanctionState.LIFTING)
        if await tx.sanctions.advance(number(call.key), standing, SanctionState.FAILED, sentence):
            await tx.outbox.cancel(f"{LIFT}{number(call.key)}")
    elif call.key.startswith(LIFT):
        await tx.sanctions.advance(number(call.key), (SanctionState.LIFTING,), SanctionState.DONE, sentence)


def number(key: str) -> int:
    """The sanction that a call's key names."""
    return int(key.partition(":")[2])


def counted(kind: SanctionKind, members: int) -> str:
    """How many members a kind of sanction meets: ``1 ban``, ``3 bans``."""
    return f"{members} {_NAMES[kind]}{'' if members == 1 else 's'}"


def in_words(wanted: SanctionOrder, members: int) -> str:
    """A sanction as a line of the case's history."""
    parts = [counted(wanted.kind, members)]
    if wanted.duration is not None:
        parts.append(f"for {span(wanted.duration)}")
    if wanted.delete_messages:
        parts.append(f"with {span(wanted.delete_messages)} of messages deleted")
    return " ".join(parts)


def span(time: timedelta) -> str:
    """A span of time in its largest whole unit."""
    seconds = int(time.total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds // length} {unit}{'' if seconds == length else 's'}"
    return f"{seconds} seconds"


def _call(kind: CallKind, prefix: str, sanction: Sanction) -> Call:
    payload: dict[str, int | str | None] = {
        "user_id": sanction.user_id,
        "reason": f"stanguard case {sanction.case_id}",
    }
    if kind is CallKind.TIMEOUT and sanction.until is not None:
        payload["until"] = sanction.until.isoformat()
    if kind is CallKind.BAN:
        payload["delete_message_seconds"] = sanction.delete_message_seconds
    return Call(
        kind,
        key=f"{prefix}{sanction.id}",
        lane=f"user:{sanction.user_id}",
        payload=payload,
        case_id=sanction.case_id,
        guild_id=sanction.guild_id,
    )
