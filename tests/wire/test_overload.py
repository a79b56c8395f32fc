"""More pictures at once than fit: scanning becomes late, and nothing is lost."""

from __future__ import annotations

import asyncio

from bot.app import App
from tests.discordd import Discordd, Hold

from .conftest import BLOCKED, HARMLESS, Install, picture
from .installation import Installation

POSTS, CAPACITY, WORKERS = 30, 3, 4
AT_ONCE = 3
"""What one server may have under way: three of four workers."""


async def prepared(install: Install) -> Installation:
    installation = install(queue={"capacity": CAPACITY}, media={"fetch_concurrency": WORKERS})
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    return installation


async def until_in_database(app: App, count: int) -> None:
    """Wait until so many messages wait in the database."""
    waiting = 0
    async with asyncio.timeout(60):
        while waiting != count:
            await asyncio.sleep(0.01)
            async with app.store.read() as tx:
                waiting = await tx.jobs.count()


async def test_what_does_not_fit_is_scanned_later(discordd: Discordd, install: Install) -> None:
    installation = await prepared(install)
    async with installation.running() as app:
        messages = [
            discordd.world.post(
                installation.fans,
                installation.fan,
                attachments=[("a.jpg", picture(HARMLESS if number % 5 else BLOCKED, 60 + number))],
            )
            for number in range(POSTS)
        ]
        await discordd.wait_for(lambda: all(message.deleted for message in messages[::5]))
        await app.idle()
    assert await installation.outcomes() == {"remove": POSTS // 5, "clear": POSTS - POSTS // 5}
    assert not [message for number, message in enumerate(messages) if number % 5 and message.deleted]


async def test_what_waits_at_the_end_is_scanned_after_the_next_start(discordd: Discordd, install: Install) -> None:
    installation = await prepared(install)
    media_host = discordd.faults.always("GET", "/*/attachments/**", Hold())
    async with installation.running() as app:
        for number in range(POSTS):
            upload = [("a.jpg", picture(HARMLESS, 60 + number))]
            discordd.world.post(installation.fans, installation.fan, attachments=upload)
        await until_in_database(app, POSTS - CAPACITY - AT_ONCE)
    assert sum((await installation.outcomes()).values()) < POSTS
    discordd.faults.lift(media_host)
    async with installation.running() as app:
        await app.idle()
    assert await installation.outcomes() == {"clear": POSTS}
