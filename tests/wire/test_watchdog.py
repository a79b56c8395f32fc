"""The gateway at its worst: addresses that fail for good, sessions that never come, junk in place of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.client import watchdog
from bot.client.watchdog import LinkState, LostError
from bot.errors import ConfigError
from tests.discordd import Discordd, Failure, Intent, Message

from .conftest import BLOCKED, Install, picture
from .installation import Installation

GATEWAY, RESUME = "/gateway", "/gateway/resume"


async def impatient(install: Install, **discord: Any) -> Installation:
    made = install(discord={"resume_seconds": 1.0, "silent_seconds": 60.0, **discord})
    await made.set_up()
    await made.block(picture(BLOCKED))
    return made


def post_blocked(installation: Installation, quality: int) -> Message:
    upload = [("a.jpg", picture(BLOCKED, quality))]
    return installation.discordd.world.post(installation.fans, installation.fan, attachments=upload)


async def test_a_resume_address_that_fails_for_good_leads_to_a_new_session(
    discordd: Discordd, install: Install
) -> None:
    installation = await impatient(install)
    async with installation.running() as bot:
        dead = discordd.faults.always("GET", RESUME, Failure(503))
        discordd.gateway.drop()
        await discordd.wait_for(lambda: len(discordd.journal.events("READY")) > 1)
        message = post_blocked(installation, 60)
        await discordd.wait_for(lambda: message.deleted)
        assert dead.used, "it was resumed in vain first"
        assert len(discordd.journal.events("READY")) == 2
        await bot.idle()


async def test_a_resume_address_that_fails_for_a_moment_does_not(discordd: Discordd, install: Install) -> None:
    installation = await impatient(install, resume_seconds=20.0)
    async with installation.running():
        discordd.faults.script("GET", RESUME, Failure(503), Failure(503))
        discordd.gateway.drop()
        await discordd.wait_for(lambda: not discordd.gateway.connected)
        message = post_blocked(installation, 60)
        await discordd.wait_for(lambda: message.deleted)
    assert len(discordd.journal.events("READY")) == 1
    assert discordd.journal.events("RESUMED")


async def test_a_gateway_that_is_down_at_the_start_is_waited_for(discordd: Discordd, install: Install) -> None:
    installation = await impatient(install)
    down = discordd.faults.script("GET", GATEWAY, Failure(503), Failure(503))
    async with installation.running():
        message = post_blocked(installation, 60)
        await discordd.wait_for(lambda: message.deleted)
    assert down.finished
    assert len(discordd.journal.events("READY")) == 1


@pytest.mark.parametrize("shards", [{}, {"shard_count": 1}], ids=["alone", "sharded"])
async def test_a_gateway_that_stays_away_ends_the_process_with_a_sentence(
    discordd: Discordd, install: Install, shards: dict[str, Any]
) -> None:
    discordd.gateway.heartbeat = 0.2
    installation = await impatient(install, silent_seconds=3.0, **shards)
    before = time.monotonic()

    def break_down() -> None:
        nonlocal before
        before = time.monotonic()
        for address in (GATEWAY, RESUME):
            discordd.faults.always("GET", address, Failure(503))
        discordd.gateway.drop()

    with pytest.raises(LostError, match=r"discordstatus\.com, and start again"):
        await run_until_it_ends(installation, break_down)
    assert time.monotonic() - before >= 2.5
    assert len(discordd.journal.events("READY")) == 1


async def run_until_it_ends(installation: Installation, happens: Callable[[], None]) -> None:
    """Run the bot, let something happen to it, and wait for it to end by itself; raises what it raises."""
    async with installation.running():
        happens()
        (run,) = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") == "run"]
        await asyncio.wait({run}, timeout=60)
        assert run.done()


async def test_heartbeats_that_nobody_answers_end_the_process_though_events_arrive(
    discordd: Discordd, install: Install
) -> None:
    discordd.gateway.heartbeat = 0.2
    installation = await impatient(install, silent_seconds=8.0)
    chatter: list[asyncio.Task[None]] = []

    def stop_answering() -> None:
        discordd.gateway.answers_heartbeats = False
        chatter.append(asyncio.create_task(chat(installation)))

    with pytest.raises(LostError):
        await run_until_it_ends(installation, stop_answering)
    chatter[0].cancel()
    assert len(discordd.journal.events("READY")) == 2, "half the time went to a session that might have helped"


async def chat(installation: Installation) -> None:
    while True:
        installation.discordd.world.post(installation.fans, installation.fan, "hello")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("code", "words"), [(4004, "does not accept the token"), (4014, "Message Content Intent")], ids=str
)
async def test_what_is_taken_away_at_run_time_is_one_sentence(
    discordd: Discordd, install: Install, code: int, words: str
) -> None:
    installation = await impatient(install)

    def take_away() -> None:
        if code == 4014:
            discordd.gateway.allowed = Intent(0)
            discordd.gateway.invalidate()
        else:
            discordd.gateway.close(code)

    with pytest.raises(ConfigError, match=words):
        await run_until_it_ends(installation, take_away)


async def test_sessions_that_end_at_once_are_not_begun_without_end(
    discordd: Discordd, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "SESSION_PAUSE", 1.5)
    installation = await impatient(install)
    async with installation.running():
        begun = time.monotonic()
        for number in range(2, 2 + watchdog.SESSIONS):
            discordd.gateway.invalidate()
            await discordd.wait_for(lambda number=number: len(discordd.journal.events("READY")) >= number)
        assert time.monotonic() - begun >= 1.5
        message = post_blocked(installation, 60)
        await discordd.wait_for(lambda: message.deleted)


async def test_the_state_of_the_connection_can_be_asked_for(discordd: Discordd, install: Install) -> None:
    installation = await impatient(install, resume_seconds=30.0)
    async with installation.running():
        dog = await discordd.wait_for(lambda: next(iter(dogs()), None))
        await until(lambda: dog.state is LinkState.UP)
        assert dog.down_since is None
        down = discordd.faults.always("GET", RESUME, Failure(503))
        discordd.gateway.drop()
        await until(lambda: dog.state is LinkState.DOWN)
        assert dog.down_since is not None
        discordd.faults.lift(down)
        await until(lambda: dog.state is LinkState.UP)


def dogs() -> list[watchdog.Watchdog]:
    frames = [task.get_coro().cr_frame for task in asyncio.all_tasks() if task.get_name() == "gateway"]  # type: ignore[union-attr]
    return [frame.f_locals["self"] for frame in frames if frame is not None]


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)


# ------------------------------------------------------------------------------------------------------------- junk

EVENTS = (
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "CHANNEL_CREATE",
    "CHANNEL_UPDATE",
    "CHANNEL_DELETE",
    "THREAD_CREATE",
    "THREAD_LIST_SYNC",
    "INTERACTION_CREATE",
    "MESSAGE_CREATE",
    "MESSAGE_DELETE_BULK",
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["0", "1", "99999999999999999999", "\ud83d\ude00", "-1"])
)
KEYS = st.sampled_from(
    ["id", "ids", "guild_id", "channel_id", "channels", "threads", "members", "roles", "type", "data", "user", "token"]
)
JUNK = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=12
)


@pytest.fixture
async def listening(discordd: Discordd, installation: Installation) -> Any:
    async with installation.running() as app:
        yield installation, app


async def test_no_event_stops_the_bot(discordd: Discordd, listening: Any) -> None:
    installation, app = listening
    guild = str(installation.guild.id)
    spoiled: list[tuple[str, Any]] = []

    @settings(
        max_examples=300,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.sampled_from(EVENTS), JUNK, st.booleans())
    def collect(event: str, data: Any, known: bool) -> None:
        if known and isinstance(data, dict):
            data |= {"guild_id": guild, "channel_id": str(installation.fans.id), "id": "77"}
        spoiled.append((event, data))

    collect()
    for event, data in spoiled:
        discordd.world.deliver_raw(event, installation.guild, data)
    message = post_blocked(installation, 60)
    await discordd.wait_for(lambda: message.deleted)
    await app.idle()
    assert len(discordd.journal.events("READY")) == 1, "the session was never lost"
    assert len([one for one in discordd.journal.events("MESSAGE_CREATE") if one.id == message.id]) == 1
