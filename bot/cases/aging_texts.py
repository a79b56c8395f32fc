"""What the bot writes by the clock: lines for moderators, and to the author of a message that nobody decided about.

A line names cases by number and links their cards. It never says what a case is about: it may be read where the card
is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.model import Case
from bot.store.aging import Queue

MOST_LINKS = 10
"""Cases that one line names: with the rest counted it stays well below Discord's 2,000 characters."""

LANE = "**Suspected minors**"


def waiting(cases: Sequence[Case], hours: int, *, lane: bool) -> str:
    """That cases wait for somebody to claim them."""
    heading = f"{LANE}: {_cases(cases)}" if lane else f"**{_cases(cases)}**"
    return f"{heading} {_verb(cases, 'waits', 'wait')} for a claim, open for more than {_hours(hours)}: {links(cases)}."


def escalated(cases: Sequence[Case], hours: int, role_id: int | None) -> str:
    """That cases are escalated now, and to whom."""
    if role_id is None:
        to_whom = " to whoever has *Manage Server*"
        heading = ""
    else:
        to_whom = " to you"
        heading = f"<@&{role_id}> "
    return (
        f"{heading}**{_cases(cases)}** {_verb(cases, 'is', 'are')} escalated{to_whom}, open for more than "
        f"{_hours(hours)} without a decision: {links(cases)}."
    )


def unclaimed(hours: int, *, claimed: bool) -> str:
    """Why a case is escalated, in its history. ``claimed``: somebody had it for a while."""
    return f"Nobody {'decided' if claimed else 'claimed'} it for {_hours(hours)}."


def undecided(waited: timedelta) -> str:
    """Why a case expired, in its history."""
    days = waited.days
    return f"Nobody decided it for {days} {'day' if days == 1 else 'days'}."


def digest(queue: Queue, guild_id: int) -> str:
    """The day's look at the queue, for its moderators."""
    ages = [
        f"{number} for {age}"
        for number, age in (
            (queue.fresh, "less than 6 hours"),
            (queue.today, "6 to 24 hours"),
            (queue.old, "more than a day"),
        )
        if number
    ]
    hands = [
        f"{number} {state}"
        for number, state in (
            (queue.claimed, "claimed"),
            (queue.escalated, "escalated"),
            (queue.appealed, "under appeal"),
        )
        if number
    ]
    lines = [*_first(queue, guild_id), f"**The queue today:** {_number(queue.open)} open, {', '.join(ages)}."]
    if hands:
        lines.append(f"Of these: {', '.join(hands)}.")
    lines.append(f"The oldest: {_oldest(queue, guild_id)}. Decided in the last 24 hours: {queue.decided}.")
    return "\n".join(lines)


def _first(queue: Queue, guild_id: int) -> list[str]:
    """What cannot wait: requests of people to take their picture down, then what else is urgent."""
    lines: list[str] = []
    named = [_link(one.case_id, guild_id, one.card) for one in queue.first if one.wanted]
    if queue.wanted_since is not None:
        requests = "1 takedown request waits" if queue.takedowns == 1 else f"{queue.takedowns:,} takedown requests wait"
        since = f"<t:{int(queue.wanted_since.timestamp())}:R>"
        which = f"made {since}" if queue.takedowns == 1 else f"the oldest made {since}"
        lines.append(f"▲ **{requests}**, {which}: {_listed(named, queue.takedowns)}.")
    others = [_link(one.case_id, guild_id, one.card) for one in queue.first if not one.wanted]
    if others and queue.open > len(queue.first):
        lines.append(f"{'Then' if lines else 'First'}: {', '.join(others)}, for the reasons on {_card_of(others)}.")
    return lines


def _card_of(named: Sequence[str]) -> str:
    return "its card" if len(named) == 1 else "their cards"


def lane_digest(queue: Queue, guild_id: int) -> str:
    """The day's look at the lane of suspected minors: that something waits there, and nothing about it."""
    return f"{LANE}: {_number(queue.open)} open. The oldest: {_oldest(queue, guild_id)}."


def links(cases: Sequence[Case]) -> str:
    """The numbers of the first cases, each leading to its card, and how many more there are."""
    return _listed([_link(case.id, case.guild_id, _card(case)) for case in cases[:MOST_LINKS]], len(cases))


def _listed(named: Sequence[str], total: int) -> str:
    more = total - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")


def _oldest(queue: Queue, guild_id: int) -> str:
    assert queue.oldest_id is not None, "a digest is written only where something is open"
    assert queue.oldest_at is not None, "every case has a time"
    return f"{_link(queue.oldest_id, guild_id, queue.oldest_card)}, opened <t:{int(queue.oldest_at.timestamp())}:R>"


def _card(case: Case) -> tuple[int, int] | None:
    if case.card_channel_id is None or case.card_message_id is None:
        return None
    return case.card_channel_id, case.card_message_id


def _link(case_id: int, guild_id: int, card: tuple[int, int] | None) -> str:
    if card is None:
        return f"#{case_id}"
    return f"[#{case_id}](https://discord.com/channels/{guild_id}/{card[0]}/{card[1]})"


def _cases(cases: Sequence[Case]) -> str:
    return f"{len(cases):,} {'case' if len(cases) == 1 else 'cases'}"


def _number(number: int) -> str:
    return f"{number:,} {'case is' if number == 1 else 'cases are'}"


def _verb(cases: Sequence[Case], one: str, several: str) -> str:
    return one if len(cases) == 1 else several


def _hours(hours: int) -> str:
    return "an hour" if hours == 1 else f"{hours} hours"
