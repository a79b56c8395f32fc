"""One media item on its own: address to bytes to what can be compared to plan. Writes nothing and acts on nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .matching import thumbhash
from .matching.matcher import Matcher
from .matching.query import Query, Wanted
from .media.downloads import BYTES_IN_FLIGHT, Downloads, Fetches, File
from .media.errors import MediaError, NotFetchedError
from .media.flights import Flights
from .model import (
    BankKind,
    BankLevel,
    Category,
    Fingerprint,
    GuildSettings,
    Match,
    MediaRef,
    Passing,
    Plan,
    Scan,
    SeenMedia,
    Signal,
    Strictness,
    Thresholds,
    Unscannable,
    UnscannableRef,
    Verdict,
)
from .ops import metrics
from .policy import Facts, decide
from .turns import Turns

REMEMBERED = 4096
"""Outcomes kept in memory by SHA-256 and guild (about two kilobytes each), so that a re-post is not decoded again."""


_PASSING = frozenset({Unscannable.DECODE_TIMEOUT, Unscannable.WORKER_DIED, Unscannable.INTERNAL})
"""Failures to decode that may be none of the file's own: on a busy machine, or while a process was replaced."""


class Decodes(Protocol):
    """Turns bytes into what can be compared, away from this process, or raises MediaError."""

    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool) -> Query: ...  # noqa: D102


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
    signals: tuple[Signal, ...]
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
        bytes_in_flight: int = BYTES_IN_FLIGHT,
        decoders: int = 64,
        searches: int = 2,
    ) -> None:
        """``bytes_in_flight``: how much of all files may be in memory at once.

        ``decoders`` is how many pictures of one guild are handed to the decoder at once, and ``searches`` how many are
        looked up at once, each in a thread of its own. One more is done for guilds of which none is. A decoder has to
        work on ``decoders`` and one more, or guilds do not get their turn; it is told which pictures go ahead.
        """
        self.downloads = Downloads(fetcher, max_bytes=max_bytes, in_flight=bytes_in_flight)
        self._decoder = decoder
        self._matcher = matcher
        self._judging = judging
        self._decoding, self._searching = Turns(decoders, spare=1), Turns(searches, spare=1)
        self._remembered: OrderedDict[tuple[bytes, int], _Outcome] = OrderedDict()
        # Copies in several guilds are decoded once for each: what is wanted of them is a guild's own, and so is the
        # turn that it waits for. A query holds the picture's planes, so it is shared but never kept.
        self._flights: Flights[tuple[object, ...], tuple[_Outcome, Query]] = Flights(
            lambda error: error.reason not in _PASSING and not isinstance(error, NotFetchedError)
        )

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
            async with self.downloads.open(item, guild.guild_id) as file:
                if file.known:
                    metrics.SCANS_SAVED.labels("fetch").inc()
                return await self._scan(file, guild, reported)
        except MediaError as error:
            return _failed(error.reason, passing=error.passing)

    async def scan_bytes(self, data: bytes, guild: GuildSettings, *, reported: Category | None = None) -> Scan:
        """The outcome for a file in memory."""
        return await self._scan(await File.of(data), guild, reported)

    async def _scan(self, file: File, guild: GuildSettings, reported: Category | None) -> Scan:
        """The outcome for a file. The exact file of an entry that may remove is not decoded.

        Raises MediaError if the bytes were not needed so far, and are not to be had now that they are.
        """
        sha256, md5 = file.digests
        good = self._matcher.known_good_exact(sha256, guild.guild_id)
        if good is not None:  # kept with its fingerprint: the entry may be taken back, and the picture be blocked
            return Scan(self._decide((), guild, known_good_exact=True), self._listed(good, sha256), sha256)
        exact = self._matcher.exact(sha256, guild.guild_id, md5=md5)
        listed: Scan | None = None
        if exact:
            listed = Scan(self._decide(exact, guild), self._listed(exact[0].entry_id, sha256), sha256)
            if self._may_remove(exact):
                return listed
        try:
            outcome, query = await self._outcome(file, guild)
        except MediaError as error:
            if listed is None and isinstance(error, NotFetchedError):
                raise  # as if nothing were known of it, so that it is tried again when Discord mentions it again
            return listed or await self._judge_part(error, sha256, guild)
        if outcome.plain:
            plain = Scan(Plan(Verdict.UNSCANNABLE), outcome.fingerprint, sha256, Unscannable.TOO_PLAIN)
            return replace(listed or plain, signals=outcome.signals)
        matches = _joined(exact, outcome.matches)
        plan = self._decide(matches, guild)
        if plan.open_case and plan.verdict is Verdict.REVIEW:
            outcome = await self._with_reference(outcome, file, guild)
        rendering: bytes | None = None
        wanted = reported is not None or (plan.open_case and not outcome.rendered)
        if wanted and _may_render(guild, matches, reported):
            rendering = await self._rendering(query, file, guild)
            self._remember(sha256, guild, outcome._replace(rendered=True))
        return Scan(plan, outcome.fingerprint, sha256, thumbhash=rendering, signals=outcome.signals)

    async def reference(self, item: MediaRef, guild: GuildSettings) -> Fingerprint:
        """Fetch one media item and make what a new entry needs of it, of a damaged one by the part that can be read.

        MediaError says why that is not possible.
        """
        async with self.downloads.open(item, guild.guild_id) as file:
            return await self.reference_of(await file.data(), guild)

    async def reference_of(self, data: bytes, guild: GuildSettings | None = None) -> Fingerprint:
        """What a new entry needs of a file in memory. Guild None is the installation itself. Raises MediaError."""
        try:
            query = await self._decode(data, self._matcher.wanted_of_entries(guild), guild)
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

    def judge_file(self, sha256: bytes, guild: GuildSettings) -> Plan:
        """The plan for a file of which nothing but its digest is known: whether it is listed itself."""
        if self._matcher.known_good_exact(sha256, guild.guild_id) is not None:
            return self._decide((), guild, known_good_exact=True)
        return self._decide(self._matcher.exact(sha256, guild.guild_id), guild)

    def plan(self, match: Match, guild: GuildSettings) -> Plan:
        """The plan for one match alone."""
        return self._decide((match,), guild)

    def known_good(self, scan: Scan, guild: GuildSettings) -> bool:
        """Whether the very file stands on a known-good list that the guild sees."""
        return scan.sha256 is not None and self._matcher.known_good_exact(scan.sha256, guild.guild_id) is not None

    def near_known_good(self, scan: Scan, guild: GuildSettings) -> int | None:
        """The known-good entry that the picture as a whole lies nearest to, if it is near any: a copy, or an edit."""
        if scan.fingerprint is None:
            return None
        near = self._matcher.near(scan.fingerprint, guild.guild_id, BankKind.KNOWN_GOOD)
        return near[0][0] if near else None

    def strict(self, guild: GuildSettings) -> bool:
        """Whether the strict tier decides about removal in this guild."""
        if guild.strictness is not Strictness.AUTO:
            return guild.strictness is Strictness.STRICT
        return self._matcher.known_good_count(guild.guild_id) < self._judging.enough_known_good

    def _listed(self, entry_id: int, sha256: bytes) -> Fingerprint | None:
        """The fingerprint of the entry made from this very file, as that of the file."""
        fingerprint = self._matcher.fingerprint(entry_id)
        return fingerprint if fingerprint is None or fingerprint.sha256 else replace(fingerprint, sha256=sha256)

    def _may_remove(self, exact: tuple[Match, ...]) -> bool:
        """Whether nothing nearer could be found that leads to more: a list that may only flag must hide no other."""
        banks = (self._matcher.bank(match.bank_id) for match in exact)
        return any(bank is not None and bank.level in (BankLevel.REMOVE, BankLevel.STRICT) for bank in banks)

    async def _judge_part(self, error: MediaError, sha256: bytes, guild: GuildSettings) -> Scan:
        """A damaged file of which a part could be read: that part can match, but it cannot clear the picture."""
        if error.partial is None or error.partial.plain:
            return _failed(error.reason, sha256, passing=error.passing)
        fingerprint = error.partial.fingerprint
        plan = self._decide(await self._matches(error.partial, guild), guild)
        if plan.match is not None:
            return Scan(plan, fingerprint, sha256, signals=error.partial.signals)
        failed = _failed(error.reason, sha256)
        return replace(failed, fingerprint=fingerprint, signals=error.partial.signals)

    def _decide(self, matches: tuple[Match, ...], guild: GuildSettings, *, known_good_exact: bool = False) -> Plan:
        levels: dict[int, BankLevel] = {}
        for match in matches:
            bank = self._matcher.bank(match.bank_id)
            if bank is not None:
                levels[bank.id] = bank.level
        facts = Facts(self._judging.thresholds, levels, strict=self.strict(guild), known_good_exact=known_good_exact)
        return decide(matches, guild, facts)

    async def _outcome(self, file: File, guild: GuildSettings) -> tuple[_Outcome, Query | None]:
        """What a file is near, and what was decoded for it; None for a file that is remembered.

        A failure is never remembered. What fails by the fault of the file fails for all copies under way.
        """
        sha256 = file.digests.sha256
        wanted = self._matcher.wanted(guild)
        flight = sha256, guild.guild_id, wanted, self._matcher.version
        known = self._current(sha256, guild)
        if known is None and flight not in self._flights:
            # First the bytes, then the turn: who holds bytes and waits for a copy never waits for one without any.
            await file.data()
            known = self._current(sha256, guild)
        if known is not None:
            metrics.SCANS_SAVED.labels("decode").inc()
            return known, None

        async def find() -> tuple[_Outcome, Query]:
            query = await self._decode(await file.data(), wanted, guild)
            version = self._matcher.version
            matches = await self._matches(query, guild)
            outcome = _Outcome(version, wanted, query.fingerprint, query.plain, matches, query.signals)
            self._remember(sha256, guild, outcome)
            return outcome, query

        found, shared = await self._flights.share(flight, find)
        if shared:
            metrics.SCANS_SAVED.labels("decode").inc()
        return found

    def _current(self, sha256: bytes, guild: GuildSettings) -> _Outcome | None:
        """What is remembered of a file, if it would be the same now."""
        key = sha256, guild.guild_id
        known = self._remembered.get(key)
        if known is None or (known.version, known.wanted) != (self._matcher.version, self._matcher.wanted(guild)):
            return None
        self._remembered.move_to_end(key)
        return known

    async def _decode(self, data: bytes, wanted: Wanted, guild: GuildSettings | None) -> Query:
        async with self._decoding.hold(None if guild is None else guild.guild_id) as only:
            return await self._decoder.query(data, wanted, ahead=only)

    def _remember(self, sha256: bytes, guild: GuildSettings, outcome: _Outcome) -> None:
        self._remembered[sha256, guild.guild_id] = outcome
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    async def _rendering(self, query: Query | None, file: File, guild: GuildSettings) -> bytes | None:
        """The ThumbHash of a file: of its frame with the most contrast, on whatever ground shows it best."""
        frames = () if query is None else query.frames
        if not frames:
            try:
                frames = (await self._decode(await file.data(), Wanted.PLANES, guild)).frames
            except MediaError:
                return None
        planes = [frame.plane for frame in frames]
        return await asyncio.to_thread(_clearest, planes) if planes else None

    async def _matches(self, query: Query, guild: GuildSettings) -> tuple[Match, ...]:
        async with self._searching.hold(guild.guild_id):
            return await asyncio.to_thread(self._matcher.match, query, guild.guild_id)

    async def _with_reference(self, outcome: _Outcome, file: File, guild: GuildSettings) -> _Outcome:
        """The outcome with what a new entry needs: a confirmed case becomes one, and by then the picture is gone."""
        known = self._current(file.digests.sha256, guild)
        if known is not None and known.fingerprint.has_features:  # a copy that was under way was faster
            return known
        if outcome.fingerprint.has_features or not self._matcher.wanted_of_entries(guild):
            return outcome
        try:
            fingerprint = await self.reference_of(await file.data(), guild)
        except MediaError:
            return outcome
        outcome = outcome._replace(fingerprint=fingerprint)
        self._remember(file.digests.sha256, guild, outcome)
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


def _failed(reason: Unscannable, sha256: bytes | None = None, *, passing: Passing | None = None) -> Scan:
    plan = Plan(Verdict.UNSCANNABLE, reasons=(reason.sentence,))
    return Scan(plan, sha256=sha256, unscannable=reason, passing=passing)
