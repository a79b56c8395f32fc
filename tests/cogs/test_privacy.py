"""``/privacy``: a member sees what is held on them, has it erased, and is forgotten after they left."""

from __future__ import annotations

import io
import logging
from datetime import timedelta
from pathlib import Path

import discord
import pytest
import simcord

from bot.client import DiscordMembers
from bot.demo import pictures
from bot.model import Category
from bot.ops import logging as logs
from bot.reports.leaving import NoAnswerError
from bot.settings import LogSettings
from cogs.ui import privacy_texts as words
from tests.cogs.asking import choose, question
from tests.world import World

DAY = timedelta(days=1)


@pytest.fixture
async def reported(world: World, harmless: bytes) -> discord.Message:
    """A message that a member reported."""
    message = await world.post(world.fan, harmless)
    await report(world, world.other, message)
    return message


def picture_of(number: int) -> bytes:
    return pictures.encode(pictures.picture(number + 10, (320, 400)))


async def report(world: World, who: simcord.MemberActor, message: discord.Message) -> None:
    address = f"https://discord.com/channels/{world.guild.id}/{message.channel.id}/{message.id}"
    await who.slash(world.fans, "report picture", category="harassment", link=address)
    await world.settle()


async def shown(world: World, who: simcord.MemberActor) -> str:
    return world.answer(await who.slash(world.fans, "privacy show"))


async def delete(world: World, who: simcord.MemberActor, label: str = words.YES) -> tuple[str, str]:
    """Use the command and answer its question; what was asked, and what the question turned into."""
    asked = question(world, await who.slash(world.fans, "privacy delete"))
    before = world.text(asked)
    return before, await choose(world, who, asked, label)


async def test_of_whom_nothing_is_held_is_told_so(world: World) -> None:
    text = await shown(world, world.fan)
    assert "**0 reports of yours**" in text
    assert "**Not held:** pictures" in text
    assert "moderator" not in text


async def test_a_reporter_sees_their_reports_and_nobody_elses(world: World, reported: discord.Message) -> None:
    text = await shown(world, world.other)
    assert "**1 report of yours**" in text
    assert "Harassment or false news. That it was you is known to the bot." in text
    assert "for 30 days after a report" in text
    assert "180 days after the case was decided" in text
    assert "Messages of yours" not in text
    assert "**0 reports of yours**" in await shown(world, world.moderator)


async def test_own_words_are_shown_without_markup_and_the_pages_turned(world: World, harmless: bytes) -> None:
    await world.post(world.fan, harmless)
    server = await world.server()
    for number in range(6):
        media = [world.upload(harmless if number == 0 else picture_of(number), f"{number}.jpg")]
        said = f"**{number}** " + "x" * 900
        await world.app.reports.report(server, world.other.id, Category.OTHER, None, media, words=said)
    result = await world.other.slash(world.fans, "privacy show")
    first = world.answer(result)
    assert "**6 reports of yours**" in first
    assert "You wrote: “\\*\\*5\\*\\* xxx" in first
    assert "page 1 of 2" in first
    page = question(world, result)
    assert world.buttons(page) == ["First", "Previous", "Next", "Last"]
    last = await choose(world, world.other, page, "Last")
    assert "\\*\\*0\\*\\*" in last
    assert "page 2 of 2" in last


async def test_an_author_sees_that_messages_of_theirs_stand_in_cases(world: World, reported: discord.Message) -> None:
    text = await shown(world, world.fan)
    assert "- 1 message, with its place and time and the fingerprint of its picture." in text
    assert "report of" not in text.replace("reports of", "")


async def test_a_moderator_sees_what_they_did_and_faced(world: World, reported: discord.Message) -> None:
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    text = await shown(world, world.moderator)
    assert "**What you did and faced as a moderator**" in text
    assert "histories of cases" in text
    assert "- 1 picture on the lists of this server was listed by you." in text
    assert "under a pseudonym" in text


async def test_deleting_is_asked_for_warned_of_and_done(world: World, reported: discord.Message) -> None:
    asked, answered = await delete(world, world.other)
    assert "**1 report of yours has no outcome yet: nobody can tell you then what became of it.**" in asked
    assert "It cannot be undone." in asked
    assert "The bot does not know any more that 1 report was yours" in answered
    assert "A keyed digest stays on reports that you made within a day" in answered
    assert "That it was you is forgotten; a keyed digest is left." in await shown(world, world.other)
    world.passed += DAY + timedelta(minutes=1)
    await world.app._retain()
    assert "**0 reports of yours**" in await shown(world, world.other)
    assert "Reported by 1 member." in world.text(world.card())
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    assert list(world.other.user.dm_channel.history()) == [], "nobody knows whom to tell"


async def test_a_second_time_there_is_nothing_left(world: World, reported: discord.Message) -> None:
    await delete(world, world.other)
    asked, answered = await delete(world, world.other)
    assert "no outcome yet" not in asked
    assert "report was yours" not in answered
    assert "What you chose is deleted." in answered


async def test_a_mute_stays_and_is_said_to(world: World) -> None:
    async with world.app.store.write() as tx:
        reporter = tx.reports.digest(world.guild.id, world.other.id)
        until = world.app.cases.now() + DAY
        await tx.reporters.change(world.guild.id, reporter, muted_until=until, muted_by=world.moderator.id)
    _, answered = await delete(world, world.other)
    assert f"That you cannot report here until <t:{int(until.timestamp())}:f> stays until then" in answered
    assert "You cannot report here until" in await shown(world, world.other)


async def test_keeping_keeps_everything(world: World, reported: discord.Message) -> None:
    _, answered = await delete(world, world.other, words.NO)
    assert words.KEPT in answered
    assert "That it was you is known to the bot." in await shown(world, world.other)


async def test_a_question_that_stood_open_for_too_long_deletes_nothing(world: World, reported: discord.Message) -> None:
    asked = question(world, await world.other.slash(world.fans, "privacy delete"))
    await world.env.advance_time(700)
    assert words.TOO_LATE in world.text(asked)
    assert "That it was you is known to the bot." in await shown(world, world.other)


# --------------------------------------------------------------------------------------------- leaving


async def left(world: World, who: simcord.MemberActor) -> bool:
    async with world.app.store.read() as tx:
        reporter = tx.reports.digest(world.guild.id, who.id)
        return (await tx.reporters.get(world.guild.id, reporter)).left_at is not None


async def ask_who_left(world: World) -> None:
    world.passed += DAY
    world.app.leaving._pause = 0
    await world.app.leaving.run(DiscordMembers(world.bot))


async def test_who_left_is_forgotten_after_30_days(world: World, reported: discord.Message) -> None:
    await report(world, world.moderator, reported)
    await ask_who_left(world)
    assert not await left(world, world.other)
    world.guild.remove_member(world.other)
    await ask_who_left(world)
    assert await left(world, world.other)
    assert not await left(world, world.moderator)
    world.passed += 30 * DAY
    await world.app._retain()
    assert (await world.app.privacy.show(world.guild.id, world.other.id)).reports == ()
    assert len((await world.app.privacy.show(world.guild.id, world.moderator.id)).reports) == 1
    assert (await world.view(1)).report_count == 2


@pytest.mark.parametrize("command", ["privacy show", "appeal", "transparency"])
async def test_whoever_uses_the_bot_after_they_came_back_is_not_forgotten(
    world: World, reported: discord.Message, command: str
) -> None:
    world.guild.remove_member(world.other)
    await ask_who_left(world)
    back = world.guild.add_member(world.other.user)
    assert await left(world, back)
    await back.slash(world.fans, command)
    assert not await left(world, back)


@pytest.mark.parametrize(("status", "code"), [(500, 0), (429, 0), (403, 0), (404, 0)])
async def test_an_answer_that_says_neither_takes_nobody_for_gone(
    world: World, reported: discord.Message, status: int, code: int
) -> None:
    world.env.inject_error("GET", "/guilds/*/members/*", status=status, code=code, times=None)
    with pytest.raises(NoAnswerError):
        await DiscordMembers(world.bot).is_member(world.guild.id, world.other.id)


async def test_a_server_without_the_bot_is_neither(world: World) -> None:
    assert await DiscordMembers(world.bot).is_member(1, world.other.id) is None
    world.env.inject_error("GET", "/guilds/*/members/*", status=403, code=50001)
    assert await DiscordMembers(world.bot).is_member(world.guild.id, world.other.id) is None


def test_no_line_of_the_log_says_after_whom_was_asked() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        logs.configure(LogSettings(format="json"), stream=stream)
        url = "https://discord.com/api/v10/guilds/111111111111111111/members/222222222222222222"
        logging.getLogger("discord.http").warning("We are being rate limited. %s %s responded with 429.", "GET", url)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
    assert "111111111111111111" in stream.getvalue()
    assert "222222222222222222" not in stream.getvalue()


# --------------------------------------------------------------------------------------------- in clear


async def test_the_files_of_a_running_bot_do_not_say_who_reported(
    world: World, sqlite_url: str, harmless: bytes, reported: discord.Message, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await world.other.slash(world.fans, "report picture", category="scam", picture=("a.jpg", picture_of(1)))
    await world.settle()
    for card in world.cards():
        await world.moderator.click(card, label="Confirm")
        await world.settle()
    assert len(list(world.other.user.dm_channel.history())) == 2
    await shown(world, world.other)
    await delete(world, world.other)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    who, whole = world.other.id, b""
    for name in (path.name, f"{path.name}-wal"):
        whole += path.with_name(name).read_bytes()
    for secret in (str(who).encode(), who.to_bytes(8, "big"), who.to_bytes(8, "little")):
        assert secret not in whole
    assert world.fan.id.to_bytes(8, "big") in whole, "so one would find whose message it was, which is kept"
    logged = [*map(str, world._logged), *caplog.messages]
    assert [line for line in logged if str(who) in line] == []
