"""Values to store."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.model import (
    BankKind,
    BankLevel,
    Call,
    CallKind,
    Case,
    CaseOrigin,
    Category,
    Entry,
    Evidence,
    Fingerprint,
    Fitting,
    Form,
    Match,
    MessageRef,
    Orientation,
    Part,
    Plan,
    Scan,
    Stage,
    Thresholds,
    Tier,
    Verdict,
    View,
)
from bot.store.engine import Store, Tx
from bot.store.periods import RULES, expired
from bot.store.rules import Period
from tests.conftest import VAULT as VAULT

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
GUILD = 2**63 - 1
OTHER_GUILD = 2**53 + 1
FITTINGS = [Fitting(number, 0.875, 0.5, 7.5) for number in (9, 40, 4)]
THRESHOLDS = Thresholds(remove=Tier(60, 0.9, 0.25, 11.0, *FITTINGS), hash_remove=30, margin=0.0625, margin_bits=9)


def fingerprint(seed: int = 1, *, views: int = 2, hashes: int = 8) -> Fingerprint:
    """A fingerprint that differs for each seed."""
    return Fingerprint(
        sha256=seed.to_bytes(32, "big"),
        views=tuple(
            View(
                (Form.WHOLE, Form.TRIMMED)[number % 2],
                number // 2,
                bytes([seed % 256, number] * 16 * hashes),
                bytes([number, seed % 256] * 68) if number < 3 else b"",
                bytes([seed % 256] * 50 * number),
            )
            for number in range(views)
        ),
        width=640,
        height=480,
        frames=3,
        quality=87,
        md5=seed.to_bytes(16, "big"),
        pdq=(bytes([seed % 256] * 32), bytes([255 - seed % 256] * 32)),
    )


def match(entry: Entry, distance: int = 7) -> Match:
    return Match(
        entry_id=entry.id,
        bank_id=entry.bank_id,
        category=entry.category,
        stage=Stage.PHASH,
        distance=distance,
        part=Part.TRIMMED,
        orientation=Orientation.TURNED_LEFT,
        inverted=True,
        evidence=Evidence(0.9375, 0.5, 17.25, 12, 0.625),
        known_good_id=entry.id,
        known_good_distance=distance + 30,
        known_good_agreement=0.75,
        frames_matched=2,
        frames_compared=3,
    )


def message(number: int = 1, *, guild_id: int = GUILD, author_id: int | None = 2**60) -> MessageRef:
    return MessageRef(guild_id=guild_id, channel_id=2**61, message_id=2**62 + number, author_id=author_id)


def scan(seed: int = 1, *, verdict: Verdict = Verdict.CLEAR, match: Match | None = None) -> Scan:
    found = fingerprint(seed)
    return Scan(Plan(verdict, match), found, found.sha256)


def call(key: str, *, lane: str | None = None, kind: CallKind = CallKind.NOTIFY, case_id: int | None = None) -> Call:
    return Call(kind, key, lane or key, {"user_id": 2**63 - 1, "text": "é", "nothing": None}, case_id, GUILD)


async def add_entry(tx: Tx, seed: int = 1, *, guild_id: int | None = GUILD, kind: BankKind = BankKind.BLOCK) -> Entry:
    bank = await tx.banks.ensure("own", kind, guild_id, BankLevel.REMOVE)
    return await tx.banks.add_entry(
        bank_id=bank.id,
        category=Category.NCII_SYNTHETIC,
        fingerprint=fingerprint(seed),
        note="from a report",
        added_by=2**60,
        source="moderator",
        added_at=NOW,
    )


async def open_case(tx: Tx, entry: Entry | None = None, *, guild_id: int = GUILD) -> Case:
    return await tx.cases.open(
        guild_id=guild_id,
        category=Category.NCII_SYNTHETIC,
        origin=CaseOrigin.MATCH,
        opened_at=NOW,
        entry_id=None if entry is None else entry.id,
        match=None if entry is None else match(entry),
        thresholds=THRESHOLDS,
        program_version="0.1.0",
        fingerprint=fingerprint(9),
        reasons=("It lies 7 bits away.", "Nothing known to be good is near."),
    )


async def expire(tx: Tx, table: sa.Table, before: datetime) -> int:
    """Erase the rows of a table that are past their time, all periods ending then; how many."""
    rule, total = RULES[table.name], 0
    for condition in expired(rule, dict.fromkeys(Period, before)):
        total += await tx.erasure.erase(rule, condition, await tx.erasure.find(rule, condition, limit=1000))
    return total


async def put(store: Store, *calls: Call, at: datetime = NOW) -> int:
    async with store.write() as tx:
        return await tx.outbox.put(calls, at)
