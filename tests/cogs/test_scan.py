"""``/scan``: reading what was posted before on request, its message in the channel, and what moderators are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import discord
import pytest
import simcord

from bot.app import utc_now
from bot.client.permissions import lacks_to_read
from bot.history import requests
from bot.history.discord import PAGE, ChannelHead
from bot.history.since import CHOICES, NOT_A_TIME
from bot.history.times import first_id
from bot.model import StretchState, Sweep, SweepKind, SweepState, Verdict
from bot.store.sweeps import Range
from cogs.ui import scan_texts as words
from cogs.ui import texts
from cogs.ui.cards import NEEDS_REVIEW
from tests.cogs.asking import choose, question
from tests.world import World

OTHER_GUILD = 123456789012345678
CLOSED = discord.PermissionOverwrite(read_message_history=False)


class Heads:
    """The channels of the simulated server. It stands in for Discord's answers alone; nothing is read here."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.woken = 0

    @property
    def me(self) -> int | None:
        return None

    def wake(self) -> None:
        self.woken += 1

    async def channels(self, guild_id: int) -> Sequence[ChannelHead]:
        guild = self.world.bot.get_guild(guild_id)
        assert guild is not None
        return [
            ChannelHead(channel.id, self._newest(channel.id), not lacks_to_read(channel, guild.me))
            for channel in (*guild.channels, *guild.threads)
            if not isinstance(channel, discord.CategoryChannel | discord.ForumChannel)
        ]

    def _newest(self, channel_id: int) -> int | None:
        return max(self.world.env.backend.messages[channel_id], default=None)

    async def archived(self, guild_id: int, since: datetime) -> Sequence[ChannelHead]:
        del guild_id, since
        return ()

    async def page(self, channel_id: int, before_id: int, *, limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        raise AssertionError("a request reads nothing itself")

    async def message(self, channel_id: int, message_id: int) -> Mapping[str, Any] | None:
        raise AssertionError("a request reads nothing itself")


@pytest.fixture
async def heads(world: World) -> Heads:
    """The bot knows the channels of its server, somebody wrote in the open one, and a minute passed."""
    world.passed = world.env.backend.clock.now() + timedelta(minutes=1) - utc_now()  # simcord has a time of its own
    heads = Heads(world)
    world.app.scans.connect(heads, heads.wake)
    await world.fan.send(world.fans, "hello")
    await world.settle()
    return heads


async def scan(world: World, who: simcord.MemberActor | None = None, **options: Any) -> str:
    """Use ``/scan channel`` in the open channel; what only that person saw."""
    member = who or world.moderator
    world.reveal("scan", member)
    where = options.pop("where", world.fans)
    result = await member.slash(where, "scan channel", **options)
    await world.settle()
    return world.answer(result)


async def scan_server(world: World, who: simcord.MemberActor, **options: Any) -> simcord.InteractionResult:
    world.reveal("scan", who)
    result = await who.slash(world.fans, "scan server", **options)
    await world.settle()
    return result


async def status(world: World, who: simcord.MemberActor | None = None) -> str:
    member = who or world.moderator
    world.reveal("scan", member)
    return world.answer(await member.slash(world.fans, "scan status"))


def answered(result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The only answer to an interaction."""
    (message,) = {one.id: one for one in (result.response, *result.followups) if one is not None}.values()
    return message


def shown(world: World, where: simcord.ChannelHandle | None = None) -> list[discord.Message]:
    """The messages of the bot in a channel that everybody there sees, oldest first."""
    me = world.bot.user
    assert me is not None
    history = (where or world.fans).history(viewer=world.owner)
    return [message for message in history if message.author.id == me.id and not message.flags.ephemeral]


def only(world: World) -> discord.Message:
    (message,) = shown(world)
    return message


async def sweeps(world: World) -> list[Sweep]:
    async with world.app.store.read() as tx:
        return (await tx.sweeps.of_guild(world.guild.id))[::-1]


async def state(world: World) -> SweepState:
    (sweep,) = await sweeps(world)
    return sweep.state


async def read(world: World, back: timedelta, *, end: bool = False, **counts: int) -> None:
    """Read the only scan down to a time as the sweeper does, finding and scanning pictures."""
    (sweep,) = await sweeps(world)
    async with world.app.store.write() as tx:
        for stretch in await tx.sweeps.stretches(sweep.id):
            cursor = first_id(world.app.cases.now() - back)
            await tx.sweeps.move(stretch, cursor, StretchState.DONE if end else StretchState.WAITING)
        await tx.sweeps.count_read(sweep.id, messages=counts.pop("messages", 0), media=counts.pop("media", 0))
        for verdict, number in counts.items():
            await tx.sweeps.count_scanned(sweep.id, Verdict(verdict), number)
        if end:
            await tx.sweeps.set_state(
                sweep.id, [SweepState.RUNNING], SweepState.DONE, finished_at=world.app.cases.now()
            )


async def turn(world: World) -> None:
    """What the bot does every few seconds."""
    await world.app.progress.show_progress()
    await world.settle()


async def press(world: World, who: simcord.MemberActor, message: Any, label: str) -> simcord.InteractionResult:
    result = await who.click(message, label=label)
    await world.settle()
    return result


class TestAChannel:
    """``/scan channel``."""

    async def test_it_is_read_and_shown_where_it_was_asked_for(self, world: World, heads: Heads) -> None:
        answer = await scan(world)
        message = only(world)
        assert str(message.id) in answer
        said = world.text(message)
        assert f"Scanning earlier posts in <#{world.fans.id}>" in said
        assert "░" * words.BAR in said
        assert f"asked for by <@{world.moderator.id}> · scan S-1" in said
        assert world.buttons(message) == [words.PAUSE, words.CANCEL]
        assert heads.woken == 1
        (sweep,) = await sweeps(world)
        assert (sweep.kind, sweep.channel_id, sweep.message_id) == (SweepKind.CHANNEL, world.fans.id, message.id)
        assert world.called() == []

    async def test_another_channel_and_another_time(self, world: World, heads: Heads) -> None:
        voice = world.guild.create_voice_channel("stage talk")
        await world.fan.send(voice, "hello")
        await scan(world, channel=voice, since="24 h", where=world.review)
        (message,) = [message for message in shown(world, world.review) if world.buttons(message)]
        assert f"Scanning earlier posts in <#{voice.id}>" in world.text(message)
        (sweep,) = await sweeps(world)
        progress = await world.app.scans.look(sweep)
        assert progress.since is not None
        assert timedelta(hours=23) < world.app.cases.now() - progress.since < timedelta(hours=25)

    async def test_in_a_thread(self, world: World, heads: Heads) -> None:
        channel = world.bot.get_channel(world.fans.id)
        assert isinstance(channel, discord.TextChannel)
        await channel.create_thread(name="edits", type=discord.ChannelType.public_thread)
        await world.settle()
        (thread,) = world.fans.threads
        await world.fan.send(thread, "hello")
        await scan(world, where=thread)
        (message,) = shown(world, thread)
        assert f"Scanning earlier posts in <#{thread.id}>" in world.text(message)

    @pytest.mark.parametrize(
        ("since", "said"), [("soon", NOT_A_TIME), ("0 days", "not in the past"), ("2 years", "365 days at most")]
    )
    async def test_a_wrong_time_gets_a_sentence(self, world: World, heads: Heads, since: str, said: str) -> None:
        assert said in await scan(world, since=since)
        assert await sweeps(world) == []
        assert shown(world) == []

    async def test_times_are_proposed(self, world: World) -> None:
        world.reveal("scan", world.moderator)
        offered = await world.moderator.autocomplete(world.fans, "scan channel", "since", "")
        assert [one["value"] for one in offered] == list(CHOICES)
        offered = await world.moderator.autocomplete(world.fans, "scan channel", "since", "3")
        assert [one["value"] for one in offered] == ["30 days", "365 days"]

    async def test_a_long_one_is_told_what_it_costs(self, world: World, heads: Heads) -> None:
        assert "500 messages a second" in await scan(world, since="90 days")

    async def test_members_may_not(self, world: World, heads: Heads) -> None:
        assert await scan(world, world.fan) == texts.NOT_A_MODERATOR
        assert await status(world, world.owner)
        assert await sweeps(world) == []

    async def test_a_channel_that_the_bot_may_not_read_is_named_with_its_remedy(
        self, world: World, heads: Heads
    ) -> None:
        bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
        shut = world.guild.create_text_channel("shut", overwrites={bot_role: CLOSED})
        await world.fan.send(shut, "hello")
        answer = await scan(world, channel=shut)
        assert answer == words.cannot_read(shut.id, ["Read Message History"])
        assert await sweeps(world) == []

    async def test_a_channel_that_the_moderator_may_not_read_is_not_read_for_them(
        self, world: World, heads: Heads
    ) -> None:
        secret = world.guild.create_text_channel("plans", overwrites={world.moderators: CLOSED})
        await world.owner.send(secret, "hello")
        assert await scan(world, channel=secret) == words.NOT_SEEN

    async def test_a_second_request_is_told_of_the_first(self, world: World, heads: Heads) -> None:
        await scan(world)
        answer = await scan(world, world.second_moderator)
        assert "being scanned already" in answer
        assert f"asked for by <@{world.moderator.id}>" in answer
        assert str(only(world).id) in answer
        assert len(await sweeps(world)) == 1

    async def test_where_the_bot_may_not_write_only_the_moderator_is_told(self, world: World, heads: Heads) -> None:
        bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
        mute = discord.PermissionOverwrite(send_messages=False)
        quiet = world.guild.create_text_channel("quiet", overwrites={bot_role: mute})
        await world.fan.send(quiet, "hello")
        result = await world.moderator.slash(quiet, "scan channel")
        await world.settle()
        assert words.NOT_POSTED in world.answer(result)
        assert shown(world, quiet) == []
        refused = [request for request in world.env.http_requests if request.path.endswith(f"{quiet.id}/messages")]
        assert refused == [], "Discord is not asked for what it would refuse"
        assert f"Scanning earlier posts in <#{quiet.id}>" in await status(world)
        await press(world, world.moderator, answered(result), words.CANCEL)
        assert await state(world) is SweepState.CANCELLED


class TestTheMessage:
    """The message that shows how far a scan is."""

    async def test_it_changes_while_the_scan_goes_on(self, world: World, heads: Heads) -> None:
        await scan(world)
        await read(world, timedelta(days=3.6), messages=1240, media=310, clear=284, remove=2, review=1, unscannable=3)
        await turn(world)
        said = world.text(only(world))
        assert "**51 %**" in said
        assert "█" * 10 + "░" * 10 in said
        assert "1,240 messages with 310 pictures, 290 of them scanned" in said
        assert "**2** removed · **1** for review · **3** could not be scanned" in said

    async def test_it_ends_with_the_result_and_no_button(self, world: World, heads: Heads) -> None:
        await scan(world)
        await read(world, timedelta(days=7), end=True, messages=1240, media=310, clear=304, remove=2, unscannable=4)
        await turn(world)
        message = only(world)
        assert world.buttons(message) == []
        first, last = world.text(message).strip().split("\n")
        assert first.startswith(f"Scanned <#{world.fans.id}> back to <t:")
        assert first.endswith(": 1,240 messages with 310 pictures, **2** removed, 4 could not be scanned.")
        assert last == f"-# Asked for by <@{world.moderator.id}> · scan S-1"

    async def test_nothing_found_is_said_as_well(self, world: World, heads: Heads) -> None:
        await scan(world)
        await read(world, timedelta(days=7), end=True, messages=1)
        await turn(world)
        assert "1 message with 0 pictures, nothing that matches a list." in world.text(only(world))

    async def test_pictures_that_are_left_are_waited_for(self, world: World, heads: Heads) -> None:
        await scan(world)
        (sweep,) = await sweeps(world)
        async with world.app.store.write() as tx:
            (stretch,) = await tx.sweeps.stretches(sweep.id)
            await tx.sweeps.move(stretch, stretch.after_id, StretchState.DONE)
            await tx.sweeps.count_read(sweep.id, messages=3, media=3)
        await turn(world)
        assert f"All read: scanning the last pictures found in <#{world.fans.id}>" in world.text(only(world))
        assert world.buttons(only(world)) == []

    async def test_one_that_broke_off_is_no_all_clear(self, world: World, heads: Heads) -> None:
        """The bot lost the permission in the middle: it says so, also while pictures are left to be scanned."""
        await scan(world)
        await read(world, timedelta(days=3), messages=5, media=2, clear=1)
        (sweep,) = await sweeps(world)
        async with world.app.store.write() as tx:
            (stretch,) = await tx.sweeps.stretches(sweep.id)
            await tx.sweeps.move(stretch, stretch.cursor, StretchState.UNREADABLE)
        await turn(world)
        said = world.text(only(world))
        assert "### Broken off" in said
        assert "100 %" not in said
        async with world.app.store.write() as tx:
            await tx.sweeps.count_scanned(sweep.id, Verdict.CLEAR, 1)
            await tx.sweeps.set_state(sweep.id, [SweepState.RUNNING], SweepState.DONE)
            await tx.sweeps.finish(sweep.id, world.app.cases.now())
        await turn(world)
        message = only(world)
        said = world.text(message)
        assert f"The scan of <#{world.fans.id}> back to <t:" in said
        assert "broke off, because the bot may not read it" in said
        assert "read until then: 5 messages with 2 pictures, nothing that matches a list." in said
        assert "Scanned" not in said
        accent = next(part["accent_color"] for part in world.parts(message) if "accent_color" in part)
        assert accent == NEEDS_REVIEW.value
        assert f"- <#{world.fans.id}>: the bot may read it now; use `/scan channel` there" in await status(world)

    async def test_a_server_of_which_some_could_not_be_read(self, world: World, heads: Heads) -> None:
        now = world.app.cases.now()
        ranges = [Range(one, first_id(now - timedelta(days=2)) - 1, first_id(now)) for one in (world.fans.id, 77)]
        async with world.app.store.write() as tx:
            sweep = await tx.sweeps.open(world.guild.id, SweepKind.SERVER, now, ranges, requested_by=world.owner.id)
            done, closed = await tx.sweeps.stretches(sweep.id)
            await tx.sweeps.move(done, done.after_id, StretchState.DONE)
            await tx.sweeps.move(closed, closed.cursor, StretchState.UNREADABLE)
            await tx.sweeps.set_state(sweep.id, [SweepState.RUNNING], SweepState.DONE, finished_at=now)
        said = await status(world)
        assert "Scanned the whole server back to" in said
        assert "nothing that matches a list, 1 channel could not be read (`/scan status` says why)." in said

    async def test_who_deletes_it_is_left_in_peace(self, world: World, heads: Heads) -> None:
        await scan(world)
        await world.moderator.delete(only(world))
        await read(world, timedelta(days=3), messages=5)
        await turn(world)
        (sweep,) = await sweeps(world)
        assert (sweep.message_id, sweep.state) == (None, SweepState.RUNNING)
        assert shown(world) == []
        assert "5 messages" in await status(world)

    async def test_after_a_restart_it_goes_on(self, world: World, heads: Heads) -> None:
        await scan(world)
        await world.restart()
        await read(world, timedelta(days=3.6), messages=7)
        await turn(world)
        assert "7 messages" in world.text(only(world))
        await press(world, world.moderator, only(world), words.PAUSE)
        assert await state(world) is SweepState.PAUSED

    async def test_it_says_no_more_than_counts(self, world: World, heads: Heads) -> None:
        """No picture, no case, nobody but who asked for it."""
        await scan(world)
        await read(world, timedelta(days=3), messages=5, media=2, remove=1, review=1)
        await turn(world)
        message = only(world)
        assert {part["type"] for part in world.parts(message)} == {1, 2, 10, 17}
        people = {str(one.id) for one in (world.fan, world.other, world.owner, world.guardian)}
        assert not [one for one in people if one in world.text(message)]
        assert "minor" not in world.text(message)


class TestTheButtons:
    """Pause, go on and cancel."""

    async def test_a_pause_and_on(self, world: World, heads: Heads) -> None:
        await scan(world)
        await press(world, world.moderator, only(world), words.PAUSE)
        assert await state(world) is SweepState.PAUSED
        assert "### Paused: scan of" in world.text(only(world))
        assert world.buttons(only(world)) == [words.GO_ON, words.CANCEL]
        await press(world, world.second_moderator, only(world), words.GO_ON)
        assert await state(world) is SweepState.RUNNING
        assert world.buttons(only(world)) == [words.PAUSE, words.CANCEL]
        assert heads.woken == 3

    async def test_a_cancelled_one_says_how_far_it_came(self, world: World, heads: Heads) -> None:
        await scan(world)
        await read(world, timedelta(days=3.6), messages=40)
        await press(world, world.moderator, only(world), words.CANCEL)
        assert "### Cancelled: scanning the last pictures found" in world.text(only(world))
        assert world.buttons(only(world)) == []
        (sweep,) = await sweeps(world)
        async with world.app.store.write() as tx:
            await tx.sweeps.finish(sweep.id, world.app.cases.now())
        await turn(world)
        assert "was cancelled at 51 %: 40 messages with 0 pictures" in world.text(only(world))
        assert "being scanned already" not in await scan(world), "it may be asked for anew"

    async def test_members_may_not_press(self, world: World, heads: Heads) -> None:
        await scan(world)
        for label in (words.PAUSE, words.CANCEL):
            pressed = await press(world, world.fan, only(world), label)
            assert world.answer(pressed) == texts.NOT_A_MODERATOR
        assert await state(world) is SweepState.RUNNING
        await world.change(moderator_role_id=world.child_safety.id)
        pressed = await press(world, world.moderator, only(world), words.PAUSE)
        assert world.answer(pressed) == texts.NOT_A_MODERATOR, "it is asked anew at every press"

    async def test_who_is_slower_is_told(self, world: World, heads: Heads) -> None:
        """Two moderators see the same buttons; the second press comes from the message as it was before."""
        await scan(world)
        (sweep,) = await sweeps(world)
        await world.app.scans.pause(world.guild.id, sweep.id, world.second_moderator.id)
        pressed = await press(world, world.moderator, only(world), words.PAUSE)
        assert world.answer(pressed) == requests.PAUSED_BEFORE
        assert world.buttons(only(world)) == [words.GO_ON, words.CANCEL]
        await world.app.scans.cancel(world.guild.id, sweep.id, world.second_moderator.id)
        pressed = await press(world, world.moderator, only(world), words.GO_ON)
        assert world.answer(pressed) == requests.OVER
        assert world.buttons(only(world)) == []

    async def test_the_scan_of_another_server_is_not_there(self, world: World, heads: Heads) -> None:
        await scan(world)
        async with world.app.store.write() as tx:
            await tx.sweeps.open(OTHER_GUILD, SweepKind.SERVER, world.app.cases.now(), [Range(1, 1, 2)], requested_by=1)
        message = only(world)
        stored = world.env.backend.get_message(world.fans.id, message.id)
        button = next(part for part in world.parts(message) if part.get("label") == words.CANCEL)
        button["custom_id"] = button["custom_id"].replace(":1:", ":2:")
        assert stored.components
        pressed = await press(world, world.moderator, message, words.CANCEL)
        assert world.answer(pressed) == requests.NO_SCAN.format(id=2)


class TestTheServer:
    """``/scan server``."""

    async def test_it_asks_first(self, world: World, heads: Heads) -> None:
        await world.owner.send(world.review, "hello")
        bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
        world.guild.create_text_channel("shut", overwrites={bot_role: CLOSED})
        result = await scan_server(world, world.owner, since="30 days")
        asked = question(world, result)
        said = world.text(asked)
        assert "2 channels and active threads are read back" in said
        assert "The bot may not read 1 channel" in said
        assert "500 messages a second" in said
        assert await sweeps(world) == []
        answer = await choose(world, world.owner, asked, words.SERVER_YES)
        message = only(world)
        assert str(message.id) in answer
        assert "Scanning earlier posts in the whole server" in world.text(message)
        assert "0 of 2 channels read; the bot may not read 1 more" in world.text(message)

    async def test_it_can_be_left(self, world: World, heads: Heads) -> None:
        asked = question(world, await scan_server(world, world.owner))
        assert words.SERVER_LEFT in await choose(world, world.owner, asked, words.SERVER_NO)
        assert await sweeps(world) == []

    async def test_it_is_for_manage_server(self, world: World, heads: Heads) -> None:
        assert world.answer(await scan_server(world, world.moderator)) == texts.NOT_AN_ADMIN
        asked = question(world, await scan_server(world, world.owner))
        await choose(world, world.owner, asked, words.SERVER_YES)
        await press(world, world.moderator, only(world), words.PAUSE)
        assert await state(world) is SweepState.PAUSED, "any moderator may stop it"

    async def test_the_right_is_asked_for_again_when_it_begins(self, world: World, heads: Heads) -> None:
        manager = world.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
        sora = world.guild.add_member(world.env.create_user("sora"), roles=[manager])
        asked = question(world, await scan_server(world, sora))
        guild = world.bot.get_guild(world.guild.id)
        role = guild.get_role(manager.id) if guild is not None else None
        assert role is not None
        await role.edit(permissions=discord.Permissions.none())
        assert texts.NOT_AN_ADMIN in await choose(world, sora, asked, words.SERVER_YES)
        assert await sweeps(world) == []

    async def test_two_admins_at_once_begin_one(self, world: World, heads: Heads) -> None:
        manager = world.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
        second = world.guild.add_member(world.env.create_user("sora"), roles=[manager])
        asked = [(one, question(world, await scan_server(world, one))) for one in (world.owner, second)]
        answers = [await choose(world, one, message, words.SERVER_YES) for one, message in asked]
        assert len(await sweeps(world)) == 1
        assert "being scanned already" in answers[1]
        assert len(shown(world)) == 1
        assert "being scanned already" in world.answer(await scan_server(world, second))

    async def test_nothing_to_read_is_said_in_the_place_of_the_question(self, world: World, heads: Heads) -> None:
        world.passed += timedelta(days=40)
        asked = question(world, await scan_server(world, world.owner))
        assert requests.NOTHING_ANYWHERE in await choose(world, world.owner, asked, words.SERVER_YES)


class TestTheStatus:
    """``/scan status``."""

    async def test_nothing_runs(self, world: World) -> None:
        assert words.NOTHING_RUNS in await status(world)
        assert await status(world, world.fan) == texts.NOT_A_MODERATOR

    async def test_an_outage(self, world: World, heads: Heads) -> None:
        bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
        shut = world.guild.create_text_channel("shut", overwrites={bot_role: CLOSED})
        now = world.app.cases.now()
        ranges = [
            Range(one, first_id(now - timedelta(hours=2)) - 1, first_id(now)) for one in (world.fans.id, shut.id, 77)
        ]
        async with world.app.store.write() as tx:
            sweep = await tx.sweeps.open(world.guild.id, SweepKind.CATCH_UP, now, ranges)
            _, closed, gone = await tx.sweeps.stretches(sweep.id)
            await tx.sweeps.move(closed, closed.cursor, StretchState.UNREADABLE)
            await tx.sweeps.move(gone, gone.cursor, StretchState.UNREADABLE)
            await tx.sweeps.count_read(sweep.id, messages=12, media=4)
        said = await status(world)
        assert "Catching up after an outage" in said
        assert "0 of 1 channel read; the bot may not read 2 more" in said
        assert "12 messages with 4 pictures, 0 of them scanned" in said
        assert f"Back to <t:{int((now - timedelta(hours=2)).timestamp())}:f>" in said
        assert f"- <#{shut.id}>: give the bot's role Read Message History there" in said
        assert "- <#77>: the bot does not see it any more" in said

    async def test_what_ended(self, world: World, heads: Heads) -> None:
        await scan(world)
        await read(world, timedelta(days=7), end=True, messages=9, media=1, remove=1)
        said = await status(world)
        assert words.NOTHING_RUNS in said
        assert "9 messages with 1 picture, **1** removed." in said

    async def test_many_channels_are_paged(self, world: World) -> None:
        now = world.app.cases.now()
        async with world.app.store.write() as tx:
            ranges = [Range(number, 1, first_id(now)) for number in range(1000, 1150)]
            sweep = await tx.sweeps.open(world.guild.id, SweepKind.CATCH_UP, now, ranges)
            for stretch in await tx.sweeps.stretches(sweep.id):
                await tx.sweeps.move(stretch, stretch.cursor, StretchState.UNREADABLE)
        result = await world.moderator.slash(world.review, "scan status")
        first = world.answer(result)
        assert "page 1 of" in first
        message = answered(result)
        await press(world, world.moderator, message, "Last")
        assert "<#1149>" in world.text(message)


def test_estimates_and_bars() -> None:
    assert words.left(timedelta(days=3)) == "About 3 days left"
    assert words.left(timedelta(minutes=1)) == "About 1 minute left"
    assert words.left(timedelta(hours=5)) == "About 5 hours left"
    assert [words.bar(percent).count("█") for percent in (0, 4, 5, 99, 100)] == [0, 0, 1, 19, 20]
