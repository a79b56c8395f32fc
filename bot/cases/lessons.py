"""What a decision teaches: the entries that it adds to the guild's own banks, and those that it takes out of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.banks.service import OWN, ensure_own
from bot.matching.gate import gated
from bot.matching.likeness import alike
from bot.model import BankKind, Case, Category, Entry, Fingerprint, GuildSettings, Match, Mode
from bot.policy import Facts, decide
from bot.store.engine import Tx


async def block_picture(tx: Tx, case: Case, guild: GuildSettings, actor_id: int, at: datetime) -> Entry | None:
    """List the picture of a confirmed case itself; None if its copies are removed without that."""
    fingerprint = await _kept(tx, case, guild)
    if fingerprint is None or await _removed_anyway(tx, case, fingerprint, guild):
        return None
    bank = await ensure_own(tx, case.guild_id, BankKind.BLOCK)
    if await tx.banks.find_exact(fingerprint.sha256, [bank.id]):
        return None
    return await tx.banks.add_entry(
        bank_id=bank.id,
        category=case.category,
        fingerprint=fingerprint,
        note=f"Confirmed in case {case.id}",
        added_by=actor_id,
        source="review",
        added_at=at,
        case_id=case.id,
    )


async def _removed_anyway(tx: Tx, case: Case, fingerprint: Fingerprint, guild: GuildSettings) -> bool:
    """Whether a guild that removes would remove the picture by the entry that it lies near.

    Not by one that is too far away, revoked, of a list that may only flag, or too close to a known-good picture.
    """
    entry = None if case.match is None else await tx.banks.entry(case.match.entry_id)
    bank = None if entry is None else await tx.banks.get(entry.bank_id)
    if case.match is None or entry is None or bank is None or entry.revoked_at is not None:
        return False
    facts = Facts(case.thresholds, {bank.id: bank.level}, strict=True)
    removing = replace(guild, mode=Mode.REMOVE)
    return decide([_as_far(case.match, entry.fingerprint, fingerprint)], removing, facts).delete


def _as_far(match: Match, entry: Fingerprint, fingerprint: Fingerprint) -> Match:
    """The match, or a weaker one if the picture of the case as a whole is farther from the entry than its match."""
    likeness = alike(entry, fingerprint)
    if match.distance is None or likeness is None or likeness.distance <= match.distance:
        return match
    return replace(match, distance=likeness.distance, evidence=likeness.evidence)


async def know_picture(tx: Tx, case: Case, guild: GuildSettings, actor_id: int, at: datetime) -> Entry | None:
    """List the picture of a case as known-good; None if nothing is known of it, or nothing but the digest of a file.

    A file that nobody has seen cannot be called harmless: somebody may have named it so that it is never removed.
    """
    fingerprint = await _kept(tx, case, guild)
    if fingerprint is None or fingerprint.file_alone:
        return None
    bank = await ensure_own(tx, case.guild_id, BankKind.KNOWN_GOOD)
    return await tx.banks.add_entry(
        bank_id=bank.id,
        category=Category.OTHER,
        fingerprint=fingerprint,
        note=f"Not a match in case {case.id}",
        added_by=actor_id,
        source="review",
        added_at=at,
        case_id=case.id,
    )


async def _kept(tx: Tx, case: Case, guild: GuildSettings) -> Fingerprint | None:
    """What an entry of the guild keeps of the picture of a case: of a file that was only named, what a copy showed."""
    fingerprint = case.fingerprint
    if fingerprint is None:
        return None
    if fingerprint.file_alone:
        copies = [sighting.fingerprint for sighting in await tx.sightings.by_case(case.id)]
        fingerprint = next((one for one in copies if one and one.sha256 == fingerprint.sha256), fingerprint)
    return gated(fingerprint if guild.local_features else fingerprint.without_features())


async def doubt_entries(tx: Tx, case: Case, actor_id: int, at: datetime) -> list[int]:
    """Revoke the guild's own entries that are the innocent picture itself; their ids.

    No known-good entry could ever be nearer than such an entry, so the picture would come back for ever.
    They are the entry that it lies that near to, and what the case itself listed before it was opened again.
    """
    revoked = await tx.banks.revoke_by_case(case.id, actor_id, at)
    match = case.match
    if case.entry_id is None or match is None or match.distance is None:
        return revoked
    if match.distance >= case.thresholds.margin_bits:
        return revoked
    entry = await tx.banks.entry(case.entry_id)
    bank = None if entry is None else await tx.banks.get(entry.bank_id)
    own = bank is not None and bank.guild_id == case.guild_id
    if own and await tx.banks.revoke(case.entry_id, actor_id, at):
        revoked.append(case.entry_id)
    return revoked


async def doubt_known_good(tx: Tx, case: Case, actor_id: int, at: datetime) -> list[int]:
    """Revoke the guild's own known-good entries of the very file of a case; their ids.

    Whoever asks to take a picture down says what the moderators who called it harmless did not know; while the entry
    stands, no copy would ever be removed.
    """
    bank = await tx.banks.find(OWN, BankKind.KNOWN_GOOD, case.guild_id)
    if bank is None or case.fingerprint is None:
        return []
    found = await tx.banks.find_exact(case.fingerprint.sha256, [bank.id])
    return [entry.id for entry in found if await tx.banks.revoke(entry.id, actor_id, at)]


def in_doubt(confirmed: Case, good: Fingerprint) -> bool:
    """Whether a picture that was confirmed lies as near to this innocent one as to the entry that it was removed by."""
    match, limits = confirmed.match, confirmed.thresholds
    likeness = None if confirmed.fingerprint is None else alike(good, confirmed.fingerprint)
    if match is None or likeness is None:
        return False
    if match.evidence is not None and likeness.evidence is not None:
        return match.evidence.agreement - likeness.evidence.agreement < limits.margin
    return match.distance is not None and likeness.distance - match.distance < limits.margin_bits
