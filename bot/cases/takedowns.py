"""Requests to take a picture down: who is called at once, and the clock that runs until somebody decides.

Somebody is called once for a case, and again when a time passes without a decision: each step once for each request
that is the case's oldest. Where others see the channel of suspected minors, nothing says what the case is about.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.model import Case, CaseState, GuildSettings
from bot.store.engine import Tx

from . import aging_texts, calls

TARGET = timedelta(hours=1)
"""How long a request should wait for a decision at most."""

NEARLY = timedelta(hours=36)

LAW = timedelta(hours=48)
"""How long the US Take It Down Act gives to platforms such as Discord itself, after a valid request to them."""

STEPS = (TARGET, NEARLY, LAW)
"""When a request that nobody decided about is brought up again, after it was made."""

LATE = "takedown_late"
"""The kind of the event that a step was spoken of."""

_RUNNING = (CaseState.OPEN, CaseState.CLAIMED, CaseState.ESCALATED)


def waiting_since(case: Case) -> datetime | None:
    """When the request was made that waits for a decision; None if none does: an appeal stops no picture."""
    return case.takedown_at if case.state in _RUNNING else None


async def call(tx: Tx, case: Case, guild: GuildSettings, at: datetime) -> None:
    """Call those who take cases in, once for each case; to be called after its card was put up or drawn again."""
    role_id = guild.child_safety_role_id if case.in_lane else guild.alert_role_id or guild.escalation_role_id
    if _seen_by_others(case, guild):
        text = f"Case {case.id} is urgent and waits for you: please look within an hour."
    else:
        text = f"Case {case.id}: a takedown was requested: target one hour. Its card has the buttons."
    await _say(tx, case, guild, role_id, text, "takedown", at)


def overdue(case: Case, now: datetime) -> timedelta | None:
    """The last step that passed without a decision; None before the first one."""
    since = waiting_since(case)
    return None if since is None else max((step for step in STEPS if since + step <= now), default=None)


async def spoken_of(tx: Tx, case: Case, step: timedelta) -> bool:
    """Whether a step of the request that a case waits for now, or a later one, was spoken of."""
    since = waiting_since(case)
    return since is None or any(
        event.kind == LATE and event.at >= since + step for event in await tx.events.of_case(case.id)
    )


async def call_again(tx: Tx, case: Case, guild: GuildSettings, step: timedelta, at: datetime) -> None:
    """Call those who decide escalated cases, because a step passed; once for each step of a request."""
    since = waiting_since(case)
    assert since is not None, "only a request that waits is late"
    role_id = guild.child_safety_role_id if case.in_lane else guild.escalation_role_id or guild.alert_role_id
    hours = step // timedelta(hours=1)
    cause = f"takedown:{int(since.timestamp() * 1000)}:{hours}"
    await _say(tx, case, guild, role_id, _late(case, guild, since, step), cause, at)


def detail(step: timedelta) -> str:
    """What the history of a case says about a step."""
    hours = step // timedelta(hours=1)
    return f"{hours} {'hour' if hours == 1 else 'hours'} without a decision."


def _late(case: Case, guild: GuildSettings, since: datetime, step: timedelta) -> str:
    link = aging_texts.links([case])
    if _seen_by_others(case, guild):
        return f"Case {link} is urgent and still waits for you."
    asked = f"Case {link}: a takedown was requested {_ago(since)}"
    if step is LAW:
        ended = ", and it is escalated" if case.state is CaseState.ESCALATED else ""
        return f"{asked}. The law's 48 hours are over without a decision{ended}."
    passed = "The target of one hour" if step is TARGET else "36 hours"
    verb = "has" if step is TARGET else "have"
    return f"{asked}. {passed} {verb} passed without a decision; the law's 48 hours end {_ago(since + LAW)}."


async def _say(
    tx: Tx, case: Case, guild: GuildSettings, role_id: int | None, text: str, cause: str, at: datetime
) -> None:
    alert = calls.alert(case, calls.card_channel(case, guild), role_id, text, cause)
    await tx.outbox.put([alert] if alert else [], at)


def _seen_by_others(case: Case, guild: GuildSettings) -> bool:
    """Whether others than the child-safety role read what is said about a case of a suspected minor."""
    return case.in_lane and guild.child_safety_channel_id is None


def _ago(time: datetime) -> str:
    return f"<t:{int(time.timestamp())}:R>"
