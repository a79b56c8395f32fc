"""One media item on its own: address to bytes to what can be compared to plan. Writes nothing and acts on nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .matching import thumbhash
from .matching.matcher import Matcher
from .matching.query import Query, Wanted
from .media.errors import MediaError
from .model import (
    BankLevel,
    Category,
    Fingerprint,
    GuildSettings,
    Match,
    MediaRef,
    Plan,
    Scan,
    SeenMedia,
    Strictness,
    Thresholds,
    Unscannable,
    UnscannableRef,
    Verdict,
)
from .policy import Facts, decide

REMEMBERED = 4096
"""Outcomes kept in memory by SHA-256 and guild (about two kilobytes each), so that a re-post is not decoded again."""


class Fetches(Protocol):
    """Delivers the bytes behind an address, or raises MediaError."""

    async def fetch(self, url: str) -> bytes: ...  # noqa: D102


class Decodes(Protocol):
    """Turns bytes into what can be compared, away from this process, or raises MediaError."""

    async def query(self, data: bytes, wanted: Wanted) -> Query: ...  # noqa: D102


class _Outcome(NamedTuple):
    """What a file was found to be near, as long as the banks stay as they were at ``version``.

    ``rendered``: a rendering was made for its case already. It is not kept in here: should a minor be suspected, there
    is nothing to forget.
    """

    version: int
    wanted: Wanted
    fingerprint: Fingerprint
    plain: bool
    matches: tuple[Match, ...]
    rendered: bool = False


@dataclass(frozen=True, slots=True)
class Judging:
    """How the installation judges: its thresholds, and below how many known-good entries ``auto`` means strict."""

    thresholds: Thresholds
    enough_known_good: int


class Scanner:
    """Fetches, decodes, matches and judges media items. Safe to call from many tasks at once."""

    def __init__(
        self,
        fetcher: Fetches,
        decoder: Decodes,
        matcher: Matcher,
        judging: Judging,
        *,
        max_bytes: int,
        searches: int = 2,
    ) -> None:
        """``searches`` is how many pictures are looked up at once, each in a thread of its own."""
        self._fetcher = fetcher
        self._decoder = decoder
        self._matcher = matcher
        self._judging = judging
        self._max_bytes = max_bytes
        self._searching = asyncio.Semaphore(searches)
        self._remembered: OrderedDict[tuple[bytes, int], _Outcome] = OrderedDict()

    @property
    def thresholds(self) -> Thresholds:
        """What the installation asks of a match."""
        return self._judging.thresholds

    async def scan(self, item: SeenMedia, guild: GuildSettings, *, reported: Category | None = None) -> Scan:
        """The outcome for one media item. A failure is an outcome too: never an exception, never ``clear``.

        ``reported``: what a member says that it is, whose report opens a case whatever is found.
        """
        if isinstance(item, UnscannableRef):
            return _failed(item.reason)
        try:
            return await self.scan_bytes(await self._fetch(item), guild, reported=reported)
        except MediaError as error:
            return _failed(error.reason)

    async def scan_bytes(self, data: bytes, guild: GuildSettings, *, reported: Category | None = None) -> Scan:
        """The outcome for a file in memory. The exact file of an entry that may remove is not decoded."""
        sha256 = hashlib.sha256(data).digest()
        if self._matcher.known_good_exact(sha256, guild.guild_id) is not None:
            return Scan(self._decide((), guild, known_good_exact=True), sha256=sha256)
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        exact = self._matcher.exact(sha256, guild.guild_id, md5=md5)
        listed: Scan | None = None
        if exact:
            listed = Scan(self._decide(exact, guild), self._listed(exact[0], sha256), sha256)
            if self._may_remove(exact):
                return listed
        try:
            outcome, query = await self._outcome(sha256, data, guild)
        except MediaError as error:
            return listed or await self._judge_part(error, sha256, guild)
        if outcome.plain:
            return listed or Scan(Plan(Verdict.UNSCANNABLE), outcome.fingerprint, sha256, Unscannable.TOO_PLAIN)
        matches = _joined(exact, outcome.matches)
        plan = self._decide(matches, guild)
        if plan.open_case and plan.verdict is Verdict.REVIEW:
            outcome = await self._with_reference(outcome, sha256, data, guild)
        rendering: bytes | None = None
        wanted = reported is not None or (plan.open_case and not outcome.rendered)
        if wanted and _may_render(guild, matches, reported):
            rendering = await self._rendering(query, data)
            self._remember(sha256, guild, outcome._replace(rendered=True))
        return Scan(plan, outcome.fingerprint, sha256, thumbhash=rendering)

    async def reference(self, item: MediaRef, guild: GuildSettings) -> Fingerprint:
        """Fetch one media item and make what a new entry needs of it, of a damaged one by the part that can be read.

        MediaError says why that is not possible.
        """
        return await self.reference_of(await self._fetch(item), guild)

    async def reference_of(self, data: bytes, guild: GuildSettings | None = None) -> Fingerprint:
        """What a new entry needs of a file in memory. Guild None is the installation itself. Raises MediaError."""
        try:
            query = await self._decoder.query(data, self._matcher.wanted_of_entries(guild))
        except MediaError as error:
            if error.partial is None:
                raise
            query = error.partial
        return await asyncio.to_thread(self._matcher.packed, query)

    def judge(self, fingerprint: Fingerprint, guild: GuildSettings) -> Plan:
        """The plan for what is kept of a picture: its matches in the banks that the guild sees, as a whole picture."""
        if self._matcher.known_good_exact(fingerprint.sha256, guild.guild_id) is not None:
            return self._decide((), guild, known_good_exact=True)
        return self._decide(self._matcher.match(Query(fingerprint), guild.guild_id), guild)

    def plan(self, match: Match, guild: GuildSettings) -> Plan:
        """The plan for one match alone."""
        return self._decide((match,), guild)

    def strict(self, guild: GuildSettings) -> bool:
        """Whether the strict tier decides about removal in this guild."""
        if guild.strictness is not Strictness.AUTO:
            return guild.strictness is Strictness.STRICT
        return self._matcher.known_good_count(guild.guild_id) < self._judging.enough_known_good

    def _listed(self, match: Match, sha256: bytes) -> Fingerprint | None:
        """The fingerprint of the entry made from this very file, as that of the file."""
        fingerprint = self._matcher.fingerprint(match.entry_id)
        return fingerprint if fingerprint is None or fingerprint.sha256 else replace(fingerprint, sha256=sha256)

    def _may_remove(self, exact: tuple[Match, ...]) -> bool:
        """Whether nothing nearer could be found that leads to more: a list that may only flag must hide no other."""
        banks = (self._matcher.bank(match.bank_id) for match in exact)
        return any(bank is not None and bank.level in (BankLevel.REMOVE, BankLevel.STRICT) for bank in banks)

    async def _judge_part(self, error: MediaError, sha256: bytes, guild: GuildSettings) -> Scan:
        """A damaged file of which a part could be read: that part can match, but it cannot clear the picture."""
        if error.partial is None or error.partial.plain:
            return _failed(error.reason, sha256)
        fingerprint = error.partial.fingerprint
        plan = self._decide(await self._matches(error.partial, guild), guild)
        if plan.match is not None:
            return Scan(plan, fingerprint, sha256)
        failed = _failed(error.reason, sha256)
        return Scan(failed.plan, fingerprint, sha256, failed.unscannable)

    def _decide(self, matches: tuple[Match, ...], guild: GuildSettings, *, known_good_exact: bool = False) -> Plan:
        levels: dict[int, BankLevel] = {}
        for match in matches:
            bank = self._matcher.bank(match.bank_id)
            if bank is not None:
                levels[bank.id] = bank.level
        facts = Facts(self._judging.thresholds, levels, strict=self.strict(guild), known_good_exact=known_good_exact)
        return decide(matches, guild, facts)

    async def _fetch(self, item: MediaRef) -> bytes:
        if item.size is not None and item.size > self._max_bytes:
            raise MediaError(Unscannable.TOO_LARGE)
        return await self._fetcher.fetch(item.url)

    async def _outcome(self, sha256: bytes, data: bytes, guild: GuildSettings) -> tuple[_Outcome, Query | None]:
        """What a file is near, and what was decoded for it; None for a file that is remembered."""
        key = sha256, guild.guild_id
        wanted = self._matcher.wanted(guild)
        known = self._remembered.get(key)
        if known is not None and (known.version, known.wanted) == (self._matcher.version, wanted):
            self._remembered.move_to_end(key)
            return known, None
        query = await self._decoder.query(data, wanted)
        version = self._matcher.version
        matches = await self._matches(query, guild)
        outcome = _Outcome(version, wanted, query.fingerprint, query.plain, matches)
        self._remember(sha256, guild, outcome)
        return outcome, query

    def _remember(self, sha256: bytes, guild: GuildSettings, outcome: _Outcome) -> None:
        self._remembered[sha256, guild.guild_id] = outcome
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    async def _rendering(self, query: Query | None, data: bytes) -> bytes | None:
        """The ThumbHash of a file: of its frame with the most contrast, on whatever ground shows it best."""
        frames = () if query is None else query.frames
        if not frames:
            try:
                frames = (await self._decoder.query(data, Wanted.PLANES)).frames
            except MediaError:
                return None
        planes = [frame.plane for frame in frames]
        return await asyncio.to_thread(_clearest, planes) if planes else None

    async def _matches(self, query: Query, guild: GuildSettings) -> tuple[Match, ...]:
        async with self._searching:
            return await asyncio.to_thread(self._matcher.match, query, guild.guild_id)

    async def _with_reference(self, outcome: _Outcome, sha256: bytes, data: bytes, guild: GuildSettings) -> _Outcome:
        """The outcome with what a new entry needs: a confirmed case becomes one, and by then the picture is gone."""
        if outcome.fingerprint.has_features or not self._matcher.wanted_of_entries(guild):
            return outcome
        try:
            fingerprint = await self.reference_of(data, guild)
        except MediaError:
            return outcome
        outcome = outcome._replace(fingerprint=fingerprint)
        self._remember(sha256, guild, outcome)
        return outcome


def _joined(exact: tuple[Match, ...], near: tuple[Match, ...]) -> tuple[Match, ...]:
    """Entries made from this very file speak for themselves."""
    known = {match.entry_id for match in exact}
    return (*exact, *(match for match in near if match.entry_id not in known))


def _clearest(planes: Sequence[NDArray[np.uint8]]) -> bytes:
    return thumbhash.encode(max(planes, key=lambda plane: float(plane.std())))


def _may_render(guild: GuildSettings, matches: Iterable[Match], reported: Category | None) -> bool:
    """Whether the guild wants renderings and nobody and nothing says that the picture may show a minor."""
    said = {match.category for match in matches} | {reported}
    return guild.reveal and Category.MINOR_SUSPECTED not in said


def _failed(reason: Unscannable, sha256: bytes | None = None) -> Scan:
    return Scan(Plan(Verdict.UNSCANNABLE, reasons=(reason.sentence,)), sha256=sha256, unscannable=reason)
