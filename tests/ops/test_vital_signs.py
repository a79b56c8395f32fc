"""What tells that the database, the decoder, the media hosts and the messages are as they should be."""

import asyncio
import contextlib

import pytest

from bot.errors import DatabaseError
from bot.media.errors import MediaError
from bot.model import Unscannable
from bot.ops import vital_signs as signs
from bot.ops.health_state import WELL, failing
from bot.ops.vital_signs import ContentSigns, DatabaseSigns, DecoderSigns, FetchSigns
from tests.discordd import Discordd, payloads


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ------------------------------------------------------------------------------------------------- the database


async def write(store, *, ok: bool) -> None:
    with contextlib.suppress(DatabaseError):
        async with store.write():
            if not ok:
                raise DatabaseError("The disk that holds the database is full; make room on it.")


async def test_a_database_that_takes_what_is_written(store, clock):
    database = DatabaseSigns(store, clock=clock)
    assert await database.look() == WELL
    for ok in (True, False, True, True, False, True):
        await write(store, ok=ok)
        assert await database.look() == WELL, "an accident"


async def test_a_database_that_takes_nothing(store, clock):
    database = DatabaseSigns(store, clock=clock)
    await write(store, ok=True)
    for _ in range(3):
        await write(store, ok=False)
    assert await database.look() == failing(signs.DATABASE_FAILS)
    clock.now += signs.WINDOW + 1
    assert await database.look() == WELL, "it is asked again"
    await write(store, ok=False)
    assert await database.look() == failing(signs.DATABASE_FAILS), "nothing but failures"


async def test_a_defect_of_ours_is_no_fault_of_the_database(store, clock):
    database = DatabaseSigns(store, clock=clock)
    for _ in range(5):
        with contextlib.suppress(ZeroDivisionError):
            async with store.write():
                _ = 1 / 0
    assert await database.look() == WELL


async def test_a_database_that_does_not_answer(store, clock, monkeypatch):
    database = DatabaseSigns(store, clock=clock)

    def refuse():
        raise DatabaseError("The database cannot be reached.")

    monkeypatch.setattr(store, "read", refuse)
    assert await database.look() == failing(signs.DATABASE_SILENT)


# -------------------------------------------------------------------------------------------------- the decoder


async def test_the_decoder_is_asked_only_after_a_silence(clock):
    asked = []
    at, answers = [None], [True]

    async def ask():
        asked.append(clock())
        return answers[0]

    decoder = DecoderSigns(lambda: at[0], ask, clock=clock)
    assert await decoder.look() == WELL
    assert len(asked) == 1
    at[0] = clock()
    clock.now += signs.SILENCE - 1
    answers[0] = False
    assert await decoder.look() == WELL
    assert len(asked) == 1
    clock.now += 2
    assert await decoder.look() == failing(signs.DECODER_DEAD)


async def test_a_question_is_asked_once_and_never_taken_back(clock, monkeypatch):
    monkeypatch.setattr(signs, "ANSWER_SECONDS", 0.02)
    asked, answer = [], asyncio.Event()

    async def ask():
        asked.append(1)
        await answer.wait()
        return True

    decoder = DecoderSigns(lambda: None, ask, clock=clock)
    for _ in range(3):
        assert await decoder.look() == failing(signs.DECODER_DEAD)
    answer.set()
    assert await decoder.look() == WELL
    assert len(asked) == 1


async def test_decoders_that_are_not_meant_to_run_are_not_asked(clock):
    async def ask():
        raise AssertionError("nobody should ask")

    decoder = DecoderSigns(lambda: None, ask, running=lambda: False, clock=clock)
    assert await decoder.look() == WELL


# ---------------------------------------------------------------------------------------------- the media hosts

CDN = "https://cdn.discordapp.com/attachments/1/2/a.png"


class Host:
    reason: Unscannable | None = None

    async def fetch(self, url: str) -> bytes:
        if self.reason is not None:
            raise MediaError(self.reason)
        return b"."


async def fetch(fetches, host, times, reason=None, url=CDN):
    host.reason = reason
    for _ in range(times):
        with contextlib.suppress(MediaError):
            await fetches.fetch(url)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def fetches(host, clock) -> FetchSigns:
    return FetchSigns(host, clock=clock)


async def test_hosts_that_fail_for_most(fetches, host):
    await fetch(fetches, host, 9, Unscannable.FETCH_FAILED)
    assert fetches.look() == WELL, "too few to tell"
    await fetch(fetches, host, 1, Unscannable.FETCH_TIMEOUT)
    assert fetches.look() == failing(signs.MEDIA_FAILS)
    await fetch(fetches, host, 2)
    assert fetches.look() == failing(signs.MEDIA_FAILS)
    await fetch(fetches, host, 1)
    assert fetches.look() == WELL


async def test_an_error_comes_through_and_so_do_the_bytes(fetches, host):
    assert await fetches.fetch(CDN) == b"."
    host.reason = Unscannable.GONE
    with pytest.raises(MediaError):
        await fetches.fetch(CDN)


@pytest.mark.parametrize("reason", [Unscannable.GONE, Unscannable.TOO_LARGE, Unscannable.EMPTY])
async def test_a_host_that_says_no_is_there(fetches, host, reason):
    await fetch(fetches, host, 30, reason)
    assert fetches.look() == WELL


@pytest.mark.parametrize(
    "url",
    [
        "https://images-ext-1.discordapp.net/external/abc/https/example.org/a.png",
        "https://media.discordapp.net/external/abc/a.png",
        "https://media.discordapp.net/attachments/1/2/a.mp4?format=jpeg",
    ],
)
async def test_a_member_cannot_make_the_bot_cry_wolf(fetches, host, url):
    await fetch(fetches, host, 30, Unscannable.FETCH_FAILED, url)
    assert fetches.look() == WELL


async def test_failures_hours_apart_tell_nothing(fetches, host, clock):
    for _ in range(30):
        await fetch(fetches, host, 1, Unscannable.FETCH_FAILED)
        clock.now += 60
    assert fetches.look() == WELL


# -------------------------------------------------------------------------------------------------- the messages


@pytest.fixture
def posted():
    """Messages as Discord sends them, from a loopback world; ``stripped``: as without the intent."""
    discordd = Discordd()
    guild = discordd.world.create_guild("fans")
    channel = discordd.world.create_channel(guild, "fans")
    member = discordd.world.create_member(guild, "faye")
    seen = []
    discordd.world._emit = lambda event, guild_id, data: seen.append(data)

    def post(content="hello", *, stripped=False):
        seen.clear()
        discordd.world.post(channel, member, content)
        return payloads.without_content(seen[-1]) if stripped else seen[-1]

    return post


def test_messages_without_anything_in_them(posted):
    content = ContentSigns()
    for _ in range(ContentSigns.IN_A_ROW - 1):
        content.message(posted(stripped=True))
    assert content.look() == WELL
    content.message(posted(stripped=True))
    assert content.look() == failing(signs.CONTENT_MISSING)
    content.message(posted())
    assert content.look() == WELL


def test_what_is_no_sign(posted):
    content = ContentSigns()
    same = posted(stripped=True)
    for _ in range(50):
        content.message(same)
        content.message(posted(stripped=True) | {"author": {"id": "1", "bot": True}})
        content.message(posted(stripped=True) | {"type": 7})
        content.message({"id": str(2**62)} if _ == 49 else {})
        content.message({"id": "x", "author": 3})
    assert content.look() == WELL
