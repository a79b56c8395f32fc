"""What Discord does on a bad day: limits, failures, broken connections, slow and hostile media hosts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discordd import (
    CREATE_MESSAGE,
    DELETE_MESSAGE,
    FETCH_CDN,
    FETCH_PROXY,
    Banned,
    Discordd,
    Failure,
    Hold,
    Message,
    Oversized,
    RateLimited,
    Redirect,
    Refusal,
    Reset,
    Truncated,
)

from .conftest import BLOCKED, Install, picture
from .installation import Installation

DELETES = "/channels/*/messages/*"
MEDIA = "/*/attachments/**"


@pytest.mark.parametrize(
    "faults",
    [
        [RateLimited(0.2)],
        [RateLimited(0.2, scope="shared")],
        [RateLimited(0.2, scope="global")],
        [RateLimited(0.2, via=False)],
        [Banned()],
        [Failure(500)],
        [Failure(503), Failure(503)],
        [Failure(503, after=True)],
        # Of two breaks in a row aiohttp hides the first, because a delete may be repeated.
        [Reset(), Reset()],
        [Reset(after=True), Reset()],
        [Banned(), Failure(503), Reset(), Reset(), RateLimited(0.2)],
    ],
    ids=repr,
)
async def test_a_failing_delete_is_tried_again(
    discordd: Discordd, installation: Installation, blocked: bytes, faults: list[Any]
) -> None:
    discordd.faults.script("DELETE", DELETES, *faults)
    async with installation.running():
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await discordd.wait_for(lambda: message.deleted and installation.cards())
        await installation.settled()
    assert len([one for one in discordd.journal.of(DELETE_MESSAGE) if one.effect == 204]) == 1
    assert len(installation.cards()) == 1


async def test_a_delete_of_what_is_gone_is_a_success(
    discordd: Discordd, installation: Installation, blocked: bytes
) -> None:
    held = discordd.faults.hold("DELETE", DELETES)
    async with installation.running():
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await held.arrived.wait()
        discordd.world.delete(message)
        held.release()
        await discordd.wait_for(installation.cards)
        await installation.settled()
    (delete,) = discordd.journal.of(DELETE_MESSAGE)
    assert delete.status == 404
    (sighting,) = await installation.sightings(message)
    assert sighting.deleted_at is not None


async def test_a_delete_that_is_not_allowed_is_given_up_and_said(
    discordd: Discordd, installation: Installation, blocked: bytes
) -> None:
    discordd.faults.always("DELETE", DELETES, Refusal(403, 50013, "Missing Permissions"))
    async with installation.running():
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await discordd.wait_for(lambda: any("Manage Messages" in str(card.components) for card in installation.cards()))
        await installation.settled()
    assert not message.deleted
    assert len(discordd.journal.of(DELETE_MESSAGE)) == 1, "what is refused for good is not asked again"


@pytest.mark.parametrize(
    "fault", [RateLimited(0.2), Failure(503), Reset(), Failure(503, after=True), Reset(after=True)], ids=repr
)
@pytest.mark.parametrize("remembers", [True, False], ids=["nonce remembered", "nonce forgotten"])
async def test_a_card_is_posted_once(
    discordd: Discordd, installation: Installation, blocked: bytes, fault: Any, *, remembers: bool
) -> None:
    discordd.messages.enforces_nonces = remembers
    discordd.faults.script("POST", f"/channels/{installation.review.id}/messages", fault)
    async with installation.running():
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await discordd.wait_for(lambda: message.deleted and installation.cards())
        await installation.settled()
    assert len(installation.cards()) == 1
    assert discordd.journal.of(CREATE_MESSAGE)[0].effect in (None, 200)


# --------------------------------------------------------------------------------------------------- media hosts


@pytest.mark.parametrize(
    ("fault", "reason", "asked"),
    [
        (Redirect("/cdn/attachments/elsewhere"), "redirect", 1),
        (Oversized(300_000), "too_large", 1),
        (Oversized(300_000, declared=True), "too_large", 1),
        (Failure(404), "gone", 1),
        (Failure(403), "fetch_failed", 1),
        (Failure(415), "fetch_failed", 1),
        # Twice at once, and twice when it is tried again later.
        (Failure(503), "fetch_failed", 4),
        (Truncated(1000), "fetch_failed", 4),
        (Reset(), "fetch_failed", None),  # aiohttp repeats a GET of its own
        (Hold(), "fetch_timeout", 2),
    ],
    ids=repr,
)
async def test_what_the_media_host_does_not_deliver_is_unscannable_and_counted(
    discordd: Discordd, install: Install, harmless: bytes, fault: Any, reason: str, asked: int | None
) -> None:
    installation = install(media={"max_bytes": 200_000, "total_timeout": 1.0, "retry_seconds": [0.2]})
    await installation.set_up()
    discordd.faults.always("GET", MEDIA, fault)
    async with installation.running() as app:
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", harmless)])
        await discordd.wait_for(lambda: fetches(discordd))
        await app.idle()
    assert await installation.outcomes() == {f"unscannable:{reason}": 1}
    assert not message.deleted
    assert not [one for one in fetches(discordd) if one.path.endswith("elsewhere")], "a redirect is not followed"
    assert asked in (None, len(fetches(discordd))), "what may pass is tried again, and what is final is not"


async def test_a_media_host_that_is_down_for_a_while_hides_nothing(
    discordd: Discordd, install: Install, blocked: bytes, harmless: bytes
) -> None:
    installation = install(media={"retry_seconds": [0.5] * 10})
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    down = discordd.faults.always("GET", MEDIA, Failure(503))
    async with installation.running() as app:
        bad = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        discordd.world.post(installation.fans, installation.fan, attachments=[("b.jpg", harmless)])
        await discordd.wait_for(lambda: len(fetches(discordd)) >= 6)
        assert await installation.outcomes() == {}, "nothing is written off while it may pass"
        discordd.faults.lift(down)
        await discordd.wait_for(lambda: bad.deleted)
        await app.idle()
    assert await installation.outcomes() == {"remove": 1, "clear": 1}


@pytest.mark.parametrize("fault", [Failure(500), Failure(503), Truncated(1000), Reset()], ids=repr)
async def test_a_media_host_that_stumbles_once_hides_nothing(
    discordd: Discordd, installation: Installation, blocked: bytes, fault: Any
) -> None:
    discordd.faults.script("GET", MEDIA, fault)
    async with installation.running():
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await discordd.wait_for(lambda: message.deleted)
    assert len(fetches(discordd)) > 1


async def test_one_bad_picture_does_not_hold_up_the_others(
    discordd: Discordd, installation: Installation, blocked: bytes
) -> None:
    held = discordd.faults.hold("GET", MEDIA)
    async with installation.running() as app:
        slow = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await held.arrived.wait()
        quick = discordd.world.post(installation.fans, installation.fan, attachments=[("b.jpg", picture(BLOCKED, 70))])
        await discordd.wait_for(lambda: quick.deleted)
        assert not slow.deleted
        held.release()
        await discordd.wait_for(lambda: slow.deleted)
        await app.idle()


def fetches(discordd: Discordd) -> list[Any]:
    return discordd.journal.of(FETCH_CDN) + discordd.journal.of(FETCH_PROXY)


# --------------------------------------------------------------------------------------------------- the gateway


@pytest.mark.parametrize("how", ["op 7", "close 4000", "close 1000", "drop", "refused at first"])
async def test_a_session_is_resumed_and_what_was_missed_is_scanned(
    discordd: Discordd, installation: Installation, blocked: bytes, how: str
) -> None:
    async with installation.running():
        if how == "op 7":
            discordd.gateway.reconnect()
        elif how.startswith("close"):
            discordd.gateway.close(int(how.split()[1]))
        else:
            if how == "refused at first":
                discordd.faults.script("GET", "/gateway/resume", Failure(503))
            discordd.gateway.drop()
        await discordd.wait_for(lambda: not discordd.gateway.connected)
        missed = [post_blocked(discordd, installation, quality) for quality in (60, 70, 80)]
        await discordd.wait_for(lambda: all(message.deleted for message in missed))
        assert discordd.journal.events("RESUMED")
        assert any(frame.replayed for frame in discordd.journal.events("MESSAGE_CREATE"))
        later = post_blocked(discordd, installation, 50)
        await discordd.wait_for(lambda: later.deleted)
    assert len(discordd.journal.events("READY")) == 1


async def test_an_invalid_session_identifies_anew_and_goes_on(
    discordd: Discordd, installation: Installation, blocked: bytes
) -> None:
    async with installation.running():
        discordd.gateway.invalidate()
        await discordd.wait_for(lambda: len(discordd.journal.events("GUILD_CREATE")) > 1)
        message = post_blocked(discordd, installation, 60)
        await discordd.wait_for(lambda: message.deleted)
    assert len(discordd.journal.events("READY")) == 2


async def test_shards_cover_all_guilds(discordd: Discordd, install: Install, blocked: bytes) -> None:
    installation = install(discord={"shard_count": 2})
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    async with installation.running():
        await discordd.wait_for(lambda: len(discordd.gateway.connected) == 2)
        message = post_blocked(discordd, installation, 60)
        await discordd.wait_for(lambda: message.deleted)
    (frame,) = [one for one in discordd.journal.events("MESSAGE_CREATE") if one.id == message.id]
    assert frame.shard == (installation.guild.id >> 22) % 2


def post_blocked(discordd: Discordd, installation: Installation, quality: int) -> Message:
    upload = [("a.jpg", picture(BLOCKED, quality))]
    return discordd.world.post(installation.fans, installation.fan, attachments=upload)
