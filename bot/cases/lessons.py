"""What a decision teaches: the entries that it adds to the guild's own banks, and those that it takes out of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.banks.service import ensure_own
from bot.matching.matcher import nearest_sightings
from bot.model import BankKind, Case, Category, Entry, Fingerprint, GuildSettings, Mode
from bot.policy import decide
from bot.store.engine import Tx


async def block_picture(tx: Tx, case: Case, guild: GuildSettings, actor_id: int, at: datetime) -> Entry | None:
    """List the picture of a confirmed case itself; None if its copies are removed without that, or it is too plain."""
    fingerprint = case.fingerprint
    if fingerprint is None or fingerprint.plain or await _removed_anyway(tx, case, fingerprint, guild):
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
    distance = int(nearest_sightings(entry.fingerprint, [fingerprint.upright()])[0])
    match = replace(case.match, distance=max(distance, case.match.distance))
    removing = replace(guild, mode=Mode.REMOVE, thresholds=case.thresholds)
    return decide([match], removing, {bank.id: bank.level}).delete


async def know_picture(tx: Tx, case: Case, actor_id: int, at: datetime) -> Entry | None:
    """List the picture of a case as known-good; None if it is too plain."""
    if case.fingerprint is None or case.fingerprint.plain:
        return None
    bank = await ensure_own(tx, case.guild_id, BankKind.KNOWN_GOOD)
    return await tx.banks.add_entry(
        bank_id=bank.id,
        category=Category.OTHER,
        fingerprint=case.fingerprint,
        note=f"Not a match in case {case.id}",
        added_by=actor_id,
        source="review",
        added_at=at,
        case_id=case.id,
    )


async def doubt_entries(tx: Tx, case: Case, guild: GuildSettings, actor_id: int, at: datetime) -> list[int]:
    """Revoke the guild's own entries that are the innocent picture itself; their ids.

    No known-good entry could ever be nearer than such an entry by the margin, so the picture would come back for ever.
    They are the entry that it lies that near to, and what the case itself listed before it was opened again.
    """
    revoked = await tx.banks.revoke_by_case(case.id, actor_id, at)
    if case.entry_id is None or case.match is None or case.match.distance >= guild.thresholds.margin:
        return revoked
    entry = await tx.banks.entry(case.entry_id)
    bank = None if entry is None else await tx.banks.get(entry.bank_id)
    own = bank is not None and bank.guild_id == case.guild_id
    if own and await tx.banks.revoke(case.entry_id, actor_id, at):
        revoked.append(case.entry_id)
    return revoked
