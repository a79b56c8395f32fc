"""Which open case a picture belongs to, and what a case learns from a further picture of its cluster."""

from __future__ import annotations

from datetime import datetime

from bot.matching.likeness import same_picture
from bot.model import Case, CaseState, Category, Decision, Fingerprint, GuildSettings, Match, Thresholds
from bot.store.engine import Tx

from .states import CaseAction, target

MOST_SIGHTINGS = 10_000
"""Sightings of a case on which a decision acts, and whose authors and reporters hear of it."""


async def open_case(
    tx: Tx, guild: GuildSettings, fingerprint: Fingerprint | None, entry_id: int | None, thresholds: Thresholds
) -> Case | None:
    """The open case of this picture's cluster in the guild; nobody decides it before the transaction ends.

    A cluster is what lies near one entry, and what lies near the picture of another open case, whichever entries the
    two are near; and what would belong to a case that somebody called a duplicate of an open one.
    """
    await tx.cases.in_turn(guild.guild_id)
    while True:
        found = None if entry_id is None else await tx.cases.find_open(guild.guild_id, entry_id=entry_id)
        if found is None:
            found = await _near(tx, guild, fingerprint, thresholds)
        if found is None:
            found = await _merged(tx, guild, fingerprint, entry_id, thresholds)
        if found is None:
            return None
        case = await tx.cases.touch(found.id)
        if case.state.undecided:  # else somebody decided it while this waited for its row
            return case


async def confirmed(tx: Tx, guild: GuildSettings, fingerprint: Fingerprint | None, since: datetime) -> Case | None:
    """The case in which this very file was confirmed since then; nobody decides it before the transaction ends.

    A raid goes on after somebody decided: what is removed anyway needs no second decision, and nobody is called again.
    A picture that only looks the same is not meant: it may be the innocent original, which nobody has looked at. Nor
    are suspected minors: whoever reports them to Discord hears of every copy.
    """
    if fingerprint is None:
        return None
    for found in await tx.cases.confirmed_file(guild.guild_id, fingerprint.sha256, since):
        if not found.in_lane:
            case = await tx.cases.touch(found.id)
            if case.state is CaseState.DECIDED and case.decision is Decision.CONFIRM:
                return case
    return None


async def _near(tx: Tx, guild: GuildSettings, fingerprint: Fingerprint | None, thresholds: Thresholds) -> Case | None:
    if fingerprint is None:
        return None
    for case in await tx.cases.open_cases(guild.guild_id):
        if _same(case, fingerprint, thresholds):
            return case
    return None


async def _merged(
    tx: Tx, guild: GuildSettings, fingerprint: Fingerprint | None, entry_id: int | None, thresholds: Thresholds
) -> Case | None:
    for duplicate in await tx.cases.open_duplicates(guild.guild_id):
        by_entry = entry_id is not None and duplicate.entry_id == entry_id
        if by_entry or (fingerprint is not None and _same(duplicate, fingerprint, thresholds)):
            assert duplicate.duplicate_of is not None
            return await tx.cases.get(duplicate.duplicate_of)
    return None


def _same(case: Case, fingerprint: Fingerprint, thresholds: Thresholds) -> bool:
    return case.fingerprint is not None and same_picture(case.fingerprint, fingerprint, thresholds)


async def gather_file(tx: Tx, case: Case) -> int:
    """Tie the kept copies of its very file that no case holds to a case that knows nothing but the file; how many.

    No hunt would find them: it compares what pictures look like.
    """
    if case.fingerprint is None or not case.fingerprint.plain:
        return 0
    kept = await tx.sightings.of_file(case.guild_id, case.fingerprint.sha256)
    loose = [sighting.id for sighting in kept if sighting.case_id is None]
    await tx.sightings.attach(loose, case.id, case.entry_id, {})
    return len(loose)


async def inform(tx: Tx, case: Case, match: Match | None, reasons: tuple[str, ...]) -> Case:
    """Tell a case that nobody else can change now of a further picture: its first match is the one that it shows."""
    if match is None or case.match is not None:
        return case
    reasons = tuple(dict.fromkeys((*reasons, *case.reasons)))
    informed = await tx.cases.compare_and_set(
        case.id, case.version, match=match, entry_id=match.entry_id, reasons=reasons
    )
    assert informed is not None, "the row of the case is locked by this very transaction"
    return informed


async def into_lane(tx: Tx, case: Case) -> Case:
    """Put a case that nobody else can change now into the lane of suspected minors, for good.

    What could show the picture is forgotten, and a claim ends: whoever holds it may not be one who decides there.
    """
    moved = await tx.cases.compare_and_set(
        case.id,
        case.version,
        state=target(case.state, CaseAction.RELEASE) if case.state is CaseState.CLAIMED else case.state,
        category=Category.MINOR_SUSPECTED,
        thumbhash=None,
        claimed_by=None,
        claimed_until=None,
    )
    assert moved is not None, "the row of the case is locked by this very transaction"
    return moved
