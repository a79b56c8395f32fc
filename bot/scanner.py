"""One media item on its own: address to bytes to fingerprint to plan. Writes nothing and acts on nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Protocol

from .matching.matcher import Matcher
from .media.errors import MediaError
from .model import (
    BankLevel,
    Fingerprint,
    GuildSettings,
    Match,
    MediaRef,
    Plan,
    Scan,
    SeenMedia,
    Unscannable,
    UnscannableRef,
    Verdict,
)
from .policy import decide

REMEMBERED = 4096
"""Fingerprints kept in memory by SHA-256 (about a kilobyte each), so that a re-post is not decoded again."""


class Fetches(Protocol):
    """Delivers the bytes behind an address, or raises MediaError."""

    async def fetch(self, url: str) -> bytes: ...  # noqa: D102


class Fingerprints(Protocol):
    """Turns bytes into a fingerprint away from this process, or raises MediaError."""

    async def fingerprint(self, data: bytes) -> Fingerprint: ...  # noqa: D102


class Scanner:
    """Fetches, fingerprints, matches and judges media items. Safe to call from many tasks at once."""

    def __init__(self, fetcher: Fetches, sandbox: Fingerprints, matcher: Matcher, *, max_bytes: int) -> None:
        self._fetcher = fetcher
        self._sandbox = sandbox
        self._matcher = matcher
        self._max_bytes = max_bytes
        self._remembered: OrderedDict[bytes, Fingerprint] = OrderedDict()

    async def scan(self, item: SeenMedia, guild: GuildSettings) -> Scan:
        """The outcome for one media item. A failure is an outcome too: never an exception, never ``clear``."""
        if isinstance(item, UnscannableRef):
            return _failed(item.reason)
        try:
            return await self.scan_bytes(await self._fetch(item), guild)
        except MediaError as error:
            return _failed(error.reason)

    async def scan_bytes(self, data: bytes, guild: GuildSettings) -> Scan:
        """The outcome for a file in memory. The exact file of an entry that may remove is not decoded."""
        sha256 = hashlib.sha256(data).digest()
        if self._matcher.known_good_exact(sha256, guild.guild_id) is not None:
            return Scan(decide((), guild, {}, known_good_exact=True), sha256=sha256)
        exact = self._matcher.exact(sha256, guild.guild_id)
        listed: Scan | None = None
        if exact:
            listed = Scan(self._decide(exact, guild), self._matcher.fingerprint(exact[0].entry_id), sha256)
            if self._may_remove(exact):
                return listed
        try:
            fingerprint = await self._fingerprint(sha256, data)
        except MediaError as error:
            return listed or self._judge_part(error, sha256, guild)
        if fingerprint.plain:
            return listed or Scan(Plan(Verdict.UNSCANNABLE), fingerprint, sha256, Unscannable.TOO_PLAIN)
        return Scan(self.judge(fingerprint, guild, exact), fingerprint, sha256)

    async def fingerprint(self, item: MediaRef) -> Fingerprint:
        """Fetch and fingerprint one media item, a damaged one by the part that can be read.

        MediaError says why that is not possible.
        """
        data = await self._fetch(item)
        try:
            return await self._fingerprint(hashlib.sha256(data).digest(), data)
        except MediaError as error:
            if error.partial is None:
                raise
            return error.partial

    def judge(self, fingerprint: Fingerprint, guild: GuildSettings, exact: tuple[Match, ...] = ()) -> Plan:
        """The plan for a fingerprint: its matches in the banks that the guild sees, judged by the guild's settings.

        ``exact``: entries made from this very file, which speak for themselves.
        """
        if self._matcher.known_good_exact(fingerprint.sha256, guild.guild_id) is not None:
            return decide((), guild, {}, known_good_exact=True)
        limits = guild.thresholds
        matches = self._matcher.match(fingerprint, guild.guild_id, review_distance=limits.review, margin=limits.margin)
        known = {match.entry_id for match in exact}
        return self._decide((*exact, *(match for match in matches if match.entry_id not in known)), guild)

    def _may_remove(self, exact: tuple[Match, ...]) -> bool:
        """Whether nothing nearer could be found that leads to more: a list that may only flag must hide no other."""
        banks = (self._matcher.bank(match.bank_id) for match in exact)
        return any(bank is not None and bank.level is BankLevel.REMOVE for bank in banks)

    def _judge_part(self, error: MediaError, sha256: bytes, guild: GuildSettings) -> Scan:
        """A damaged file of which a part could be read: that part can match, but it cannot clear the picture."""
        if error.partial is None or error.partial.plain:
            return _failed(error.reason, sha256)
        plan = self.judge(error.partial, guild)
        if plan.match is not None:
            return Scan(plan, error.partial, sha256)
        failed = _failed(error.reason, sha256)
        return Scan(failed.plan, error.partial, sha256, failed.unscannable)

    def _decide(self, matches: tuple[Match, ...], guild: GuildSettings) -> Plan:
        levels: dict[int, BankLevel] = {}
        for match in matches:
            bank = self._matcher.bank(match.bank_id)
            if bank is not None:
                levels[bank.id] = bank.level
        return decide(matches, guild, levels)

    async def _fetch(self, item: MediaRef) -> bytes:
        if item.size is not None and item.size > self._max_bytes:
            raise MediaError(Unscannable.TOO_LARGE)
        return await self._fetcher.fetch(item.url)

    async def _fingerprint(self, sha256: bytes, data: bytes) -> Fingerprint:
        known = self._remembered.get(sha256)
        if known is not None:
            self._remembered.move_to_end(sha256)
            return known
        fingerprint = await self._sandbox.fingerprint(data)
        self._remembered[sha256] = fingerprint
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return fingerprint


def _failed(reason: Unscannable, sha256: bytes | None = None) -> Scan:
    return Scan(Plan(Verdict.UNSCANNABLE, reasons=(reason.sentence,)), sha256=sha256, unscannable=reason)
