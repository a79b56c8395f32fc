"""What puts a case before others in the queue: points that add up, each with its reason, and nothing that removes.

The sum orders the cases of one urgency (:meth:`bot.store.casebook.Casebook.next_case`); the parts are told on the card.
Policy never sees either, and no version rises by them. Whoever calls this holds the case, and took the guild's turn
before (:meth:`bot.store.cases.Cases.in_turn`).

The points are those of a rule set for review queues (a report 40, a near match 30, what a file says of itself 10), with
three differences. They add up, so that a near match that was also reported goes before either alone. A report counts as
much as its reporter was right before. And a match goes from 30 to 45 as it gets nearer, but only while its message
stands: what was removed at once is looked at after what everybody still sees.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.model import (
    Case,
    GuildSettings,
    Match,
    PriorityPart,
    ReportKind,
    SignalKind,
    Standing,
    Strictness,
    Thresholds,
    Verdict,
    Weight,
)
from bot.policy import Facts, decide, tier
from bot.store.engine import Tx
from bot.store.reports import Voice

TAKEDOWN = 1000
MINOR = 500
"""Each is more than everything below it can be together."""

REPORT = 80
"""Points of the first report of somebody with a score of 1, so 40 of somebody new; every further one adds half of what
it would have added a place before: many who are often wrong weigh less than a few who are usually right."""

NEAR_MATCH = 30
VERY_FILE = 45
SIGNAL = 10

MOST_WEIGHED = 50
"""Other cases that are weighed anew when a decision changed what the word of their reporters is worth."""

_AI = (SignalKind.AI_MADE, SignalKind.AI_EDITED)


async def prioritise(tx: Tx, case: Case, now: datetime) -> Case:
    """Weigh a case anew, after its reports, category, match or signals changed. Returns it with its new priority.

    ``case``: as it stands in the database. The reports of a duplicate weigh in the case that it belongs to: that one is
    weighed instead, unless somebody else is changing it just now.
    """
    if case.duplicate_of is not None:
        await _weigh(tx, case.guild_id, await tx.cases.free([case.duplicate_of]), now)
        return case
    return (await _weigh(tx, case.guild_id, [case], now))[0]


async def weigh_others(tx: Tx, case: Case, now: datetime) -> list[Case]:
    """Weigh the other open cases of this case's reporters, after its decision was made or taken back.

    Returns those whose cards say something else now. At most MOST_WEIGHED, the newest; the rest, and those that
    somebody else is changing just now, are weighed when something happens to them.
    """
    voices = await tx.reports.voices([case.id if case.duplicate_of is None else case.duplicate_of])
    return await weigh_reporters(tx, case.guild_id, {voice.reporter for voice in voices}, now, but=case.id)


async def weigh_reporters(
    tx: Tx, guild_id: int, reporters: Collection[bytes], now: datetime, *, but: int | None = None
) -> list[Case]:
    """Weigh the open cases that these members reported, after their standing changed; else like weigh_others."""
    if not reporters:
        return []
    numbers = await tx.reports.open_cases_of(guild_id, reporters, limit=MOST_WEIGHED + 1)
    before = await tx.cases.free([number for number in numbers if number != but][:MOST_WEIGHED])
    after = await _weigh(tx, guild_id, before, now)
    return [new for old, new in zip(before, after, strict=True) if _told(old) != _told(new)]


def parts(case: Case, reports: Sequence[tuple[ReportKind, Standing]], *, stands: bool) -> tuple[PriorityPart, ...]:
    """Why a case goes before others, the weightiest first.

    ``reports``: those that count, with the standing of who made them. ``stands``: a match left its message standing.
    """
    takedowns = sum(kind is ReportKind.TAKEDOWN for kind, _ in reports)
    reporters = [standing for kind, standing in reports if kind is ReportKind.REPORT]
    found = [
        PriorityPart(Weight.TAKEDOWN, TAKEDOWN if takedowns else 0, takedowns),
        PriorityPart(Weight.MINOR, MINOR if case.in_lane else 0),
        PriorityPart(
            Weight.REPORTS,
            _reported([standing.score for standing in reporters]),
            len(reporters),
            sum(standing.trusted for standing in reporters),
        ),
        PriorityPart(Weight.NEAR_MATCH, nearness(case.match, case.thresholds) if case.match and stands else 0),
        PriorityPart(Weight.SIGNALS, SIGNAL if any(signal.kind in _AI for signal in case.signals) else 0),
    ]
    return tuple(sorted((part for part in found if part.points), key=lambda part: -part.points))


def nearness(match: Match, limits: Thresholds) -> int:
    """Points of a match: NEAR_MATCH where it just comes up for review, VERY_FILE for the very file; 0 below review."""
    if tier(match, limits) is Verdict.CLEAR:
        return 0
    share = 1.0
    if match.evidence is not None:
        review = limits.review
        least = min(review.agreement, review.usual.agreement, review.many.agreement, review.few.agreement)
        share = (match.evidence.agreement - least) / (1 - least) if least < 1 else 1.0
    elif match.distance is not None:
        most = max(limits.hash_review_box if match.part.boxed else limits.hash_review, 1)
        share = 1 - match.distance / most
    return NEAR_MATCH + round((VERY_FILE - NEAR_MATCH) * min(max(share, 0.0), 1.0))


def urgency(case: Case) -> tuple[bool, float, int, datetime, int]:
    """Sorts cases that wait alike: those with a request to take them down first, the oldest request before others."""
    requested = 0.0 if case.takedown_at is None else case.takedown_at.timestamp()
    points = sum(part.points for part in case.priority)
    return case.takedown_at is None, requested, -points, case.opened_at, case.id


def _reported(scores: Sequence[float]) -> int:
    """At least a point where anybody reported, so that it is told."""
    if not scores:
        return 0
    return max(1, round(sum(REPORT * score / 2**rank for rank, score in enumerate(sorted(scores, reverse=True)))))


def _told(case: Case) -> set[tuple[Weight, int, int]]:
    """What a card tells of a case's priority."""
    return {(part.weight, part.number, part.trusted) for part in case.priority}


async def _weigh(tx: Tx, guild_id: int, cases: Sequence[Case], now: datetime) -> list[Case]:
    if not cases:
        return []
    voices = await tx.reports.voices([case.id for case in cases])
    reporters = {voice.reporter for voice in voices}
    standings: Mapping[bytes, Standing] = {}
    if reporters:
        standings = await tx.reports.standings(guild_id, reporters, now)
    guild = await tx.guilds.get(guild_id) or GuildSettings(guild_id)
    return [
        await _write(tx, case, guild, [one for one in voices if one.case_id == case.id], standings) for case in cases
    ]


async def _write(
    tx: Tx, case: Case, guild: GuildSettings, voices: Sequence[Voice], standings: Mapping[bytes, Standing]
) -> Case:
    # Somebody who reported a case and its duplicate is one member all the same.
    counted = {(voice.kind, voice.reporter) for voice in voices}
    found = parts(
        case,
        [(kind, standings[reporter]) for kind, reporter in counted],
        stands=case.match is not None and await _stands(tx, case.match, case.thresholds, guild),
    )
    takedown_at = min((voice.created_at for voice in voices if voice.kind is ReportKind.TAKEDOWN), default=None)
    await tx.cases.prioritise(case.id, found, takedown_at)
    return replace(case, priority=found, takedown_at=takedown_at)


async def _stands(tx: Tx, match: Match, limits: Thresholds, guild: GuildSettings) -> bool:
    """Whether a message with this match waits for a person, in doubt yes: one that policy removes at once does not."""
    bank = await tx.banks.get(match.bank_id)
    levels = {} if bank is None else {bank.id: bank.level}
    strict = guild.strictness is not Strictness.STANDARD
    return not decide([match], guild, Facts(limits, levels, strict=strict)).delete
