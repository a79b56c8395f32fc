"""The numbers of a guild, for its moderators and for its members, and the weekly post about them.

Days are days in UTC. Pictures are counted from tallies where a day was counted already, and from the sightings
themselves after that; everything else from the cases, which are kept for longer than the longest period here.

**Suspected minors.** Their cases are seen by the child-safety role alone, so no number may tell anybody else that there
is one. They are in totals alone, and in a total only where at least :data:`ENOUGH` of these cases stand behind it;
with fewer it is as if there were none. Whatever parts a total (a day, an age, a list, an outcome, a share, a time)
leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.model import (
    Call,
    CallKind,
    DayNumbers,
    GuildSettings,
    ListNumbers,
    Numbers,
    OpenCases,
    PublicNumbers,
    ReportNumbers,
    SanctionKind,
    Share,
    Verdict,
)
from bot.store.engine import Store, Tx
from bot.store.numbers import Removed, Reported, Reviewed, Waiting
from bot.store.tallies import SCANNED, day_number, day_start

ENOUGH = 5
"""From so many cases of suspected minors on, a total does not point at one of them."""

ENOUGH_DECISIONS = 20
"""From so many decisions on, a list's share of mistakes says something about the list."""

WEEK = 7
"""Days that the weekly post is about."""

AGES = (timedelta(hours=6), timedelta(hours=24), timedelta(days=3))
LONGEST = 90
"""Days; decided cases are kept for 180 unless the installation says otherwise."""


class StatsService:
    """Reads numbers; writes nothing but the weekly call. Safe to call from many tasks at once."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def numbers(self, guild_id: int, days: int, *, until: datetime | None = None) -> Numbers:
        """What happened in the last ``days`` days, today included, or in those before the midnight ``until``.

        Days without data are there, as zeros. ``days`` is 1 to 90, else ValueError.
        """
        if not 1 <= days <= LONGEST:
            raise ValueError(f"numbers go back 1 to {LONGEST} days, not {days}")
        now = self._clock()
        until = until or now
        # Just before it: the midnight at the end of a day belongs to the next one.
        last = day_number(until - timedelta(milliseconds=1))
        first = last - days + 1
        since = day_start(first)
        async with self._store.read() as tx:
            pictures = await _pictures(tx, guild_id, first, until)
            removed = await tx.numbers.removed(guild_id, since, until)
            reviewed = await tx.numbers.reviewed(guild_id, since, until)
            times = await tx.numbers.times(guild_id, since, until)
            waiting = await tx.numbers.waiting(guild_id, now, AGES)
            reported = await tx.numbers.reported(guild_id, since, until)
            appeals = await tx.numbers.appealed(guild_id, since, until)
            sanctions = await tx.numbers.sanctioned(guild_id, since, until)
            lists = await tx.numbers.lists(guild_id, since, until)
        ordinary = [row for row in reviewed if row.day is not None]
        return Numbers(
            guild_id=guild_id,
            since=since,
            until=until,
            days=tuple(
                DayNumbers(
                    day_start(day).date(),
                    scanned=pictures.get((day, SCANNED), 0),
                    removed=sum(row.number for row in removed if row.day == day),
                    reviewed=sum(row.number for row in ordinary if row.day == day),
                    mistaken=sum(row.mistaken for row in ordinary if row.day == day),
                    median=times.by_day.get(day),
                )
                for day in range(first, last + 1)
            ),
            scanned=_total(pictures, SCANNED),
            unscannable=_total(pictures, Verdict.UNSCANNABLE),
            removed_at_once=_removed(removed, by_person=False),
            removed_by_person=_removed(removed, by_person=True),
            reviewed=_reviewed(reviewed),
            false_positives=Share(sum(row.mistaken for row in ordinary), sum(row.removed for row in ordinary)),
            decision_median=times.median,
            decision_p90=times.p90,
            open=_open(waiting),
            reports=_reports(reported),
            appeals=appeals,
            sanctions=tuple((kind, sanctions[kind]) for kind in SanctionKind if kind in sanctions),
            lists=tuple(ListNumbers(row.name, row.decided, Share(row.mistaken, row.decided)) for row in lists),
        )

    async def public(self, guild_id: int, days: int) -> PublicNumbers:
        """The part of :meth:`numbers` that every member may see: no case, no person, no list that few decided on."""
        found = await self.numbers(guild_id, days)
        return PublicNumbers(
            since=found.since,
            until=found.until,
            scanned=found.scanned,
            removed=found.removed,
            reviewed=found.reviewed,
            put_right=found.false_positives.part,
            decision_median=found.decision_median,
            appeals=found.appeals,
            lists=tuple(
                one if one.decided >= ENOUGH_DECISIONS else ListNumbers(one.name, one.decided, None)
                for one in found.lists
            ),
        )

    async def weekly(self, tx: Tx, guild: GuildSettings, now: datetime) -> Sequence[Call]:
        """The call that posts the numbers of the seven days before today; none for a guild without a channel.

        To be written by whoever took the guild's chore ``weekly``. The key keeps a calendar week from a second post
        even if that is lost.
        """
        del tx  # the numbers are read when the call is carried out
        channel_id = guild.log_channel_id or guild.review_channel_id
        if channel_id is None:
            return ()
        until = day_start(day_number(now))
        year, week, _ = until.isocalendar()
        name = f"weekly:{guild.guild_id}"
        return (
            Call(
                CallKind.STATS_POST,
                key=f"{name}:{year}-{week:02}",
                lane=name,
                payload={"channel_id": channel_id, "until": until.isoformat()},
                guild_id=guild.guild_id,
            ),
        )


async def _pictures(tx: Tx, guild_id: int, first: int, until: datetime) -> dict[tuple[int, str], int]:
    """Pictures by day and verdict: from the tallies, and from the sightings of the days that have none yet."""
    counted = await tx.tallies.last_day(guild_id)
    uncounted = first if counted is None else max(first, counted + 1)
    found = await tx.tallies.read(guild_id, first, min(uncounted - 1, day_number(until - timedelta(milliseconds=1))))
    return found | await tx.tallies.count(guild_id, day_start(uncounted), until)


def _total(pictures: dict[tuple[int, str], int], name: str) -> int:
    return sum(number for (_, its), number in pictures.items() if its == name)


def _removed(rows: Sequence[Removed], *, by_person: bool) -> int:
    return sum(
        row.number for row in rows if row.by_person is by_person and (row.day is not None or row.cases >= ENOUGH)
    )


def _reviewed(rows: Sequence[Reviewed]) -> int:
    return sum(row.number for row in rows if row.day is not None or row.number >= ENOUGH)


def _open(rows: Sequence[Waiting]) -> OpenCases:
    of = {row.kind: row.number for row in rows if not row.lane}
    lane = sum(row.number for row in rows if row.lane)
    return OpenCases(
        total=sum(of.values()) + (lane if lane >= ENOUGH else 0),
        under_6_hours=of.get("0", 0),
        under_24_hours=of.get("1", 0),
        under_3_days=of.get("2", 0),
        older=of.get("3", 0),
        escalated=of.get("escalated", 0),
        appealed=of.get("appealed", 0),
    )


def _reports(rows: Sequence[Reported]) -> ReportNumbers:
    of = {row.outcome: row.number for row in rows if not row.lane}
    lane = [row for row in rows if row.lane]
    enough = sum(row.cases for row in lane) >= ENOUGH
    return ReportNumbers(
        total=sum(of.values()) + (sum(row.number for row in lane) if enough else 0),
        confirmed=of.get("confirmed", 0),
        rejected=of.get("rejected", 0),
        open=of.get("open", 0),
    )
