"""The scanner: one media item on its own."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from bot.matching import thumbhash
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature
from bot.matching.query import Frame, Query, Wanted
from bot.media.errors import MediaError
from bot.model import (
    Bank,
    BankKind,
    BankLevel,
    Category,
    Entry,
    Fingerprint,
    GuildSettings,
    MediaRef,
    Mode,
    Stage,
    Strictness,
    Surface,
    Thresholds,
    Unscannable,
    UnscannableRef,
    Verdict,
)
from bot.scanner import Judging, Scanner
from tests.desk import GUILD, PLANE, Media, picture

ABUSE = picture(1)
GUILD_SETTINGS = GuildSettings(GUILD, mode=Mode.REMOVE, strictness=Strictness.STANDARD)
BLOCK = Bank(1, "own", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
FOREIGN = Bank(3, "partners", BankKind.BLOCK, None, BankLevel.REVIEW)
GOOD = Bank(2, "own", BankKind.KNOWN_GOOD, GUILD, BankLevel.REMOVE)


class Partial(Media):
    """A decoder that reads a part of a damaged file."""

    def __init__(self, part: Fingerprint) -> None:
        super().__init__()
        self.part = part

    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool = False) -> Query:
        raise MediaError(Unscannable.BROKEN, partial=Query(self.part))


def entry(entry_id: int, bank: Bank, fingerprint: Fingerprint) -> Entry:
    return Entry(entry_id, bank.id, Category.NCII_SYNTHETIC, fingerprint, "", None, datetime.now(UTC), "test")


def scanner(media: Media, *entries: Entry) -> Scanner:
    return scanner_of(media, matcher_of(*entries))


def matcher_of(*entries: Entry, signature: Signature | None = None) -> Matcher:
    matcher = Matcher(Thresholds(), signature)
    matcher.load([BLOCK, GOOD, FOREIGN], entries)
    return matcher


def scanner_of(media: Media, matcher: Matcher) -> Scanner:
    return Scanner(media, media, matcher, Judging(Thresholds(), 2), max_bytes=1000)


class Counting(Media):
    """Notes what was wanted of every file that was decoded."""

    def __init__(self, files: dict[bytes, Fingerprint]) -> None:
        super().__init__(files=files)
        self.wanted: list[Wanted] = []

    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool = False) -> Query:
        self.wanted.append(wanted)
        return await super().query(data, wanted)


async def test_a_damaged_file_of_which_a_part_matches_is_removed():
    media = Partial(picture(1, away=6))
    scan = await scanner(media, entry(1, BLOCK, ABUSE)).scan_bytes(b"a cut off file", GUILD_SETTINGS)
    assert (scan.plan.verdict, scan.plan.delete) == (Verdict.REMOVE, True)


async def test_a_damaged_file_of_which_a_part_matches_nothing_is_never_clear():
    media = Partial(picture(2))
    scan = await scanner(media, entry(1, BLOCK, ABUSE)).scan_bytes(b"a cut off file", GUILD_SETTINGS)
    assert (scan.plan.verdict, scan.unscannable) == (Verdict.UNSCANNABLE, Unscannable.BROKEN)
    assert scan.fingerprint == picture(2)


async def test_the_very_file_of_an_entry_is_recognised_without_decoding_it():
    data = b"the very file"
    listed = replace(ABUSE, sha256=hashlib.sha256(data).digest())
    scan = await scanner(Media(), entry(1, BLOCK, listed)).scan_bytes(data, GUILD_SETTINGS)
    assert scan.plan.match is not None
    assert (scan.plan.match.stage, scan.plan.delete, scan.fingerprint) == (Stage.SHA256, True, listed)


@pytest.mark.parametrize(("away", "deleted"), [(4, False), (20, True)])
async def test_even_the_very_file_needs_the_margin_over_known_good_pictures(away, deleted):
    data = b"the very file"
    listed = replace(ABUSE, sha256=hashlib.sha256(data).digest())
    good = entry(2, GOOD, picture(1, away=away))
    scan = await scanner(Media(), entry(1, BLOCK, listed), good).scan_bytes(data, GUILD_SETTINGS)
    assert scan.plan.delete == deleted
    assert scan.plan.open_case


async def test_the_very_file_of_a_known_good_entry_is_clear_without_decoding_it():
    data = b"an official photo"
    listed = replace(picture(1, away=3), sha256=hashlib.sha256(data).digest())
    both = [entry(1, BLOCK, ABUSE), entry(2, GOOD, listed)]
    scan = await scanner(Media(), *both).scan_bytes(data, GUILD_SETTINGS)
    assert scan.plan.verdict is Verdict.CLEAR
    assert scan.fingerprint == listed, "the entry may be taken back, and the file be looked for among the sightings"


@pytest.mark.parametrize(("away", "deleted"), [(5, True), (None, False)])
async def test_the_very_file_of_a_list_that_only_flags_does_not_hide_an_entry_that_removes(away, deleted):
    data = b"the very file"
    sha256 = hashlib.sha256(data).digest()
    own = [] if away is None else [entry(1, BLOCK, picture(1, away=away))]
    media = Media(files={data: replace(ABUSE, sha256=sha256)})
    scan = await scanner(media, *own, entry(3, FOREIGN, replace(ABUSE, sha256=sha256))).scan_bytes(data, GUILD_SETTINGS)
    assert scan.plan.delete == deleted
    assert scan.plan.open_case
    assert scan.plan.match.stage is (Stage.PHASH if deleted else Stage.SHA256)


async def test_what_a_foreign_list_says_about_a_file_removes_nothing():
    """Its hashes are its own word; here they are those of a picture that the guild blocked."""
    data = b"a harmless file"
    sha256 = hashlib.sha256(data).digest()
    lie = entry(3, FOREIGN, replace(picture(1, away=2), sha256=sha256))
    media = Media(files={data: replace(picture(2), sha256=sha256)})
    scan = await scanner(media, entry(1, BLOCK, ABUSE), lie).scan_bytes(data, GUILD_SETTINGS)
    assert (scan.plan.delete, scan.plan.match.entry_id) == (False, 3)


async def test_the_very_file_of_a_list_that_only_flags_is_flagged_even_if_it_cannot_be_decoded():
    data = b"the very file"
    listed = replace(ABUSE, sha256=hashlib.sha256(data).digest())
    scan = await scanner(Partial(replace(ABUSE, views=())), entry(3, FOREIGN, listed)).scan_bytes(data, GUILD_SETTINGS)
    assert (scan.plan.verdict, scan.plan.open_case) == (Verdict.REVIEW, True)


async def test_an_item_that_was_never_fetchable_keeps_its_reason():
    item = UnscannableRef("embed:1", Surface.EMBED_IMAGE, Unscannable.NO_PROXY)
    scan = await scanner(Media()).scan(item, GUILD_SETTINGS)
    assert (scan.plan.verdict, scan.unscannable) == (Verdict.UNSCANNABLE, Unscannable.NO_PROXY)
    assert scan.plan.reasons


async def test_an_error_while_fetching_is_the_outcome():
    media = Media({"x": Unscannable.GONE})
    scan = await scanner(media).scan(MediaRef("attachment:1", Surface.ATTACHMENT, "x"), GUILD_SETTINGS)
    assert scan.unscannable is Unscannable.GONE


# ------------------------------------------------------------------------------------------------- strictness


@pytest.mark.parametrize(("strictness", "removed"), [(Strictness.STANDARD, True), (Strictness.STRICT, False)])
async def test_a_guild_may_ask_for_more_before_something_is_removed(strictness, removed):
    guild = replace(GUILD_SETTINGS, strictness=strictness)
    media = Media(files={b"copy": picture(1, away=40)})
    scan = await scanner(media, entry(1, BLOCK, ABUSE)).scan_bytes(b"copy", guild)
    assert (scan.plan.delete, scan.plan.open_case) == (removed, True)


async def test_by_itself_a_guild_is_strict_until_it_knows_enough_good_pictures():
    guild = replace(GUILD_SETTINGS, strictness=Strictness.AUTO)
    media = Media(files={b"copy": picture(1, away=40)})
    for known, strict in ((0, True), (1, True), (2, False), (3, False)):
        good = [entry(10 + number, GOOD, picture(20 + number)) for number in range(known)]
        judging = scanner(media, entry(1, BLOCK, ABUSE), *good)
        assert judging.strict(guild) == strict
        assert (await judging.scan_bytes(b"copy", guild)).plan.delete != strict
        assert judging.strict(replace(guild, guild_id=GUILD + 1))


# ------------------------------------------------------------------------------------------------- plain pictures


async def test_a_plain_picture_is_no_clear_one():
    media = Media(files={b"plain": picture(3, plain=True)})
    scan = await scanner(media, entry(1, BLOCK, ABUSE)).scan_bytes(b"plain", GUILD_SETTINGS)
    assert (scan.plan.verdict, scan.unscannable) == (Verdict.UNSCANNABLE, Unscannable.TOO_PLAIN)
    assert scan.fingerprint is not None


@pytest.mark.parametrize("bank", [BLOCK, FOREIGN])
async def test_a_plain_picture_that_is_listed_is_found_by_its_file(bank):
    data = b"plain"
    listed = replace(picture(3, plain=True), sha256=hashlib.sha256(data).digest())
    media = Media(files={data: listed})
    scan = await scanner(media, entry(1, bank, listed)).scan_bytes(data, GUILD_SETTINGS)
    assert (scan.plan.delete, scan.plan.open_case) == (bank is BLOCK, True)


async def test_a_list_that_tells_md5_alone_is_enough():
    data = b"the very file"
    md5 = hashlib.md5(data, usedforsecurity=False).digest()
    listed = Fingerprint(b"", (), 0, 0, 1, 0, md5)
    scan = await scanner(Media(), entry(1, BLOCK, listed)).scan_bytes(data, GUILD_SETTINGS)
    assert (scan.plan.match.stage, scan.plan.delete) == (Stage.MD5, True)
    assert scan.fingerprint.sha256 == hashlib.sha256(data).digest()


# ------------------------------------------------------------------------------------------------- remembered outcomes


async def test_a_file_is_decoded_once_until_something_changes():
    media = Counting({b"post": picture(2)})
    matcher = matcher_of(entry(1, BLOCK, ABUSE))
    scanning = scanner_of(media, matcher)
    for _ in range(3):
        assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.verdict is Verdict.CLEAR
    assert len(media.wanted) == 1
    matcher.add(BLOCK, entry(2, BLOCK, picture(2, away=3)))
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.delete
    matcher.revoke(2)
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.verdict is Verdict.CLEAR
    assert len(media.wanted) == 3


async def test_what_one_guild_found_is_not_told_to_another():
    media = Counting({b"post": picture(1, away=3)})
    scanning = scanner(media, entry(1, BLOCK, ABUSE))
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.delete
    stranger = replace(GUILD_SETTINGS, guild_id=GUILD + 1)
    assert (await scanning.scan_bytes(b"post", stranger)).plan.verdict is Verdict.CLEAR
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.delete
    assert len(media.wanted) == 2


def attachment(url: str, **changes) -> MediaRef:
    return MediaRef("attachment:5", Surface.ATTACHMENT, url, **changes)


class Held(Counting):
    """Decodes when it is let go, and fails with what it is told to, once each."""

    def __init__(self, files: dict[bytes, Fingerprint], *failures: MediaError) -> None:
        super().__init__(files)
        self.go = asyncio.Event()
        self.failures = list(failures)

    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool = False) -> Query:
        query = await super().query(data, wanted)
        await self.go.wait()
        if self.failures:
            raise self.failures.pop()
        return query


async def test_an_attachment_that_was_seen_is_neither_fetched_nor_decoded_again():
    media = Counting({})
    media.pictures = {"first": picture(1, away=3), "forward": picture(1, away=3)}
    scanning = scanner(media, entry(1, BLOCK, ABUSE))
    for url in ("first", "forward", "gone by now"):
        assert (await scanning.scan(attachment(url, forwarded=url != "first"), GUILD_SETTINGS)).plan.delete
    assert (media.fetched, len(media.wanted)) == (["first"], 1)


async def test_a_known_attachment_is_judged_anew_when_the_lists_change():
    media = Counting({})
    media.pictures = {"first": picture(2), "again": picture(2)}
    matcher = matcher_of(entry(1, BLOCK, ABUSE))
    scanning = scanner_of(media, matcher)
    assert (await scanning.scan(attachment("first"), GUILD_SETTINGS)).plan.verdict is Verdict.CLEAR
    matcher.add(BLOCK, entry(2, BLOCK, picture(2, away=3)))
    assert (await scanning.scan(attachment("again"), GUILD_SETTINGS)).plan.delete
    assert media.fetched == ["first", "again"]


async def test_a_known_attachment_tells_one_guild_nothing_of_another():
    media = Counting({})
    media.pictures = {"first": picture(1, away=3), "again": picture(1, away=3)}
    scanning = scanner(media, entry(1, BLOCK, ABUSE))
    assert (await scanning.scan(attachment("first"), GUILD_SETTINGS)).plan.delete
    stranger = replace(GUILD_SETTINGS, guild_id=GUILD + 1)
    assert (await scanning.scan(attachment("again"), stranger)).plan.verdict is Verdict.CLEAR
    assert len(media.wanted) == 2


async def test_bytes_that_are_not_to_be_had_any_more_are_no_outcome_of_the_file():
    """It has no digest, so that the pipeline tries again when Discord mentions it again."""
    media = Counting({})
    media.pictures = {"first": picture(2), "gone": Unscannable.GONE}
    matcher = matcher_of(entry(1, BLOCK, ABUSE))
    scanning = scanner_of(media, matcher)
    await scanning.scan(attachment("first"), GUILD_SETTINGS)
    matcher.revoke(1)
    scan = await scanning.scan(attachment("gone"), GUILD_SETTINGS)
    assert (scan.unscannable, scan.sha256) == (Unscannable.GONE, None)


async def test_copies_under_way_at_the_same_time_are_decoded_once_in_each_guild():
    media = Held({b"post": picture(1, away=3)})
    scanning = scanner(media, entry(1, BLOCK, ABUSE))
    stranger = replace(GUILD_SETTINGS, guild_id=GUILD + 1)
    guilds = (GUILD_SETTINGS, GUILD_SETTINGS, stranger, GUILD_SETTINGS, stranger)
    tasks = [asyncio.create_task(scanning.scan_bytes(b"post", guild)) for guild in guilds]
    await asyncio.sleep(0.01)
    media.go.set()
    scans = await asyncio.gather(*tasks)
    assert [scan.plan.delete for scan in scans] == [True, True, False, True, False]
    assert len(media.wanted) == 2


@pytest.mark.parametrize(("reason", "decoded", "failed"), [(Unscannable.BROKEN, 1, 3), (Unscannable.WORKER_DIED, 3, 1)])
async def test_a_failure_is_shared_if_it_is_the_files_own_and_never_remembered(reason, decoded, failed):
    media = Held({b"post": picture(2)}, MediaError(reason))
    scanning = scanner(media, entry(1, BLOCK, ABUSE))
    tasks = [asyncio.create_task(scanning.scan_bytes(b"post", GUILD_SETTINGS)) for _ in range(3)]
    await asyncio.sleep(0.01)
    media.go.set()
    scans = await asyncio.gather(*tasks)
    assert (len(media.wanted), [scan.unscannable for scan in scans].count(reason)) == (decoded, failed)
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.verdict is Verdict.CLEAR


async def test_a_level_or_a_setting_that_changes_counts_at_once():
    media = Counting({b"post": picture(1, away=3)})
    matcher = matcher_of(entry(1, BLOCK, ABUSE))
    scanning = scanner_of(media, matcher)
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.delete
    assert not (await scanning.scan_bytes(b"post", replace(GUILD_SETTINGS, mode=Mode.REVIEW))).plan.delete
    matcher.update([replace(BLOCK, level=BankLevel.REVIEW)], [])
    scan = await scanning.scan_bytes(b"post", GUILD_SETTINGS)
    assert (scan.plan.delete, scan.plan.open_case) == (False, True)


async def test_what_waits_for_a_person_is_kept_with_what_an_entry_needs():
    """A confirmed case becomes an entry, and by then the picture is gone."""
    media = Counting({b"post": picture(1, away=50)})
    scanning = scanner_of(media, matcher_of(entry(1, BLOCK, ABUSE), signature=Signature.derived(b"scanner")))
    assert (await scanning.scan_bytes(b"post", GUILD_SETTINGS)).plan.verdict is Verdict.REVIEW
    assert media.wanted[-1] == Wanted.REFERENCE
    media.wanted.clear()
    off = replace(GUILD_SETTINGS, guild_id=GUILD, local_features=False)
    assert (await scanning.reference_of(b"post", off)).views == picture(1, away=50).views
    assert media.wanted == [Wanted.NOTHING]


async def test_a_damaged_file_is_listed_by_the_part_that_can_be_read():
    assert await scanner(Partial(ABUSE)).reference_of(b"a cut off file") == ABUSE
    with pytest.raises(MediaError):
        await scanner(Broken()).reference_of(b"nothing")


class Broken(Media):
    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool = False) -> Query:
        raise MediaError(Unscannable.BROKEN)


# ------------------------------------------------------------------------------------------------- renderings

REVEALING = replace(GUILD_SETTINGS, reveal=True)


def near(category: Category = Category.NCII_SYNTHETIC) -> tuple[Counting, Scanner]:
    counting = Counting({b"post": picture(1, away=3), b"other": picture(2)})
    return counting, scanner(counting, replace(entry(1, BLOCK, ABUSE), category=category))


async def test_a_rendering_is_made_for_a_case_where_the_guild_wants_one():
    _, scanning = near()
    scan = await scanning.scan_bytes(b"post", REVEALING)
    assert scan.plan.open_case
    assert scan.thumbhash == thumbhash.encode(PLANE)
    assert (await scanning.scan_bytes(b"other", REVEALING)).thumbhash is None


@pytest.mark.parametrize("changes", [{"reveal": False}, {"mode": Mode.OBSERVE}])
async def test_no_rendering_is_made_where_none_is_wanted_or_no_case_opens(changes):
    media, scanning = near()
    scan = await scanning.scan_bytes(b"post", replace(REVEALING, **changes))
    assert scan.plan.match is not None
    assert scan.thumbhash is None
    assert not any(wanted & Wanted.PLANES for wanted in media.wanted)


async def test_a_copy_of_a_file_needs_no_second_rendering():
    media, scanning = near()
    await scanning.scan_bytes(b"post", REVEALING)
    scan = await scanning.scan_bytes(b"post", REVEALING)
    assert (scan.plan.open_case, scan.thumbhash) == (True, None)
    assert len(media.wanted) == 2


async def test_what_is_reported_gets_a_rendering_each_time():
    _, scanning = near()
    for _ in range(2):
        scan = await scanning.scan_bytes(b"other", REVEALING, reported=Category.HARASSMENT)
        assert (scan.plan.open_case, scan.thumbhash) == (False, thumbhash.encode(PLANE))


@pytest.mark.parametrize("data", [b"post", b"other"])
async def test_no_rendering_is_made_of_what_a_member_takes_for_a_minor(data):
    media, scanning = near()
    await scanning.scan_bytes(data, GUILD_SETTINGS)
    scan = await scanning.scan_bytes(data, REVEALING, reported=Category.MINOR_SUSPECTED)
    assert scan.thumbhash is None
    assert not any(wanted & Wanted.PLANES for wanted in media.wanted)


@pytest.mark.parametrize("reported", [None, Category.OTHER, Category.MINOR_SUSPECTED])
async def test_no_rendering_is_made_near_an_entry_of_a_suspected_minor(reported):
    media, scanning = near(Category.MINOR_SUSPECTED)
    scan = await scanning.scan_bytes(b"post", REVEALING, reported=reported)
    assert scan.plan.match is not None
    assert scan.thumbhash is None
    assert not any(wanted & Wanted.PLANES for wanted in media.wanted)


async def test_not_even_if_another_entry_is_nearer():
    media = Counting({b"post": ABUSE})
    minor = replace(entry(2, BLOCK, picture(1, away=20)), category=Category.MINOR_SUSPECTED)
    scan = await scanner(media, entry(1, BLOCK, ABUSE), minor).scan_bytes(b"post", REVEALING)
    assert scan.plan.open_case
    assert scan.thumbhash is None
    assert not any(wanted & Wanted.PLANES for wanted in media.wanted)


class Framed(Media):
    """A decoder that hands its frames over with the first answer, or none at all."""

    def __init__(self, *planes: np.ndarray) -> None:
        super().__init__(files={b"post": picture(1, away=3)})
        self.planes = planes
        self.asked = 0

    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool = False) -> Query:
        self.asked += 1
        if not self.planes and self.asked > 1:
            raise MediaError(Unscannable.DECODE_TIMEOUT)
        frames = tuple(Frame(number, plane, 1.0) for number, plane in enumerate(self.planes))
        return Query(self.files[data], frames)


async def test_of_several_frames_the_one_with_the_most_contrast_is_rendered():
    black = np.zeros((240, 320), np.uint8)
    media = Framed(black, PLANE, black)
    scan = await scanner(media, entry(1, BLOCK, ABUSE)).scan_bytes(b"post", REVEALING)
    assert (scan.thumbhash, media.asked) == (thumbhash.encode(PLANE), 1)


async def test_a_file_of_which_no_rendering_can_be_made_is_judged_all_the_same():
    media = Framed()
    scan = await scanner(media, entry(1, BLOCK, ABUSE)).scan_bytes(b"post", REVEALING)
    assert (scan.plan.delete, scan.thumbhash, media.asked) == (True, None, 2)
