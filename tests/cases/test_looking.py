"""Renderings: which cases have one, who is shown it, and what is counted."""

from __future__ import annotations

import asyncio
import hashlib
import io
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from bot.cases import rendering
from bot.cases.looking import LookingService, OwnCounts
from bot.errors import NotAllowedError, NotFoundError
from bot.matching import thumbhash
from bot.model import BankKind, Category, Decision
from bot.settings import ReviewSettings
from bot.store.looking import Exposures
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, PLANE, Desk, picture

ABUSE, OTHER_ABUSE = picture(1), picture(2)
THUMBHASH = thumbhash.encode(PLANE)


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    """A desk of a guild that allows renderings and lists a picture."""
    await desk.guilds.change(GUILD, reveal=True)
    await list_as(desk, Category.NCII_SYNTHETIC)
    return desk


async def list_as(desk: Desk, category: Category) -> None:
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, category, source="test")


async def near_copy(desk: Desk, away: int = 3) -> None:
    await desk.post(picture(1, away=away))


async def report(desk: Desk, category: Category, shown=OTHER_ABUSE):
    guild = await desk.guilds.get(GUILD)
    message = desk.message()
    await desk.reports.report(guild, 60, category, message, [desk.item(message, shown)])
    return message


def limited(desk: Desk, **limits: int) -> LookingService:
    return LookingService(desk.store, desk.guilds, ReviewSettings(**limits), clock=desk.now)


# ------------------------------------------------------------------------------------------------- making and keeping


async def test_a_match_leaves_a_rendering_with_its_case_and_a_copy_leaves_it_as_it_is(desk: Desk) -> None:
    await near_copy(desk)
    case = await desk.only_case()
    assert case.thumbhash == THUMBHASH
    await near_copy(desk, 4)
    again = await desk.only_case()
    assert (again.thumbhash, again.version) == (THUMBHASH, case.version)


async def test_the_very_file_of_an_entry_has_none_until_another_file_of_the_picture_is_posted(desk: Desk) -> None:
    """What is removed by its file alone is not decoded, and nothing is there to look at."""
    listed = picture(1, away=2)
    message = desk.message()
    item = desk.item(message, listed)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    data = await desk.media.fetch(item.url)
    exact = replace(listed, sha256=hashlib.sha256(data).digest())
    await desk.banks.add(bank, exact, Category.NCII_SYNTHETIC, source="test")
    await desk.see(message, item)
    assert (await desk.only_case()).thumbhash is None
    await near_copy(desk)
    assert (await desk.only_case()).thumbhash == THUMBHASH


async def test_a_guild_that_allows_no_renderings_has_none(desk: Desk) -> None:
    await desk.guilds.change(GUILD, reveal=False)
    await near_copy(desk)
    assert (await desk.only_case()).thumbhash is None


async def test_switching_them_off_forgets_all_even_of_a_scan_that_began_before(desk: Desk) -> None:
    await near_copy(desk)
    await desk.guilds.change(GUILD, reveal=False)
    assert (await desk.only_case()).thumbhash is None
    before = await desk.guilds.get(GUILD)
    message = desk.message()
    item = desk.item(message, picture(1, away=5))
    await desk.guilds.change(GUILD, reveal=True)
    scan = await desk.scanner.scan(item, await desk.guilds.get(GUILD))
    assert scan.thumbhash is not None
    await desk.guilds.change(GUILD, reveal=False)
    await desk.cases.record(message, item, scan, before)
    assert (await desk.only_case()).thumbhash is None


async def test_a_report_leaves_one_too_but_not_of_an_upload(desk: Desk) -> None:
    guild = await desk.guilds.get(GUILD)
    upload = desk.item(desk.message(), picture(5))
    await desk.reports.report(guild, 60, Category.OTHER, None, [upload])
    assert (await desk.only_case()).thumbhash is None
    await report(desk, Category.HARASSMENT)
    async with desk.store.read() as tx:
        newest, _ = await tx.cases.list(GUILD)
    assert newest.thumbhash == THUMBHASH


class TestSuspectedMinors:
    """However a case comes to be one of a suspected minor, nothing is kept of it and nothing is shown."""

    async def nothing(self, desk: Desk) -> None:
        case = await desk.only_case()
        assert case.in_lane
        assert case.thumbhash is None
        with pytest.raises(NotAllowedError, match="suspected minor"):
            await desk.looking.require(case.id, MODERATOR)
        with pytest.raises(NotAllowedError, match="suspected minor"):
            await desk.looking.reveal(case.id, MODERATOR)
        assert (await desk.looking.counts(GUILD, MODERATOR)).month == Exposures(0, 0)

    async def test_a_report_that_says_so(self, desk: Desk) -> None:
        await report(desk, Category.MINOR_SUSPECTED)
        await report(desk, Category.HARASSMENT)
        await self.nothing(desk)

    async def test_a_later_report_that_says_so(self, desk: Desk) -> None:
        await near_copy(desk)
        assert (await desk.only_case()).thumbhash is not None
        await report(desk, Category.MINOR_SUSPECTED, ABUSE)
        await self.nothing(desk)
        await near_copy(desk, 6)
        await self.nothing(desk)

    async def test_an_entry_that_says_so(self, desk: Desk) -> None:
        bank = await desk.banks.own(GUILD, BankKind.BLOCK)
        await desk.banks.add(bank, picture(9), Category.MINOR_SUSPECTED, source="test")
        await desk.post(picture(9, away=3))
        await report(desk, Category.OTHER, picture(9, away=5))
        await self.nothing(desk)

    async def test_a_moderator_who_says_so(self, desk: Desk) -> None:
        await near_copy(desk)
        case = await desk.only_case()
        await desk.claims.mark_minor(case.id, case.version, MODERATOR)
        await self.nothing(desk)

    async def test_a_duplicate_that_is_one(self, desk: Desk) -> None:
        await near_copy(desk)
        other = await desk.only_case()
        await report(desk, Category.MINOR_SUSPECTED, picture(77))
        async with desk.store.read() as tx:
            minor = (await tx.cases.list(GUILD))[0]
        await desk.decisions.decide(minor.id, minor.version, MODERATOR, Decision.DUPLICATE, duplicate_of=other.id)
        async with desk.store.read() as tx:
            kept = [case.thumbhash for case in await tx.cases.list(GUILD)]
        assert kept == [None, None]


# ------------------------------------------------------------------------------------------------- looking


async def test_a_look_shows_a_coarse_grey_picture_and_is_counted_and_logged(desk: Desk) -> None:
    await near_copy(desk)
    case = await desk.only_case()
    await desk.looking.require(case.id, MODERATOR)
    reveal = await desk.looking.reveal(case.id, MODERATOR, 777)
    with Image.open(io.BytesIO(reveal.png)) as shown:
        shown.load()
        assert (shown.format, shown.mode, shown.size) == ("PNG", "L", (256, 184))
        assert shown.getpixel((128, 5)) < shown.getpixel((128, 178)) - 100
    assert (reveal.case_id, reveal.hour, reveal.day, reveal.soft_limit) == (case.id, 1, 1, False)
    logged = (await desk.cases.view(case.id)).events[-1]
    assert (logged.kind, logged.actor_id, logged.detail, logged.request_id) == ("revealed", MODERATOR, "", 777)
    assert (await desk.only_case()).version == case.version


async def test_the_same_press_counts_once(desk: Desk) -> None:
    await near_copy(desk)
    case = await desk.only_case()
    for _ in range(2):
        assert (await desk.looking.reveal(case.id, MODERATOR, 777)).hour == 1
    assert [event.kind for event in (await desk.cases.view(case.id)).events].count("revealed") == 1


async def test_looking_renews_a_claim(desk: Desk) -> None:
    await near_copy(desk)
    case = await desk.only_case()
    claimed = await desk.claims.claim(case.id, case.version, MODERATOR)
    desk.time += timedelta(minutes=9)
    await desk.looking.reveal(case.id, MODERATOR)
    desk.time += timedelta(minutes=9)
    assert (await desk.only_case()).held_by(desk.now()) == MODERATOR
    assert claimed.held_by(desk.now()) is None


async def test_nothing_is_shown_where_it_was_switched_off_or_nothing_is_kept(desk: Desk) -> None:
    await desk.guilds.change(GUILD, reveal=False)
    await near_copy(desk)
    case = await desk.only_case()
    with pytest.raises(NotAllowedError, match="shows no renderings"):
        await desk.looking.reveal(case.id, MODERATOR)
    await desk.guilds.change(GUILD, reveal=True)
    with pytest.raises(NotAllowedError, match="There is no rendering"):
        await desk.looking.reveal(case.id, MODERATOR)
    with pytest.raises(NotFoundError):
        await desk.looking.require(999, MODERATOR)


async def test_who_opted_out_of_a_category_is_shown_nothing_of_it(desk: Desk) -> None:
    await near_copy(desk)
    case = await desk.only_case()
    chosen = await desk.looking.opt_out(GUILD, MODERATOR, Category.NCII_SYNTHETIC, out=True)
    assert chosen == await desk.looking.opted_out(GUILD, MODERATOR) == {Category.NCII_SYNTHETIC}
    for ask in (desk.looking.require, desk.looking.reveal):
        with pytest.raises(NotAllowedError, match="opt-out"):
            await ask(case.id, MODERATOR)
    await desk.looking.reveal(case.id, OTHER_MODERATOR)
    await desk.looking.opt_out(GUILD, MODERATOR, Category.SCAM, out=True)
    assert await desk.looking.opt_out(GUILD, MODERATOR, Category.NCII_SYNTHETIC, out=False) == {Category.SCAM}
    await desk.looking.reveal(case.id, MODERATOR)


async def test_the_soft_limit_says_so_and_the_hard_one_ends_it_until_there_is_room_again(desk: Desk) -> None:
    looking = limited(desk, soft_reveals_per_hour=2, hard_reveals_per_hour=3, hard_reveals_per_day=4)
    await near_copy(desk)
    case = await desk.only_case()
    soft = []
    for _ in range(3):
        soft.append((await looking.reveal(case.id, MODERATOR)).soft_limit)
        desk.time += timedelta(minutes=10)
    assert soft == [False, True, True]
    free = int((desk.now() + timedelta(minutes=30)).timestamp()) + 1
    with pytest.raises(NotAllowedError, match=f"3 pictures within an hour and 3 pictures within a day.*<t:{free}:R>"):
        await looking.reveal(case.id, MODERATOR)
    with pytest.raises(NotAllowedError, match="limit"):
        await looking.require(case.id, MODERATOR)
    assert (await looking.reveal(case.id, OTHER_MODERATOR)).hour == 1
    desk.time += timedelta(minutes=30)
    reveal = await looking.reveal(case.id, MODERATOR)
    assert (reveal.hour, reveal.day) == (3, 4)
    desk.time += timedelta(hours=2)
    free = int((desk.now() + timedelta(hours=21)).timestamp()) + 1
    with pytest.raises(NotAllowedError, match=f"0 pictures within an hour and 4 pictures within a day.*<t:{free}:R>"):
        await looking.reveal(case.id, MODERATOR)


@pytest.mark.parametrize("limit", ["hard_reveals_per_hour", "hard_reveals_per_day"])
async def test_a_limit_of_none_shows_nothing(desk: Desk, limit: str) -> None:
    await near_copy(desk)
    with pytest.raises(NotAllowedError, match="no renderings at all"):
        await limited(desk, **{limit: 0}).reveal((await desk.only_case()).id, MODERATOR)


async def test_many_looks_at_once_do_not_pass_the_limit(desk: Desk) -> None:
    looking = limited(desk, hard_reveals_per_hour=3)
    await near_copy(desk)
    await report(desk, Category.OTHER)
    async with desk.store.read() as tx:
        numbers = [case.id for case in await tx.cases.list(GUILD)]
    looks = [looking.reveal(number, MODERATOR) for number in numbers * 4]
    outcomes = await asyncio.gather(*looks, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, NotAllowedError)]
    assert (len(outcomes), len(refused)) == (8, 5)
    assert (await looking.counts(GUILD, MODERATOR)).hour == Exposures(3, 0)


# ------------------------------------------------------------------------------------------------- counting


async def test_deciding_in_a_severe_category_counts_and_in_others_does_not(desk: Desk) -> None:
    await near_copy(desk)
    await report(desk, Category.SCAM)
    async with desk.store.write() as tx:
        for case in await tx.cases.list(GUILD):
            await desk.looking.note_decided(tx, case, MODERATOR)
    one = Exposures(revealed=0, decided=1)
    assert await desk.looking.counts(GUILD, MODERATOR) == OwnCounts(one, one, one)
    desk.time += timedelta(hours=2)
    assert await desk.looking.counts(GUILD, MODERATOR) == OwnCounts(Exposures(0, 0), one, one)
    assert (await desk.looking.counts(GUILD, OTHER_MODERATOR)).month == Exposures(0, 0)


async def test_after_many_cases_within_a_short_time_a_break_is_proposed(desk: Desk) -> None:
    looking = limited(desk, break_after_cases=2)
    await near_copy(desk)
    await report(desk, Category.NCII_REAL)
    async with desk.store.read() as tx:
        reported, matched = await tx.cases.list(GUILD)
    for _ in range(3):
        await looking.reveal(matched.id, MODERATOR)
    assert await looking.break_prompt(GUILD, MODERATOR) is None
    async with desk.store.write() as tx:
        await looking.note_decided(tx, reported, MODERATOR)
    assert "2 cases within 20 minutes" in (await looking.break_prompt(GUILD, MODERATOR) or "")
    assert await looking.break_prompt(GUILD, OTHER_MODERATOR) is None
    assert await limited(desk, break_after_cases=0).break_prompt(GUILD, MODERATOR) is None
    desk.time += timedelta(minutes=20)
    assert await looking.break_prompt(GUILD, MODERATOR) is None


# ------------------------------------------------------------------------------------------------- the picture itself


@pytest.mark.parametrize("size", [(1, 1), (5, 32), (32, 23)])
def test_a_plane_becomes_a_png_of_its_pixels(size: tuple[int, int]) -> None:
    height, width = size
    plane = np.arange(height * width, dtype=np.uint8).reshape(size)
    with Image.open(io.BytesIO(rendering.png(plane))) as shown:
        shown.load()
        assert (shown.format, shown.mode, shown.info) == ("PNG", "L", {})
        assert np.array_equal(np.asarray(shown), plane)


def test_enlarging_is_smooth_and_keeps_what_is_there() -> None:
    plane = np.array([[0, 80], [160, 240]], np.uint8)
    large = rendering.enlarged(plane, 4)
    assert large.shape == (8, 8)
    assert (large[0, 0], large[0, -1], large[-1, 0], large[-1, -1]) == (0, 80, 160, 240)
    assert np.abs(np.diff(large.astype(int), axis=1)).max() <= 20
    assert np.array_equal(rendering.enlarged(plane, 1), plane)
