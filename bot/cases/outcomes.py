"""What those who reported a picture are told when its case comes to an end: each of them once, or not at all.

The keys of the calls name the report alone, so that no second decision is told. What nobody has read yet is taken back
with the decision; after that the list of a member's own reports is where the truth stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.model import Case, Decision, Report, Sighting
from bot.store.engine import Tx

from . import calls
from . import outcome_texts as texts
from .clusters import MOST_SIGHTINGS


async def ended(tx: Tx, case: Case, at: datetime) -> None:
    """Have every reporter of a case that came to an end told the outcome.

    Those who reported a duplicate hear with those of the case that it is a duplicate of.
    """
    if case.decision is Decision.DUPLICATE:
        return
    reports = [report for report in await _reports(tx, case) if report.counts and not report.outcome_sent]
    if not reports:
        return
    sightings = await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)
    copies = await _removed(tx, case, sightings)
    await tx.outbox.put(
        [
            calls.tell_reporter(
                report, case, texts.outcome(case, report, copies=copies, left_out=left_out(report, sightings))
            )
            for report in reports
        ],
        at,
    )


async def taken_back(tx: Tx, case: Case) -> None:
    """Keep back what was to be told of a decision that holds no more. ``case`` is as it was decided."""
    for report in await _reports(tx, case):
        await tx.outbox.cancel(calls.outcome_key(report.id))


def left_out(report: Report, sightings: Sequence[Sighting]) -> bool:
    """Whether a moderator left all that was reported out of the decision on its case, whose sightings these are."""
    mine = [one for one in sightings if one.message.message_id == report.message_id]
    return bool(mine) and all(one.excepted_by is not None for one in mine)


async def _removed(tx: Tx, case: Case, sightings: Sequence[Sighting]) -> int:
    """How many copies are gone, or will be: a guild that only observes removes none."""
    keys = {one.id: calls.delete(one.message, case.id).key for one in sightings if one.excepted_by is None}
    wanted = await tx.outbox.written(sorted(set(keys.values())))
    return sum(one.id in keys and (one.deleted_at is not None or keys[one.id] in wanted) for one in sightings)


async def _reports(tx: Tx, case: Case) -> list[Report]:
    """The reports of a case and of its duplicates."""
    numbers = (case.id, *await tx.cases.duplicates_of(case.id))
    return [report for number in numbers for report in await tx.reports.by_case(number)]
