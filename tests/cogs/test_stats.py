"""The numbers in Discord: two commands, and the weekly post that comes once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import discord
import pytest

from bot.client import DiscordCalls
from bot.model import (
    AppealNumbers,
    Call,
    CallKind,
    Category,
    DayNumbers,
    Decision,
    ListNumbers,
    Numbers,
    OpenCases,
    PublicNumbers,
    ReportNumbers,
    SanctionKind,
    Share,
)
from bot.ops import charts
from bot.outbox import CallError
from cogs import stats
from cogs.ui import stats_texts as words
from cogs.ui.cards import MAX_TEXT
from tests.world import World, _walk

SINCE = datetime(2026, 11, 16, tzinfo=UTC)
UNTIL = datetime(2026, 11, 22, 12, tzinfo=UTC)


def numbers(**changes) -> Numbers:
    days = tuple(DayNumbers(date(2026, 11, 16 + day)) for day in range(7))
    return replace(Numbers(10, SINCE, UNTIL, days), **changes)


def full(number: int, name: str = "shared", lists: int = 3) -> Numbers:
    """Numbers in which everything is this many."""
    return numbers(
        days=tuple(
            DayNumbers(date(2026, 11, 16 + day), number, number, number, number, timedelta(hours=3)) for day in range(7)
        ),
        scanned=number,
        unscannable=number,
        removed_at_once=number,
        removed_by_person=number,
        reviewed=number,
        false_positives=Share(number, number),
        decision_median=timedelta(days=3000, hours=5),
        decision_p90=timedelta(days=9000, hours=5),
        open=OpenCases(number, number, number, number, number, number, number),
        reports=ReportNumbers(number, number, number, number),
        appeals=AppealNumbers(number, number, number),
        sanctions=tuple((kind, number) for kind in SanctionKind),
        lists=tuple(ListNumbers(name, number, Share(number, number)) for _ in range(lists)),
    )


def public(of: Numbers) -> PublicNumbers:
    return PublicNumbers(
        of.since, of.until, of.scanned, of.removed, of.reviewed, of.false_positives.part, of.decision_median,
        of.appeals, of.lists,
    )  # fmt: skip


def stored(world: World, result):
    """The message with the chart that the bot answered with."""
    (found,) = [message for message in (result.response, *result.followups) if message is not None and message.id]
    return world._stored(found)


def gallery(message) -> dict:
    (found,) = [part for part in _walk(message.components) if part.get("type") == 12]
    (item,) = found["items"]
    return item


async def busy(world: World, picture: bytes, harmless: bytes) -> None:
    """One match that was confirmed, one that was a mistake, and one picture that is nothing."""
    await world.block(picture)
    await world.post(world.fan, picture)
    await world.block(harmless)
    await world.post(world.other, harmless)
    for case_id, decision in ((1, Decision.CONFIRM), (2, Decision.NOT_A_MATCH)):
        version = (await world.view(case_id)).case.version
        await world.app.decisions.decide(case_id, version, world.moderator.id, decision)
    await world.settle()


class TestStats:
    """``/stats``."""

    async def test_a_moderator_sees_the_numbers_and_the_chart(
        self, world: World, picture: bytes, harmless: bytes
    ) -> None:
        await busy(world, picture, harmless)
        result = await world.moderator.slash(world.fans, "stats")
        shown = world.answer(result)
        for line in (
            "Pictures checked           2",
            "  at once                  2",
            "  by a person              0",
            "Cases decided              2",
            "By mistake     1 of 2 (50 %)",
            "  own          1 of 2 (50 %)",
        ):
            assert line in shown
        message = stored(world, result)
        [attachment] = message.attachments
        assert attachment["filename"] == "numbers.png"
        assert attachment["description"] == gallery(message)["description"]
        assert "2 pictures checked" in attachment["description"]

    async def test_nothing_has_happened_yet(self, world: World) -> None:
        result = await world.moderator.slash(world.fans, "stats", days=90)
        shown = world.answer(result)
        assert "Pictures checked           0" in shown
        assert "By mistake              none" in shown
        assert "No pictures were checked." in gallery(stored(world, result))["description"]

    async def test_the_period_can_be_chosen(self, world: World) -> None:
        titles = {
            days: world.answer(await world.moderator.slash(world.fans, "stats", days=days)).strip().partition("\n")[0]
            for days in (7, 30, 90)
        }
        now = world.app.cases.now()
        for days, title in titles.items():
            first = now - timedelta(days=days - 1)
            assert title.startswith(f"### Numbers, {first.day}")
            assert title.endswith(f"{now.day} {now:%B %Y}")

    async def test_a_member_is_refused(self, world: World) -> None:
        world.reveal("stats", world.fan)
        result = await world.fan.slash(world.fans, "stats")
        assert "Only this server's moderators" in world.answer(result)
        assert not any(message.attachments for message in map(world._stored, result.followups))

    async def test_members_do_not_find_it(self, world: World) -> None:
        assert not any("stats" in command for command in world.fan.available_commands(world.fans))

    async def test_a_case_of_a_suspected_minor_is_in_no_number(self, world: World, picture: bytes) -> None:
        before = world.answer(await world.moderator.slash(world.fans, "stats"))
        await world.block(picture, Category.MINOR_SUSPECTED)
        await world.post(world.fan, picture)
        after = world.answer(await world.moderator.slash(world.fans, "stats"))
        assert after == before.replace("Pictures checked           0", "Pictures checked           1")


class TestTransparency:
    """``/transparency``."""

    async def test_every_member_sees_the_public_part(self, world: World, picture: bytes, harmless: bytes) -> None:
        await busy(world, picture, harmless)
        shown = world.answer(await world.fan.slash(world.fans, "transparency"))
        assert "**2** pictures were checked and **2** removed. Moderators decided **2** cases." in shown
        assert "**1** case was put right" in shown
        assert "own: too few decisions" in shown
        for person in (world.fan, world.other, world.moderator):
            assert str(person.id) not in shown
        assert "/case" not in shown

    async def test_nothing_has_happened_yet(self, world: World) -> None:
        shown = world.answer(await world.fan.slash(world.fans, "transparency", days=7))
        assert "**0** pictures were checked and **0** removed. Moderators decided **0** cases." in shown
        assert "appeal" not in shown.replace("how to report or appeal", "")


@pytest.fixture
def calls(world: World) -> DiscordCalls:
    return DiscordCalls(world.bot)


async def weekly(world: World) -> Call:
    async with world.app.store.write() as tx:
        [call] = await world.app.stats.weekly(tx, await world.server(), world.app.cases.now())
    return call


def posts(world: World) -> list[discord.Message]:
    return [message for message in world.review.history() if "The week in numbers" in world.text(message)]


class TestWeekly:
    """The weekly post."""

    async def put(self, world: World) -> int:
        call = await weekly(world)
        async with world.app.store.write() as tx:
            written = await tx.outbox.put([call], world.app.cases.now())
        world.app.outbox.wake()
        return written

    async def test_it_comes_once_over_a_restart(self, world: World) -> None:
        assert await self.put(world) == 1
        await world.settle()
        await world.restart()
        assert await self.put(world) == 0
        await world.settle()
        [post] = posts(world)
        assert [attachment.filename for attachment in post.attachments] == ["numbers.png"]
        assert "Pictures checked" in world.text(post)

    async def test_a_bot_that_is_away_posts_it_when_it_is_back(self, world: World) -> None:
        world._switch.calls = None
        await self.put(world)
        assert posts(world) == []
        await world.restart()
        assert len(posts(world)) == 1

    async def test_after_an_uncertain_end_it_is_looked_for_even_if_numbers_changed(
        self, world: World, calls: DiscordCalls, picture: bytes
    ) -> None:
        call = await weekly(world)
        first = await calls.carry_out(call, uncertain=False)
        await world.post(world.fan, picture)
        assert await calls.carry_out(call, uncertain=True) == first
        assert len(posts(world)) == 1

    async def test_after_an_uncertain_end_without_a_post_it_is_posted(self, world: World, calls: DiscordCalls) -> None:
        call = await weekly(world)
        other = replace(call, payload=call.payload | {"until": "2026-01-05T00:00:00+00:00"})
        await calls.carry_out(other, uncertain=False)
        await calls.carry_out(call, uncertain=True)
        assert len(posts(world)) == 2

    async def test_the_same_call_has_the_same_nonce(self, world: World, calls: DiscordCalls) -> None:
        call = await weekly(world)
        nonces = []
        for _ in range(2):
            await calls.carry_out(call, uncertain=False)
            sent = world.env.http_requests[-1].json
            nonces.append((sent["nonce"], sent["enforce_nonce"]))
        assert nonces[0] == nonces[1]

    async def test_it_goes_to_the_log_channel(self, world: World) -> None:
        log = world.guild.create_text_channel("log")
        await world.change(log_channel_id=log.id)
        await self.put(world)
        await world.settle()
        assert posts(world) == []
        assert "The week in numbers" in world.text(log.last_message)

    async def test_without_the_permission_for_files_the_table_comes_alone(
        self, world: World, calls: DiscordCalls
    ) -> None:
        world.env.inject_error("POST", "/channels/*", status=403, code=50013)
        await calls.carry_out(await weekly(world), uncertain=False)
        [message] = posts(world)
        assert message.attachments == []
        assert "Attach Files" in world.text(message)
        assert "Pictures checked" in world.text(message)

    async def test_without_any_permission_it_is_given_up_with_the_remedy(
        self, world: World, calls: DiscordCalls
    ) -> None:
        world.env.inject_error("POST", "/channels/*", status=403, code=50013)
        world.env.inject_error("POST", "/channels/*", status=403, code=50013)
        with pytest.raises(CallError, match="Send Messages") as caught:
            await calls.carry_out(await weekly(world), uncertain=False)
        assert caught.value.permanent

    async def test_it_waits_for_its_extension(self, world: World, calls: DiscordCalls) -> None:
        call = await weekly(world)
        await world.bot.unload_extension("cogs.stats")
        world.bot.stats_renderer = None
        with pytest.raises(CallError) as caught:
            await calls.carry_out(call, uncertain=False)
        assert not caught.value.permanent

    @pytest.mark.parametrize("payload", [{}, {"channel_id": 1}, {"until": "2026-01-05T00:00:00+00:00"}])
    async def test_a_call_without_its_payload_is_given_up(self, world: World, calls: DiscordCalls, payload) -> None:
        with pytest.raises(CallError) as caught:
            await calls.carry_out(replace(await weekly(world), payload=payload), uncertain=False)
        assert caught.value.permanent

    async def test_numbers_of_the_week_before_are_shown(self, world: World) -> None:
        call = await weekly(world)
        assert call.kind is CallKind.STATS_POST
        until = datetime.fromisoformat(str(call.payload["until"]))
        view, files = await stats.weekly_post(world.app, world.guild.id, until, chart=True)
        text = "\n".join(part.content for part in view.walk_children() if isinstance(part, discord.ui.TextDisplay))
        last = until - timedelta(days=1)
        assert text.startswith("### The week in numbers, ")
        assert f"to {last.day} {last:%B %Y}" in text.partition("\n")[0]
        assert len(files) == 1


def text_of(view: discord.ui.LayoutView) -> int:
    return sum(len(part.content) for part in view.walk_children() if isinstance(part, discord.ui.TextDisplay))


class TestLimits:
    """Whatever the numbers are, the messages stay within Discord's limits and telephones."""

    @pytest.mark.parametrize("number", [0, 1, 999, 10**6, 2**62])
    async def test_the_post_fits(self, world: World, number: int) -> None:
        of = full(number, name="`*_ long list " * 9, lists=300)
        view, [file] = await stats._post(world.app, words.weekly_title(of), of, chart=True)
        assert text_of(view) <= MAX_TEXT
        assert view.total_children_count <= 40
        assert file.description is not None
        assert len(file.description) <= charts.LONGEST_ALTERNATIVE

    @pytest.mark.parametrize("number", [0, 1, 999, 10**6, 2**62])
    def test_the_public_part_fits(self, number: int) -> None:
        of = public(full(number, name="`*_ long list " * 9, lists=300))
        assert len("\n".join([words.public_title(of), *words.public(of)])) <= MAX_TEXT - 100
        assert "and 290 more lists" in "\n".join(words.public(of))

    @pytest.mark.parametrize("number", [0, 1, 28, 12_345, 999_999])
    def test_no_line_is_longer_than_a_telephone_is_wide(self, number: int) -> None:
        shown = words.table(full(number, name="a list with a very long name", lists=12))
        assert max(map(len, shown.splitlines())) <= words.WIDTH

    def test_a_name_cannot_end_the_block(self) -> None:
        shown = words.table(numbers(lists=(ListNumbers("a```\n# b", 3, Share(1, 3)),)))
        assert shown.count("```") == 2

    def test_names_are_no_markup_for_members(self) -> None:
        of = replace(public(numbers()), lists=(ListNumbers("*a*", 30, Share(3, 30)),))
        assert "- \\*a\\*: wrong in 10 % of 30 decisions" in "\n".join(words.public(of))


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        (datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 22, 12, tzinfo=UTC), "16 to 22 November 2026"),
        (datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC), "15 to 21 November 2026"),
        (datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC), "30 October to 1 November 2026"),
        (datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "30 December 2025 to 1 January 2026"),
        (datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 22, 12, tzinfo=UTC), "22 November 2026"),
    ],
)
def test_periods_are_written_short(since: datetime, until: datetime, shown: str) -> None:
    assert words.dates(since, until) == shown
