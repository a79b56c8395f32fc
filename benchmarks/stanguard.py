"""The product as a contender: its own decoding, extraction, matcher and policy, on one list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from bot.matching.gate import gated
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature
from bot.matching.query import Query, Wanted
from bot.media import decode, wire
from bot.model import (
    Bank,
    BankKind,
    BankLevel,
    Category,
    Entry,
    Fingerprint,
    GuildSettings,
    Mode,
    Thresholds,
    Verdict,
)
from bot.policy import Facts, decide

from .peers import Hits

BLOCKED = Bank(1, "blocked", BankKind.BLOCK, None, BankLevel.REMOVE)
KNOWN_GOOD = Bank(2, "known good", BankKind.KNOWN_GOOD, None, BankLevel.REMOVE)
LIMITS = wire.Limits(max_pixels=100_000_000, max_frames=16, seconds=60)
GUILD = GuildSettings(1, mode=Mode.REMOVE)
LEVELS = {BLOCKED.id: BLOCKED.level}


class Stanguard:
    """What a new installation compares, with its thresholds.

    ``kept`` is what entries keep: everything; ``wholes``, as where local features are switched off; or ``pdq``, a PDQ
    hash and nothing else, as of a foreign list; or ``bundle``, the up to eight PDQ hashes of a list of our own.
    """

    tiers = ("review", "remove", "strict")
    knows_good = True

    def __init__(self, kept: Literal["all", "wholes", "pdq", "bundle"] = "all") -> None:
        self.name = "stanguard" if kept == "all" else f"stanguard, {kept} alone"
        self._kept = kept
        self._thresholds = Thresholds()
        features = kept != "wholes"
        self._matcher = Matcher(self._thresholds, Signature.derived(b"benchmark") if features else None)
        self._matcher.load([BLOCKED, KNOWN_GOOD], [])
        self._guild = replace(GUILD, local_features=features)
        self._entries: list[Entry] = []

    def describe(self, data: bytes) -> Fingerprint | None:
        query = self._read(data, self._matcher.wanted_of_entries(self._guild))
        found = gated(self._matcher.packed(query))
        if self._kept in ("pdq", "bundle"):
            found = replace(found, views=(), pdq=found.pdq[: 1 if self._kept == "pdq" else None])
        return None if found.plain else found

    def enrol(self, number: int, described: Fingerprint, *, known_good: bool = False) -> None:
        bank = KNOWN_GOOD if known_good else BLOCKED
        now = datetime.now(UTC)
        self._entries.append(Entry(number, bank.id, Category.OTHER, described, "", None, now, "benchmark"))

    def seal(self) -> None:
        """Index all entries at once, as a start of the program does."""
        self._matcher.load([BLOCKED, KNOWN_GOOD], self._entries)

    def read(self, data: bytes) -> Query:
        return self._read(data, self._matcher.wanted(self._guild))

    def search(self, query: Query) -> Hits:
        levels: dict[int, int] = {}
        for match in self._matcher.match(query, None):
            verdict = decide([match], self._guild, Facts(self._thresholds, LEVELS)).verdict
            strict = decide([match], self._guild, Facts(self._thresholds, LEVELS, strict=True)).verdict
            level = 3 if strict is Verdict.REMOVE else 2 if verdict is Verdict.REMOVE else 1
            if verdict is not Verdict.CLEAR:
                levels[match.entry_id] = level
        return levels

    def _read(self, data: bytes, wanted: Wanted) -> Query:
        reply = decode.read(data, LIMITS._replace(wanted=wanted))
        if reply.query is None:
            raise ValueError(f"The decoder refused a picture: {reply.reason}.")
        return reply.query
