"""How a picture that somebody reported, or wants taken down, is tied to its case: the same for both."""

from __future__ import annotations

from collections.abc import Collection

from bot.model import Case, Category, Plan, Scan, Verdict
from bot.store.engine import Tx


def category_of(said: Category, plan: Plan) -> Category:
    """The category of a picture's case: that of what it matches, unless somebody suspects a minor."""
    return said if plan.match is None or said is Category.MINOR_SUSPECTED else plan.match.category


def kept(scan: Scan) -> Scan:
    """A scan as it is kept with a case: a person looks at what the comparison finds clear, too."""
    if scan.plan.verdict is not Verdict.CLEAR:
        return scan
    return Scan(Plan(Verdict.REVIEW), scan.fingerprint, scan.sha256)


async def attach(tx: Tx, sighting_ids: Collection[int], case: Case, plan: Plan, author_id: int | None) -> None:
    """Tie sightings of a picture to its case, with what the plan found."""
    match = plan.match
    distance, agreement = (None, None) if match is None else (match.distance, match.agreement)
    await tx.sightings.attach(
        sighting_ids,
        case.id,
        None if match is None else match.entry_id,
        {} if distance is None else dict.fromkeys(sighting_ids, distance),
        author_id,
        agreements={} if agreement is None else dict.fromkeys(sighting_ids, agreement),
    )
