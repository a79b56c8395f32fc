"""Rows from which cards are drawn, with only what a test cares about spelled out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model import (
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
    Fingerprint,
    Form,
    Match,
    MessageRef,
    Orientation,
    Sighting,
    Stage,
    Surface,
    Thresholds,
    Verdict,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GUILD = 100_000_000_000_000_001
SNOWFLAKE = 999_999_999_999_999_999
"""As long as ids get."""


def match(**changes: Any) -> Match:
    return replace(Match(5, 1, Category.NCII_SYNTHETIC, Stage.PHASH, 12, Form.WHOLE, Orientation.UPRIGHT), **changes)


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
            fingerprint=None,
            reasons=("12 of 256 bits from entry E-5 (removal up to 43).",),
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


def entry(**changes: Any) -> Entry:
    return replace(
        Entry(
            id=5,
            bank_id=1,
            category=Category.NCII_SYNTHETIC,
            fingerprint=Fingerprint(b"\0" * 32, (), 640, 480, 1, 90),
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
