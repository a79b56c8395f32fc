"""Whoever has the database alone, or the log, learns neither who reported nor a word of what they wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from bot.model import Category, Language, ReportKind, ReportState
from bot.ops import retention
from bot.store.engine import Tx
from tests.desk import GUILD, MODERATOR, Desk, picture

from .reported import MEMBER, OTHER, decide, report

WORDS = "Sapphire chandelier beside the harbour"
DAY = timedelta(days=1)


class Nobody:
    """A Discord in which nobody is a member any more."""

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        return False


async def test_neither_the_database_nor_the_log_says_who_reported_or_what_they_wrote(
    desk: Desk, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    with structlog.testing.capture_logs() as logged:
        await live(desk)
    lines = [*caplog.messages, *map(str, logged)]
    assert logged
    assert [line for line in lines if found_in(line.encode())] == []


async def live(desk: Desk) -> None:
    """Everything that can become of a member's reports; after each step everything that is kept is read."""
    first = await report(desk, words=WORDS)
    await report(desk, OTHER)  # another one joins
    await report(desk, words=WORDS)  # for a second time
    guild = await desk.guilds.get(GUILD)
    upload = desk.item(desk.message(), picture(3))
    given = {"language": Language.KOREAN, "words": WORDS}
    await desk.reports.report(guild, MEMBER, Category.SCAM, None, [upload], **given)
    taken_back, taken_down = await report(desk, seed=4, words=WORDS), await report(desk, OTHER, seed=5)
    async with desk.store.write() as tx:
        reporter = tx.reports.digest(GUILD, MEMBER)
        (made,) = await tx.reports.by_case(taken_back.id)
        await tx.reports.set_state([made.id], ReportState.STANDING, ReportState.WITHDRAWN)
        request = {"kind": ReportKind.TAKEDOWN, "category": Category.NCII_REAL, "at": desk.now(), "words": WORDS}
        await tx.reports.add(case_id=taken_down.id, guild_id=GUILD, reporter_id=MEMBER, **request)
        await tx.reporters.change(GUILD, reporter, muted_until=desk.now() + DAY, muted_by=MODERATOR)
    await desk.settle()
    await assert_unknown(desk)
    await decide(desk, first)
    await decide(desk, taken_down)
    await desk.settle()
    assert len(desk.discord.told(MEMBER)) == 2, "they were told, and still nothing says who they are"
    assert {one.words for one in (await desk.privacy.show(GUILD, MEMBER)).reports} == {WORDS}
    await assert_unknown(desk)
    await desk.leaving.run(Nobody())
    await desk.privacy.seen(GUILD, MEMBER)
    await assert_unknown(desk)
    await desk.privacy.delete(GUILD, MEMBER)
    desk.time += 2 * DAY
    await retention.forget_reporters(desk.store, identity_days=30, now=desk.now())
    await desk.settle()
    await assert_unknown(desk)


def found_in(value: bytes) -> list[bytes]:
    """What a value gives away: the member's id as digits or as a number of 8 bytes, or a longer word of theirs."""
    texts = [str(MEMBER), f"{MEMBER:x}", *(word for word in WORDS.lower().split() if len(word) > 4)]
    secrets = [*(text.encode() for text in texts), MEMBER.to_bytes(8, "big"), MEMBER.to_bytes(8, "little")]
    return [secret for secret in secrets if secret in value or secret in value.lower()]


def test_what_is_looked_for_would_be_found():
    for given in (f"user:{MEMBER}", "the CHANDELIER"):
        assert found_in(given.encode())
    for order in ("big", "little"):
        assert found_in(b"\0" + MEMBER.to_bytes(8, order))
    assert found_in(b"who posted it: 50") == []


async def assert_unknown(desk: Desk) -> None:
    async with desk.store.read() as tx:
        values = [value async for value in everything(tx)]
    assert len(values) > 100
    assert [value for value in values if found_in(value)] == []
    for name, content in files(desk.store.url).items():
        assert content, name
        assert found_in(content) == [], name


async def everything(tx: Tx) -> AsyncIterator[bytes]:
    """Every value of every column of every table, as a dump would show it."""
    tables = await tx.connection.run_sync(lambda connection: sa.inspect(connection).get_table_names())
    assert {"reports", "reporters", "outbox", "case_events", "audit"} <= set(tables)
    for table in tables:
        for row in (await tx.connection.execute(sa.text(f'SELECT * FROM "{table}"'))).all():
            for value in row:
                yield bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def files(url: str) -> dict[str, bytes]:
    """An SQLite file and the log of what is still to be written into it, byte by byte; nothing for PostgreSQL."""
    if not url.startswith("sqlite"):
        return {}
    path = Path(url.removeprefix("sqlite:///"))
    return {name: path.with_name(name).read_bytes() for name in (path.name, f"{path.name}-wal")}
