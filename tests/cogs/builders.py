"""Rows from which cards are drawn, with only what a test cares about spelled out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.explain import sentence
from bot.matching import stored
from bot.matching.packing import LocalView
from bot.model import (
    Appeal,
    Bank,
    BankKind,
    BankLevel,
    Case,
    CaseEvent,
    CaseOrigin,
    CaseState,
    CaseView,
    Category,
    Decision,
    Entry,
    Evidence,
    Fingerprint,
    Form,
    Match,
    MessageRef,
    Orientation,
    Part,
    Sanction,
    SanctionKind,
    SanctionState,
    Sighting,
    Stage,
    Surface,
    Thresholds,
    Verdict,
    View,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GUILD = 100_000_000_000_000_001
SNOWFLAKE = 999_999_999_999_999_999
"""As long as ids get."""


def match(**changes: Any) -> Match:
    """A match by the look of the whole picture, which reaches every tier."""
    base = Match(5, 1, Category.NCII_SYNTHETIC, Stage.PHASH, 12, Part.WHOLE, Orientation.UPRIGHT, evidence=evidence())
    return replace(base, **changes)


def evidence(agreement: float = 0.94, coverage: float = 0.78, inliers: int | None = None) -> Evidence:
    return Evidence(agreement, coverage, 20.0, inliers, visible=coverage)


def hash_match(distance: int, **changes: Any) -> Match:
    """A match with an entry of which only a hash is known."""
    return match(stage=Stage.PDQ, distance=distance, evidence=None, **changes)


def case(**changes: Any) -> Case:
    return replace(
        Case(
            id=12,
            guild_id=GUILD,
            category=Category.NCII_SYNTHETIC,
            origin=CaseOrigin.MATCH,
            state=CaseState.OPEN,
            version=1,
            opened_at=NOW,
            entry_id=5,
            match=match(),
            thresholds=Thresholds(),
            program_version="0.1.0",
            fingerprint=fingerprint(),
            reasons=(sentence(match()),),
        ),
        **changes,
    )


def decided(decision: Decision = Decision.CONFIRM, **changes: Any) -> Case:
    return case(state=CaseState.DECIDED, version=2, decision=decision, decided_by=42, decided_at=NOW, **changes)


def sighting(number: int = 1, **changes: Any) -> Sighting:
    message = MessageRef(GUILD, SNOWFLAKE - 1, SNOWFLAKE - number, author_id=SNOWFLAKE - 2)
    return replace(
        Sighting(
            id=number,
            message=message,
            media_id=f"attachment:{number}",
            surface=Surface.ATTACHMENT,
            seen_at=NOW + timedelta(seconds=number),
            verdict=Verdict.REMOVE,
            fingerprint=None,
            deleted_at=NOW,
        ),
        **changes,
    )


def fingerprint(*, plain: bool = False) -> Fingerprint:
    views = () if plain else (View(Form.WHOLE, 0, b"\1" * 256, b"\1" * 136),)
    return Fingerprint(b"\0" * 32, views, 640, 480, 1, 90)


def featured(seed: int = 1) -> Fingerprint:
    """A fingerprint at random that has local features."""
    bits = np.random.default_rng(seed)
    local = LocalView(
        bits.integers(0, 65_536, 80, np.uint16),
        bits.integers(0, 2**63, (80, 2), np.uint64),
        bits.integers(0, 2**32, 80, np.uint32),
        bits.integers(0, 2, 80, np.uint8),
        512,
        400,
    )
    view = View(Form.WHOLE, 0, bits.bytes(256), bits.bytes(136), stored.to_bytes(local))
    return Fingerprint(bits.bytes(32), (view,), 640, 480, 1, 90)


def entry(**changes: Any) -> Entry:
    return replace(
        Entry(
            id=5,
            bank_id=1,
            category=Category.NCII_SYNTHETIC,
            fingerprint=fingerprint(),
            note="",
            added_by=42,
            added_at=NOW,
            source="moderator",
        ),
        **changes,
    )


def bank(**changes: Any) -> Bank:
    return replace(Bank(1, "own", BankKind.BLOCK, GUILD, BankLevel.REMOVE), **changes)


def event(kind: str, detail: str = "", actor_id: int | None = None) -> CaseEvent:
    return CaseEvent(12, NOW, kind, actor_id, detail)


def appeal(number: int = 1, statement: str | None = "It is my own drawing.", **changes: Any) -> Appeal:
    return replace(Appeal(number, 12, GUILD, SNOWFLAKE - number, 0, statement, NOW), **changes)


def sanction(number: int = 1, **changes: Any) -> Sanction:
    base = Sanction(number, 12, GUILD, SNOWFLAKE - number, SanctionKind.BAN, 0, 42, NOW, SanctionState.FAILED)
    return replace(base, **changes)


def view(of: Case | None = None, **changes: Any) -> CaseView:
    sightings = changes.pop("sightings", (sighting(),))
    values: dict[str, Any] = {
        "case": of or case(),
        "bank": bank(),
        "entry": entry(),
        "sightings": sightings,
        "sighting_count": len(sightings),
        "removed_count": sum(one.deleted_at is not None for one in sightings),
        "report_count": 0,
        "events": (),
    }
    return CaseView(**(values | changes))
