"""Deletes under the limits that people have measured at Discord, and what the bot does when Discord says no."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import App
from bot.client import restraint
from bot.errors import ConfigError
from bot.model import Call, CallKind
from tests.discordd import (
    BULK_DELETE,
    CREATE_MESSAGE,
    DELETE_MESSAGE,
    Banned,
    Channel,
    Discordd,
    Hold,
    Message,
    Permission,
    RateLimited,
    RateLimits,
    Refusal,
    Request,
)

from .conftest import BLOCKED, picture
from .installation import Installation

BULK_PATH, SINGLE_PATH = "/channels/*/messages/bulk-delete", "/channels/*/messages/*"


@pytest.fixture
async def discordd(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discordd]:
    """A loopback Discord that counts as Discord does."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    async with Discordd(limits=RateLimits()) as server:
        yield server


def posted(installation: Installation, ages: Iterable[timedelta], channel: Channel | None = None) -> list[Message]:
    """Messages that nobody hears of, so old."""
    world = installation.discordd.world
    return [
        world.post(channel or installation.fans, installation.fan, "a picture", age=age, deliver=False) for age in ages
    ]


async def delete(app: App, installation: Installation, messages: Sequence[Message]) -> None:
    """Want these messages deleted, all at once, as a case each."""
    calls = [
        Call(
            CallKind.DELETE_MESSAGE,
            f"delete:{message.id}",
            f"message:{message.id}",
            {
                "channel_id": message.channel.id,
                "message_id": message.id,
                "reason": f"stanguard: matches the blocklist (case {number})",
            },
            case_id=number,
            guild_id=installation.guild.id,
        )
        for number, message in enumerate(messages, 1)
    ]
    async with app.store.write() as tx:
        await tx.outbox.put(calls, app.cases.now())
    app.outbox.wake()


async def until_gone(installation: Installation, messages: Sequence[Message]) -> None:
    await installation.discordd.wait_for(lambda: all(message.deleted for message in messages))
    await installation.settled()


def asked_for(discordd: Discordd) -> Counter[int]:
    """How often each message was asked to be deleted, alone or with others."""
    alone = [int(one.params["message_id"]) for one in discordd.journal.of(DELETE_MESSAGE)]
    return Counter(alone + [int(id_) for one in discordd.journal.of(BULK_DELETE) for id_ in one.body["messages"]])


def requests(discordd: Discordd) -> list[Request]:
    return discordd.journal.of(DELETE_MESSAGE) + discordd.journal.of(BULK_DELETE)


# --------------------------------------------------------------------------------------------------- fast lanes


async def test_forty_pictures_at_once_go_in_one_request(discordd: Discordd, installation: Installation) -> None:
    messages = posted(installation, [timedelta(0)] * 40)
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await until_gone(installation, messages)
    assert set(asked_for(discordd).values()) == {1}
    assert [one.status for one in requests(discordd)] == [204]
    (bulk,) = discordd.journal.of(BULK_DELETE)
    assert bulk.headers["X-Audit-Log-Reason"] == "stanguard%3A matches the blocklist %2840 cases%29"


async def test_forty_pictures_posted_one_after_the_other_are_all_gone_each_once(
    discordd: Discordd, installation: Installation
) -> None:
    async with installation.running():
        messages = [
            discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", picture(BLOCKED, 80))])
            for _ in range(40)
        ]
        await until_gone(installation, messages)
    assert asked_for(discordd) == Counter(message.id for message in messages)
    assert {one.status for one in requests(discordd)} == {204}, "no limit was ever passed"
    assert len(requests(discordd)) < 40


async def test_two_go_alone_and_at_once(discordd: Discordd, installation: Installation) -> None:
    messages = posted(installation, [timedelta(0)] * 2)
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await until_gone(installation, messages)
    assert [one.status for one in discordd.journal.of(DELETE_MESSAGE)] == [204, 204]
    assert not discordd.journal.of(BULK_DELETE)


async def test_ages_are_kept_apart_and_nothing_too_old_goes_with_others(
    discordd: Discordd, installation: Installation
) -> None:
    old = posted(installation, [timedelta(days=14, minutes=-5), *[timedelta(days=20)] * 5])
    young = posted(installation, [timedelta(0), timedelta(seconds=30), timedelta(hours=1), timedelta(days=13)] * 10)
    async with installation.calling() as (app, _):
        await delete(app, installation, [*old, *young])
        await until_gone(installation, [*old, *young])
    together = {int(id_) for one in discordd.journal.of(BULK_DELETE) for id_ in one.body["messages"]}
    assert not together & {message.id for message in old}
    assert set(asked_for(discordd).values()) == {1}
    assert {one.status for one in requests(discordd)} == {204}


async def test_more_than_a_hundred_take_several_requests(discordd: Discordd, installation: Installation) -> None:
    messages = posted(installation, [timedelta(minutes=1)] * 230)
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await until_gone(installation, messages)
    assert set(asked_for(discordd).values()) == {1}
    assert {one.status for one in requests(discordd)} == {204}
    assert max(len(one.body["messages"]) for one in discordd.journal.of(BULK_DELETE)) == 100


async def test_one_that_a_moderator_deleted_meanwhile_hinders_none(
    discordd: Discordd, installation: Installation
) -> None:
    messages = posted(installation, [timedelta(0)] * 10)
    discordd.world.delete(messages[4])
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await until_gone(installation, messages)
    assert len(requests(discordd)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Refusal(404, 10008, "Unknown Message"),
        Refusal(400, 50034, "You can only bulk delete messages that are under 14 days old."),
        Refusal(403, 50021, "Cannot execute action on a system message"),
    ],
    ids=repr,
)
async def test_what_cannot_go_together_goes_alone(
    discordd: Discordd, installation: Installation, answer: Refusal
) -> None:
    discordd.faults.always("POST", BULK_PATH, answer)
    messages = posted(installation, [timedelta(0)] * 8)
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await until_gone(installation, messages)
    assert len(discordd.journal.of(BULK_DELETE)) == 1
    assert len(discordd.journal.of(DELETE_MESSAGE)) == 8


async def test_a_bulk_delete_with_an_unknown_end_is_repeated(discordd: Discordd, installation: Installation) -> None:
    held = discordd.faults.hold("POST", BULK_PATH, after=True)
    messages = posted(installation, [timedelta(0)] * 12)
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await held.arrived.wait()
        held.drop()
        await installation.settled()
    assert set(asked_for(discordd).values()) == {2}
    assert len(discordd.journal.events("MESSAGE_DELETE_BULK")) == 1


# ----------------------------------------------------------------------------------------------- no permission


async def test_where_discord_refuses_it_is_not_asked_again_until_the_permissions_change(
    discordd: Discordd, installation: Installation
) -> None:
    refusals = [
        discordd.faults.always(method, path, Refusal(403, 50013, "Missing Permissions"))
        for method, path in (("DELETE", SINGLE_PATH), ("POST", BULK_PATH))
    ]
    async with installation.running() as app:
        messages: list[Message] = []
        for quality in (60, 70, 80):
            upload = [("a.jpg", picture(BLOCKED, quality))]
            messages.append(discordd.world.post(installation.fans, installation.fan, attachments=upload))
            await discordd.wait_for(lambda: str(installation.cards()).count("Manage Messages"))
            await app.idle()
        assert len(requests(discordd)) == 1, "one refusal is enough"
        for refusal in refusals:
            discordd.faults.lift(refusal)
        discordd.world.overwrite(
            installation.fans, discordd.world.guilds[installation.guild.id].members[discordd.world.me.id],
            allow=Permission.MANAGE_MESSAGES,
        )  # fmt: skip
        await until_gone(installation, messages)
    assert set(asked_for(discordd).values()) <= {1, 2}
    assert [one.status for one in requests(discordd)].count(403) == 1


async def test_a_permission_that_is_known_to_be_missing_costs_no_request(
    discordd: Discordd, installation: Installation
) -> None:
    me = installation.guild.members[discordd.world.me.id]
    discordd.world.overwrite(installation.fans, me, deny=Permission.MANAGE_MESSAGES)
    async with installation.running() as app:
        message = discordd.world.post(
            installation.fans, installation.fan, attachments=[("a.jpg", picture(BLOCKED, 80))]
        )
        await discordd.wait_for(lambda: "Manage Messages" in str([card.components for card in installation.cards()]))
        await app.idle()
        assert not requests(discordd)
        discordd.world.overwrite(installation.fans, me, allow=Permission.MANAGE_MESSAGES)
        await until_gone(installation, [message])


async def test_a_permission_that_came_back_while_the_bot_was_away_is_found_at_the_start(
    discordd: Discordd, installation: Installation
) -> None:
    me = installation.guild.members[discordd.world.me.id]
    discordd.world.overwrite(installation.fans, me, deny=Permission.MANAGE_MESSAGES)
    async with installation.running() as app:
        upload = [("a.jpg", picture(BLOCKED, 80))]
        message = discordd.world.post(installation.fans, installation.fan, attachments=upload)
        await discordd.wait_for(installation.cards)
        await app.idle()
    discordd.world.overwrite(installation.fans, me, allow=Permission.MANAGE_MESSAGES)
    assert not message.deleted
    async with installation.calling():
        await until_gone(installation, [message])


async def test_where_the_bot_may_not_write_it_is_not_asked_for_every_line(
    discordd: Discordd, installation: Installation
) -> None:
    me = installation.guild.members[discordd.world.me.id]
    discordd.world.overwrite(installation.review, me, deny=Permission.SEND_MESSAGES)

    async def write(app: App, number: int) -> None:
        payload = {"channel_id": installation.review.id, "text": "a line"}
        line = Call(CallKind.LOG_LINE, f"line:{number}", "log", payload, guild_id=installation.guild.id)
        async with app.store.write() as tx:
            await tx.outbox.put([line], app.cases.now())
        app.outbox.wake()

    async with installation.calling() as (app, bot):
        for number in range(20):
            await write(app, number)
        await installation.settled()
        assert [one.status for one in discordd.journal.of(CREATE_MESSAGE)] == [403]
        assert bot.permits.breakers.open == 1
        discordd.world.overwrite(installation.review, me, allow=Permission.SEND_MESSAGES)
        await discordd.wait_for(lambda: not bot.permits.breakers.open)
        await write(app, 20)
        await discordd.wait_for(lambda: discordd.world.my_messages(installation.review))


# --------------------------------------------------------------------------------------------- the whole address


@pytest.mark.parametrize("fault", [RateLimited(1.0, scope="global"), Banned()], ids=repr)
async def test_what_holds_for_the_address_holds_every_call_of_the_process(
    discordd: Discordd, installation: Installation, fault: object
) -> None:
    discordd.faults.script("DELETE", SINGLE_PATH, fault)
    elsewhere = discordd.world.create_channel(installation.guild, "elsewhere")
    first, *others = [
        *posted(installation, [timedelta(0)]),
        *posted(installation, [timedelta(0)], elsewhere),
        *posted(installation, [timedelta(minutes=1)], installation.review),
    ]
    async with installation.calling() as (app, _):
        await delete(app, installation, [first])
        refused = await discordd.wait_for(
            lambda: next((one for one in discordd.journal.of(DELETE_MESSAGE) if one.finished), None)
        )
        await asyncio.sleep(0.05)
        await delete(app, installation, others)
        await until_gone(installation, [first, *others])
    assert refused.status == 429
    assert refused.finished is not None
    after = [one.at - refused.finished for one in requests(discordd) if one is not refused]
    assert len(after) == 3
    assert min(after) > 0.9


async def test_a_token_that_is_not_accepted_any_more_ends_the_program_and_every_request(
    discordd: Discordd, installation: Installation
) -> None:
    messages = posted(installation, [timedelta(0)] * 3)
    discordd.faults.always("DELETE", SINGLE_PATH, Refusal(401, 0, "401: Unauthorized"))

    async with installation.opened() as app:
        await delete(app, installation, messages)
    with pytest.raises(ConfigError, match="Discord does not accept the token"):
        await installation.run()
    assert len(discordd.journal.of(DELETE_MESSAGE)) == 3, "nothing is asked after that"
    assert await installation.pending_calls() == 3, "and nothing is given up for it"


# ------------------------------------------------------------------------------------- what discord.py does not retry


async def test_a_request_that_is_never_answered_is_ended_and_repeated(
    discordd: Discordd, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = restraint.aiohttp.ClientTimeout(total=5.0, sock_read=0.3)
    monkeypatch.setattr(restraint, "REQUEST", limit)
    discordd.faults.script("DELETE", SINGLE_PATH, Hold())
    (message,) = messages = posted(installation, [timedelta(0)])
    async with installation.calling() as (app, _):
        await delete(app, installation, messages)
        await until_gone(installation, messages)
    assert asked_for(discordd)[message.id] == 2


@pytest.mark.parametrize("how", ["name unknown", "connection refused"])
async def test_a_host_that_cannot_be_reached_is_asked_again(
    discordd: Discordd, installation: Installation, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    tried = asyncio.Event()

    async def unknown(*args: object, **options: object) -> list[object]:
        tried.set()
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(restraint.aiohttp.ThreadedResolver, "resolve", unknown)
    monkeypatch.setattr(restraint.aiohttp.DefaultResolver, "resolve", unknown)
    messages = posted(installation, [timedelta(0)])
    async with installation.calling() as (app, _):
        right = Route.BASE
        port = discordd.port if how == "name unknown" else 1
        Route.BASE = f"http://{'discord.invalid' if how == 'name unknown' else '127.0.0.1'}:{port}/api/v10"
        await delete(app, installation, messages)
        if how == "name unknown":
            await tried.wait()
        await waits_for_another_attempt(app)
        Route.BASE = right
        await until_gone(installation, messages)


async def waits_for_another_attempt(app: App) -> None:
    async with asyncio.timeout(60):
        while True:
            await app.outbox.idle()
            async with app.store.read() as tx:
                due = await tx.outbox.next_due()
            if due is not None and due > app.cases.now() - timedelta(seconds=5):
                return


async def test_cards_wait_while_deletes_go(discordd: Discordd, installation: Installation) -> None:
    held = discordd.faults.hold("POST", f"/channels/{installation.review.id}/messages")
    lines = [
        Call(CallKind.LOG_LINE, f"line:{n}", f"line:{n}", {"channel_id": installation.review.id, "text": "a line"})
        for n in range(30)
    ]
    messages = posted(installation, [timedelta(0)] * 5)
    async with installation.calling() as (app, _):
        async with app.store.write() as tx:
            await tx.outbox.put(lines, app.cases.now())
        app.outbox.wake()
        await held.arrived.wait()
        await delete(app, installation, messages)
        await discordd.wait_for(lambda: all(message.deleted for message in messages))
        assert len(discordd.journal.of(CREATE_MESSAGE)) == 1
        held.release()
