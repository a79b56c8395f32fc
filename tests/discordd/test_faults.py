"""The faults and the CDN of our loopback Discord."""

from __future__ import annotations

import asyncio
import itertools

import aiohttp
import discord
import pytest

from . import (
    DELETE_MESSAGE,
    FETCH_CDN,
    Banned,
    Channel,
    Discordd,
    Failure,
    Member,
    Message,
    Oversized,
    RateLimited,
    Redirect,
    Refusal,
    Reset,
    Slow,
    Trickle,
    Truncated,
)
from .conftest import Connect

PICTURE = bytes(range(256)) * 4
DELETES = "/channels/*/messages/*"


@pytest.fixture
def message(discordd: Discordd, channel: Channel, member: Member) -> Message:
    return discordd.world.post(channel, member, attachments=[("a b%é.jpg", PICTURE)], embeds=[])


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        # Otherwise aiohttp quietly repeats an idempotent request once when its connection breaks.
        session._retry_connection = False
        yield session


# --------------------------------------------------------------------------------------------------- the CDN


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    from yarl import URL

    async with session.get(URL(url, encoded=True), allow_redirects=False) as response:
        return response.status, await response.read()


async def test_a_signed_url_works_exactly_as_delivered(session: aiohttp.ClientSession, message: Message) -> None:
    attachment = message.attachments[0]
    assert await get(session, attachment["url"]) == (200, PICTURE)
    assert await get(session, attachment["proxy_url"]) == (200, PICTURE)
    path, _, query = attachment["url"].partition("?")
    changed = [
        path,
        f"{path}?{query}width=100",
        f"{path}?{'&'.join(reversed(query.rstrip('&').split('&')))}",
        f"{path}?{query.rstrip('&')}",
        f"{path}?{query.replace('hm=', 'hm=0')}",
    ]
    assert [(await get(session, url))[0] for url in changed] == [404] * 5


async def test_a_proxied_url_must_keep_its_escapes(discordd: Discordd, session: aiohttp.ClientSession) -> None:
    media = discordd.world.link_embed(PICTURE, "https://pictures.example/a.png?w=1&h=2")["image"]
    assert "%3Fw%3D1%26h%3D2" in media["proxy_url"]
    assert await get(session, media["proxy_url"]) == (200, PICTURE)
    assert (await get(session, media["proxy_url"].replace("%3D", "=")))[0] == 404


async def test_a_deleted_message_takes_its_files_along(
    discordd: Discordd, session: aiohttp.ClientSession, message: Message
) -> None:
    forward = discordd.world.post(message.channel, discordd.world.create_user("jin"), snapshots=[message])
    copy = forward.snapshots[0]["message"]["attachments"][0]
    discordd.world.delete(message)
    attachment = message.attachments[0]
    assert (await get(session, attachment["url"]))[0] == 404
    assert (await get(session, attachment["proxy_url"]))[0] == 404
    assert await get(session, copy["url"]) == (200, PICTURE), "a forward keeps its own copy"
    discordd.world.delete(forward)
    assert (await get(session, copy["url"]))[0] == 404


async def test_assets_need_no_signature(discordd: Discordd, session: aiohttp.ClientSession) -> None:
    world = discordd.world
    user = world.create_user("jin", avatar=PICTURE)
    emoji = world.emoji("wave", PICTURE).split(":")[2].rstrip(">")
    sticker = world.sticker("star", PICTURE, "gif")["id"]
    for path in (f"/avatars/{user.id}/{user.avatar}.png", f"/emojis/{emoji}.webp", f"/stickers/{sticker}.gif"):
        assert await get(session, f"{discordd.cdn.cdn_url}{path}?size=64") == (200, PICTURE)


async def test_cdn_faults(discordd: Discordd, session: aiohttp.ClientSession, message: Message) -> None:
    url = message.attachments[0]["url"]
    script = discordd.faults.script
    script("GET", "/cdn/attachments/**", Failure(415), Failure(500), Redirect("http://169.254.169.254/"))
    assert [(await get(session, url))[0] for _ in range(3)] == [415, 500, 302]
    script("GET", "/cdn/**", Oversized(300_000), Oversized(300_000, declared=True), Slow(0.01), Trickle(300, 0.001))
    bodies = [len((await get(session, url))[1]) for _ in range(4)]
    assert bodies == [300_000, 300_000, len(PICTURE), len(PICTURE)]
    script("GET", "/cdn/**", Truncated(100), Reset())
    with pytest.raises(aiohttp.ClientPayloadError):
        await get(session, url)
    with pytest.raises(aiohttp.ClientError):
        await get(session, url)
    assert await get(session, url) == (200, PICTURE), "the script is used up"
    assert len(discordd.journal.of(FETCH_CDN)) == 10


# --------------------------------------------------------------------------------------------------- REST


async def delete(discordd: Discordd, session: aiohttp.ClientSession, message: Message) -> aiohttp.ClientResponse:
    url = f"{discordd.api_url}/channels/{message.channel.id}/messages/{message.id}"
    async with session.delete(url, headers={"Authorization": f"Bot {discordd.token}"}) as response:
        await response.read()
        return response


async def test_rest_faults_come_in_order_and_end(
    discordd: Discordd, session: aiohttp.ClientSession, message: Message
) -> None:
    faults = (RateLimited(0.5), RateLimited(via=False), Banned(), Failure(503), Refusal(403, 50013, "Missing"))
    script = discordd.faults.script("DELETE", DELETES, *faults)
    answers = [await delete(discordd, session, message) for _ in range(6)]
    assert [one.status for one in answers] == [429, 429, 429, 503, 403, 204]
    assert ["Via" in one.headers for one in answers[:3]] == [True, False, False]
    assert [one.content_type for one in answers[:3]] == ["application/json", "application/json", "text/plain"]
    assert (await answers[4].json())["code"] == 50013
    assert script.used == 5
    assert [one.effect for one in discordd.journal.of(DELETE_MESSAGE)] == [None] * 5 + [204]


async def test_an_answer_can_be_lost_after_the_effect(
    discordd: Discordd, session: aiohttp.ClientSession, message: Message
) -> None:
    discordd.faults.script("DELETE", DELETES, Reset(), Reset(after=True))
    for deleted in (False, True):
        with pytest.raises(aiohttp.ClientError):
            await delete(discordd, session, message)
        assert message.deleted is deleted
    record = discordd.journal.of(DELETE_MESSAGE)[1]
    assert (record.effect, record.status) == (204, None)


async def test_a_request_can_be_held(discordd: Discordd, session: aiohttp.ClientSession, message: Message) -> None:
    before = discordd.faults.hold("DELETE", DELETES)
    call = asyncio.create_task(delete(discordd, session, message))
    await before.arrived.wait()
    assert not message.deleted
    before.drop()
    with pytest.raises(aiohttp.ClientError):
        await call
    assert not message.deleted, "a dropped request has no effect"
    after = discordd.faults.hold("DELETE", DELETES, after=True)
    call = asyncio.create_task(delete(discordd, session, message))
    await after.arrived.wait()
    assert message.deleted
    after.release()
    assert (await call).status == 204


async def test_a_standing_fault_is_lifted(discordd: Discordd, session: aiohttp.ClientSession, message: Message) -> None:
    script = discordd.faults.always("DELETE", DELETES, Failure(503))
    assert [(await delete(discordd, session, message)).status for _ in range(3)] == [503] * 3
    discordd.faults.lift(script)
    assert (await delete(discordd, session, message)).status == 204


async def test_discord_py_waits_out_429_and_stops_at_cloudflare(
    discordd: Discordd, connect: Connect, message: Message
) -> None:
    client = await connect()
    discordd.faults.script("DELETE", DELETES, Banned(), RateLimited(0.05), RateLimited(0.05, scope="global"))
    with pytest.raises(discord.HTTPException) as error:
        await client.http.delete_message(message.channel.id, message.id)
    assert error.value.status == 429
    await client.http.delete_message(message.channel.id, message.id)
    assert message.deleted
    times = [one.at for one in discordd.journal.of(DELETE_MESSAGE)]
    assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(times[1:]))


async def test_the_gateway_can_refuse_connections(discordd: Discordd, connect: Connect, channel: Channel) -> None:
    client = await connect()
    discordd.faults.script("GET", "/gateway/resume", Failure(503))
    discordd.gateway.drop()
    await discordd.wait_for(lambda: client.resumed)
    assert discordd.journal.of("GET /gateway/resume")[0].status == 503
