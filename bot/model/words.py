"""Words that several parts share: categories, modes, banks' kinds and levels, verdicts, stages."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What an entry or a report says that a picture is."""

    NCII_SYNTHETIC = "ncii_synthetic"
    NCII_REAL = "ncii_real"
    MINOR_SUSPECTED = "minor_suspected"
    HARASSMENT = "harassment"
    SCAM = "scam"
    OTHER = "other"


class Mode(StrEnum):
    """What a guild lets the bot do with a match."""

    OBSERVE = "observe"
    REVIEW = "review"
    REMOVE = "remove"


class BankKind(StrEnum):
    """Whether a bank lists abuse or pictures known to be harmless."""

    BLOCK = "block"
    KNOWN_GOOD = "known_good"


class BankLevel(StrEnum):
    """The most that a match with an entry of this bank may lead to."""

    OBSERVE = "observe"
    REVIEW = "review"
    REMOVE = "remove"


class Verdict(StrEnum):
    """How the scan of one media item ended."""

    CLEAR = "clear"
    REVIEW = "review"
    REMOVE = "remove"
    UNSCANNABLE = "unscannable"


class Stage(StrEnum):
    """Which comparison found a match."""

    SHA256 = "sha256"
    PHASH = "phash"
