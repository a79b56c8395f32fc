"""A server with a row of every kind in every table, all of them about one member, who moderates as well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import (
    Call,
    CallKind,
    CaseEvent,
    CaseState,
    Category,
    Decision,
    GuildSettings,
    Language,
    MediaRef,
    MessageRef,
    SanctionKind,
    Surface,
    SweepKind,
    SweepState,
    Verdict,
)
from bot.store.engine import Store, Tx
from bot.store.looking import Exposure
from bot.store.sweeps import Range
from bot.store.tables import metadata, tallies

from .samples import DAY, add_entry, open_case, scan

WORDS = "Sapphire chandelier"
REPORTED = 2 * DAY
"""How long before the time of filling the member reported, faced a case and was muted (until a day after it)."""

Rows = dict[str, list[dict[str, Any]]]


async def fill(store: Store, guild_id: int, member: int, at: datetime, *, number: int = 0) -> None:
    """Put rows into every table but those of the installation. ``number`` sets ids of messages and channels apart."""
    message = MessageRef(guild_id, 500 + number, 6000 + number, member)
    async with store.write() as tx:
        await _lists_and_settings(tx, guild_id, member, at)
        ended = await _case(tx, message, member, at)
        waiting = await open_case(tx, guild_id=guild_id)
        await tx.sightings.add(message, "open", Surface.ATTACHMENT, scan(2), seen_at=at, case_id=waiting.id)
        await tx.sightings.add(message, "free", Surface.ATTACHMENT, scan(3, verdict=Verdict.REVIEW), seen_at=at)
        await _people(tx, guild_id, member, at)
        await _history(tx, message, member, at)
        for key, case_id, done in (("told", ended, True), ("free", None, True), ("waits", waiting.id, False)):
            told = _call(f"{key}:{number}:{member}", member, case_id, guild_id)
            await tx.outbox.put([told], at)
            if done:
                found = await tx.connection.scalar(sa.select(outbox.c.id).where(outbox.c.key == told.key))
                await tx.outbox.done(found, at)


def _call(key: str, member: int, case_id: int | None, guild_id: int) -> Call:
    return Call(CallKind.NOTIFY, key, f"user:{member}", {"user_id": member, "text": WORDS}, case_id, guild_id)


async def _lists_and_settings(tx: Tx, guild_id: int, member: int, at: datetime) -> None:
    entry = await add_entry(tx, guild_id=guild_id)
    await tx.connection.execute(entries.update().where(entries.c.id == entry.id).values(added_by=member))
    await tx.banks.revoke(entry.id, member, at)
    await tx.banks.unrevoke(entry.id, member, at)
    await tx.connection.execute(entries.update().where(entries.c.id == entry.id).values(revoked_by=member))
    await tx.guilds.save(GuildSettings(guild_id, review_channel_id=30, hotline="A hotline"))
    await tx.guides.save(guild_id, Language.ENGLISH, "A guide")
    await tx.chores.take(guild_id, "line", now=at, not_since=at - DAY)
    await tx.connection.execute(tallies.insert().values(guild_id=guild_id, day=1, name="scanned", number=3))
    await tx.departures.note([guild_id], at)


async def _case(tx: Tx, message: MessageRef, member: int, at: datetime) -> int:
    """A case that ended, with all that can hang on one."""
    case = await open_case(tx, guild_id=message.guild_id)
    seen = await tx.sightings.add(message, "held", Surface.ATTACHMENT, scan(1), seen_at=at, case_id=case.id)
    assert seen is not None
    await tx.sightings.set_excepted(case.id, [seen], member)
    await tx.events.add(CaseEvent(case.id, at, "assigned", member, f"to <@{member}>"))
    who = {"case_id": case.id, "guild_id": message.guild_id}
    order = {"kind": SanctionKind.BAN, "decision_number": 1, "ordered_by": member, "ordered_at": at}
    await tx.sanctions.order(**who, user_id=member, **order)
    await tx.appeals.add(**who, author_id=member, decision_number=1, statement=WORDS, at=at)
    await tx.connection.execute(appeals.update().where(appeals.c.case_id == case.id).values(answered_by=member))
    await tx.reports.add(**who, reporter_id=member, category=Category.SCAM, at=at - REPORTED, words=WORDS)
    await tx.cases.compare_and_set(
        case.id, 1, state=CaseState.CLOSED, decision=Decision.CONFIRM, decided_at=at, decided_by=member
    )
    before = {"claimed_by": member, "opened_at": at - 120 * DAY}
    await tx.connection.execute(cases.update().where(cases.c.id == case.id).values(before))
    return case.id


async def _people(tx: Tx, guild_id: int, member: int, at: datetime) -> None:
    reporter = tx.reports.digest(guild_id, member)
    await tx.reporters.change(guild_id, reporter, silent=True, muted_until=at + DAY, muted_by=member)
    for ago in (0 * DAY, REPORTED):
        await tx.looking.add(guild_id=guild_id, user_id=member, case_id=1, at=at - ago, kind=Exposure.DECIDED)
    await tx.looking.opt_out(guild_id, member, [Category.SCAM])


async def _history(tx: Tx, message: MessageRef, member: int, at: datetime) -> None:
    guild_id = message.guild_id
    await tx.watermarks.raise_to(guild_id, {message.channel_id: message.message_id})
    ranges = [Range(message.channel_id, 1, message.message_id)]
    over = await tx.sweeps.open(guild_id, SweepKind.SERVER, at, ranges, requested_by=member)
    await tx.sweeps.set_state(over.id, [SweepState.RUNNING], SweepState.DONE, finished_at=at)
    await tx.sweeps.open(guild_id, SweepKind.CHANNEL, at, ranges, requested_by=member)
    await tx.jobs.put(message, (MediaRef("a", Surface.ATTACHMENT, "https://cdn.discordapp.com/a.png"),), at)


async def rows(store: Store) -> Rows:
    """Every row of every table, in a lasting order."""
    found: Rows = {}
    async with store.read() as tx:
        for name, table in metadata.tables.items():
            keys = tuple(table.primary_key.columns)
            result = await tx.connection.execute(sa.select(table).order_by(*keys))
            found[name] = [dict(row._mapping) for row in result.all()]
    return found


entries, appeals, cases, outbox = (metadata.tables[name] for name in ("entries", "appeals", "cases", "outbox"))
