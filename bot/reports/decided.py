"""What was decided about a picture before it was reported: a decision that stands answers a report at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model import Case, CaseState, Category, Decision, GuildSettings, Mode, Scan, Sighting
from bot.store.engine import Tx


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision that stands. ``harmless``: it says that the picture breaks no rule; else it was confirmed."""

    case: Case
    harmless: bool


def file_of(scan: Scan) -> bytes | None:
    """The digest by which a scanned file is kept; None if it never arrived."""
    return (scan.sha256 if scan.fingerprint is None else scan.fingerprint.sha256) or None


async def of(
    tx: Tx, guild: GuildSettings, category: Category, scan: Scan, hanging: Sequence[Sighting], *, upload: bool
) -> Answer | None:
    """The decision that answers a report of a picture, whose case nobody else changes now; None if a person must look.

    ``hanging``: what was seen of this very item before. To be called in the guild's turn.
    """
    for sighting in hanging:
        if sighting.case_id is not None:
            case = await tx.cases.touch(sighting.case_id)
            if _stands(case):
                return _of_item(case, category, left_out=sighting.excepted_by is not None)
    return await _of_file(tx, guild, category, scan, upload=upload)


def _of_item(case: Case, category: Category, *, left_out: bool) -> Answer | None:
    """What a decision says of a copy that hangs on its case.

    Somebody who suspects a minor is not answered by those who had another question before them. A copy that was left
    out of a confirmed case is harmless; about one that was left out of any other decision nothing was said.
    """
    assert case.decision is not None
    if category is Category.MINOR_SUSPECTED and not case.in_lane:
        return None
    if left_out and case.decision.mistaken:
        return None
    return Answer(case, case.decision.mistaken or left_out)


async def _of_file(tx: Tx, guild: GuildSettings, category: Category, scan: Scan, *, upload: bool) -> Answer | None:
    """What was last decided about the very file elsewhere in the guild, if nobody has to look at it again just now.

    Never by a case of a suspected minor: whoever reports these to Discord hears of every copy.
    """
    sha256 = file_of(scan)
    if sha256 is None or category is Category.MINOR_SUSPECTED:
        return None
    found = await tx.cases.of_file(guild.guild_id, sha256)
    merged = [await tx.cases.get(case.duplicate_of) for case in found if case.duplicate_of is not None]
    cases = [case for case in (*found, *merged) if case is not None]
    if any(case.state.undecided for case in cases):
        return None
    last = max(filter(_stands, cases), key=lambda case: (case.decided_at or case.opened_at, case.id), default=None)
    if last is None or last.in_lane:
        return None
    assert last.decision is not None
    if not last.decision.mistaken and not _goes_on(last, guild, scan, upload=upload):
        return None
    return Answer(await tx.cases.touch(last.id), last.decision.mistaken)


def _goes_on(case: Case, guild: GuildSettings, scan: Scan, *, upload: bool) -> bool:
    """Whether a confirmed file may be removed where nobody has seen it yet.

    Not in a guild that only observes, nor after what the decision listed was taken off the list again.
    """
    listed = scan.plan.match is not None or case.entry_id is None
    return listed and (upload or guild.mode is not Mode.OBSERVE)


def _stands(case: Case) -> bool:
    decided = case.state in (CaseState.DECIDED, CaseState.CLOSED)
    return decided and case.decision is not None and case.decision is not Decision.DUPLICATE
