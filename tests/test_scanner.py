"""The scanner: one media item on its own."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.matching.matcher import Matcher
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
    Surface,
    Thresholds,
    Unscannable,
    UnscannableRef,
    Verdict,
)
from bot.scanner import Scanner
from tests.desk import GUILD, Media, picture

ABUSE = picture(1)
GUILD_SETTINGS = GuildSettings(GUILD, mode=Mode.REMOVE)
BLOCK = Bank(1, "own", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
FOREIGN = Bank(3, "partners", BankKind.BLOCK, None, BankLevel.REVIEW)
GOOD = Bank(2, "own", BankKind.KNOWN_GOOD, GUILD, BankLevel.REMOVE)


class Partial(Media):
    """A decoder that reads a part of a damaged file."""

    def __init__(self, part: Fingerprint) -> None:
        super().__init__()
        self.part = part

    async def fingerprint(self, data: bytes) -> Fingerprint:
        raise MediaError(Unscannable.BROKEN, partial=self.part)


def entry(entry_id: int, bank: Bank, fingerprint: Fingerprint) -> Entry:
    return Entry(entry_id, bank.id, Category.NCII_SYNTHETIC, fingerprint, "", None, datetime.now(UTC), "test")


def scanner(media: Media, *entries: Entry) -> Scanner:
    matcher = Matcher(Thresholds())
    matcher.load([BLOCK, GOOD, FOREIGN], entries)
    return Scanner(media, media, matcher, max_bytes=1000)


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
