"""The words of the numbers: a table for moderators, narrow enough for a telephone, and sentences for members."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import discord
from discord import app_commands

from bot.model import ListNumbers, Numbers, PublicNumbers, SanctionKind, Share
from bot.ops.charts import span

from .figures import percent
from .texts import count

DAYS = [app_commands.Choice(name=f"{days} days", value=days) for days in (7, 30, 90)]

WIDTH = 28
"""Characters of a line: a telephone shows no more of a code block in a frame."""

NAME = 24
"""Characters of a list's name."""

LISTS = 10
"""Lists that are named; those with the most decisions come first."""

SANCTIONS: dict[SanctionKind, str] = {
    SanctionKind.WARN: "warnings",
    SanctionKind.TIMEOUT: "timeouts",
    SanctionKind.KICK: "kicks",
    SanctionKind.BAN: "bans",
}

FILE = "numbers.png"
NOTHING = "none"

NOTES = (
    "-# Days are days in UTC. *By mistake*: of the cases whose picture was removed before somebody decided, those that "
    "were decided as not a match, harmless edit or no action. Cases of suspected minors are in totals alone, and only "
    "where there are five or more."
)
NO_CHART = "-# For the chart the bot needs the permission Attach Files in this channel."
PUBLIC_NOTES = (
    "-# Counted without names. No picture is kept; what is, and how to report or appeal, is in the guide for members."
)


def dates(since: datetime, until: datetime) -> str:
    """The days of a period, the last one included: ``16 to 22 November 2026``."""
    last = until - timedelta(milliseconds=1)
    if since.date() == last.date():
        return f"{last.day} {last:%B %Y}"
    month = "" if (since.year, since.month) == (last.year, last.month) else f" {since:%B}"
    year = "" if since.year == last.year else f" {since.year}"
    return f"{since.day}{month}{year} to {last.day} {last:%B %Y}"


def title(numbers: Numbers) -> str:
    """Above what a moderator asked for."""
    return f"Numbers, {dates(numbers.since, numbers.until)}"


def weekly_title(numbers: Numbers) -> str:
    """Above the weekly post; no other week's is the same."""
    return f"The week in numbers, {dates(numbers.since, numbers.until)}"


def table(numbers: Numbers) -> str:
    """Every number in a block of equally wide characters."""
    lines = [
        _line("Pictures checked", numbers.scanned),
        _line("  could not be read", numbers.unscannable),
        _line("Removed", numbers.removed),
        _line("  at once", numbers.removed_at_once),
        _line("  by a person", numbers.removed_by_person),
        _line("Cases decided", numbers.reviewed),
        _line("By mistake", share(numbers.false_positives)),
        _line("Time to decision", ""),
        _line("  half within", _time(numbers.decision_median)),
        _line("  90 % within", _time(numbers.decision_p90)),
        "",
        *_open(numbers),
        "",
        *_people(numbers),
        *_lists(numbers.lists),
    ]
    return "```\n" + "\n".join(lines) + "\n```"


def share(of: Share) -> str:
    """So many of so many, and in percent: ``2 of 28 (7.1 %)``."""
    return NOTHING if of.value is None else f"{of.part:,} of {of.whole:,} ({percent(of.value)})"


def public_title(numbers: PublicNumbers) -> str:
    """Above what every member may see."""
    return f"What the bot did here, {dates(numbers.since, numbers.until)}"


def public(numbers: PublicNumbers) -> list[str]:
    """What every member may see, in sentences."""
    appeals = numbers.appeals
    scanned = f"**{numbers.scanned:,}** {_word(numbers.scanned, 'picture was', 'pictures were')} checked"
    reviewed = f"**{numbers.reviewed:,}** {_word(numbers.reviewed, 'case', 'cases')}"
    put_right = f"**{numbers.put_right:,}** {_word(numbers.put_right, 'case was', 'cases were')} put right"
    parts = [
        f"{scanned} and **{numbers.removed:,}** removed. Moderators decided {reviewed}.",
        f"{put_right}: what had been removed was not abusive.",
    ]
    if numbers.decision_median is not None:
        parts.append(f"Half of the decisions came within **{span(numbers.decision_median)}**.")
    if appeals.total:
        parts.append(
            f"**{appeals.total:,}** {_word(appeals.total, 'appeal', 'appeals')}: {appeals.overturned:,} granted, "
            f"{appeals.upheld:,} refused, {appeals.open:,} not answered yet."
        )
    if numbers.lists:
        parts.append("\n".join(["Lists that matched here:", *_public_lists(numbers.lists)]))
    return [*parts, PUBLIC_NOTES]


def _public_lists(lists: tuple[ListNumbers, ...]) -> Iterable[str]:
    for one in lists[:LISTS]:
        name = discord.utils.escape_markdown(_clean(one.name, 60))
        if one.mistaken is None or one.mistaken.value is None:
            yield f"- {name}: too few decisions to tell how often it is wrong"
        else:
            yield f"- {name}: wrong in {percent(one.mistaken.value)} of {one.decided:,} decisions"
    if len(lists) > LISTS:
        yield f"- and {count(len(lists) - LISTS, 'more list')}"


def _open(numbers: Numbers) -> list[str]:
    waiting = numbers.open
    return _parted(
        "Open now",
        waiting.total,
        [
            ("under 6 hours", waiting.under_6_hours),
            ("under 24 hours", waiting.under_24_hours),
            ("under 3 days", waiting.under_3_days),
            ("older", waiting.older),
            ("escalated", waiting.escalated),
            ("appealed", waiting.appealed),
        ],
    )


def _people(numbers: Numbers) -> list[str]:
    reports, appeals = numbers.reports, numbers.appeals
    sanctions = [(SANCTIONS[kind], number) for kind, number in numbers.sanctions]
    return [
        *_parted(
            "Reports",
            reports.total,
            [("confirmed", reports.confirmed), ("not confirmed", reports.rejected), ("open", reports.open)],
        ),
        *_parted(
            "Appeals",
            appeals.total,
            [("granted", appeals.overturned), ("refused", appeals.upheld), ("open", appeals.open)],
        ),
        *_parted("Sanctions", sum(number for _, number in sanctions), sanctions),
    ]


def _parted(name: str, total: int, parts: list[tuple[str, int]]) -> list[str]:
    """A total with its parts below it; nothing has no parts."""
    return [_line(name, total), *(_line(f"  {part}", number) for part, number in parts if total)]


def _lists(lists: tuple[ListNumbers, ...]) -> list[str]:
    if not lists:
        return []
    named = [_line(f"  {_clean(one.name, NAME)}", share(one.mistaken or Share())) for one in lists[:LISTS]]
    more = [f"  and {count(len(lists) - LISTS, 'more list')}"] if len(lists) > LISTS else []
    return ["", "Lists: mistakes of decisions", *named, *more]


def _line(name: str, value: int | str) -> str:
    """A name on the left and its value on the right; on a line of its own where both do not fit."""
    shown = f"{value:,}" if isinstance(value, int) else value
    if len(name) + 1 + len(shown) > WIDTH:
        return f"{name}\n{shown:>{WIDTH}}"
    return (name + f"{shown:>{WIDTH - len(name)}}").rstrip()


def _time(time: timedelta | None) -> str:
    return NOTHING if time is None else span(time)


def _word(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _clean(name: str, most: int) -> str:
    """A name that others chose, on one line, and unable to end a block of code."""
    plain = " ".join(name.replace("`", "'").split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"
