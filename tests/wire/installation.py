"""One installation of the real bot, pointed at a loopback Discord: its configuration, its database and its server."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from bot import client
from bot.app import App
from bot.matching.extract import extract
from bot.matching.query import Wanted
from bot.model import BankKind, Category, Fingerprint, Mode, Sighting
from bot.settings import load
from bot.store.engine import Store
from tests.discordd import Channel, Discordd, Guild, Message

ROOT = Path(__file__).parents[2]
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


class Installation:
    """A server ``guild`` with channels ``fans`` and ``review``, a member ``fan`` and a ``moderator``, in mode remove.

    ``running`` runs the bot in this process, ``BotProcess`` in one of its own; both use the same database.
    """

    def __init__(self, discordd: Discordd, folder: Path, database_url: str, **tables: Mapping[str, Any]) -> None:
        self.discordd = discordd
        self.folder = folder
        self.database_url = database_url
        media = {"workers": 1, **tables.pop("media", {})}
        vault = {"key_file": str(folder / "vault.key")}
        self.config = discordd.write_config(
            folder / "config.toml", store={"url": database_url}, media=media, vault=vault, **tables
        )
        world = discordd.world
        self.guild: Guild = world.create_guild("Moonlark fans")
        self.fans: Channel = world.create_channel(self.guild, "fan-art")
        self.review: Channel = world.create_channel(self.guild, "review")
        moderators = world.create_role(self.guild, "Moderators")
        self.fan = world.create_member(self.guild, "faye")
        self.moderator = world.create_member(self.guild, "mina", roles=[moderators])
        self._moderators_id = moderators.id

    # ---------------------------------------------------------------------------------------------- arranging

    async def set_up(self) -> None:
        """What ``/setup`` does: review channel, moderators' role, mode."""
        async with self._opened() as app:
            await app.guilds.change(
                self.guild.id,
                mode=Mode.REMOVE,
                review_channel_id=self.review.id,
                moderator_role_id=self._moderators_id,
            )

    async def block(self, picture: bytes) -> None:
        """List a picture on the server's own blocklist."""
        async with self._opened() as app:
            bank = await app.banks.own(self.guild.id, BankKind.BLOCK)
            await app.banks.add(bank, fingerprint_of(picture), Category.NCII_SYNTHETIC, source="test")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[App]:
        """The bot, connected, in this process."""
        app = await App.open(self._settings())
        run = asyncio.create_task(client.run(app))
        connected = asyncio.create_task(self.discordd.wait_connected())
        await asyncio.wait((run, connected), return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        if run.done():
            await run
        try:
            yield app
        finally:
            run.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await run

    def process(self) -> BotProcess:
        """The bot, started in a process of its own."""
        return BotProcess(self)

    # ---------------------------------------------------------------------------------------------- looking

    def cards(self) -> list[Message]:
        """The cards that stand in the review channel."""
        return [one for one in self.discordd.world.my_messages(self.review) if one.components]

    async def outcomes(self) -> dict[str, int]:
        """How many media items ended how, as the database says."""
        async with self._stored() as store, store.read() as tx:
            return await tx.sightings.counts(self.guild.id, BEGINNING)

    async def sightings(self, message: Message) -> list[Sighting]:
        """What was seen in a message."""
        async with self._stored() as store, store.read() as tx:
            return await tx.sightings.by_message(message.id)

    async def pending_calls(self) -> int:
        """How many calls the outbox still has to carry out."""
        async with self._stored() as store, store.read() as tx:
            return await tx.outbox.pending()

    async def settled(self, *, within: float = 60.0) -> None:
        """Return when the outbox has nothing left; for a bot in another process."""
        async with asyncio.timeout(within):
            while await self.pending_calls():  # noqa: ASYNC110 - another process works on it
                await asyncio.sleep(0.05)

    def _settings(self) -> Any:
        # The token is taken from the environment alone, as in a real installation.
        os.environ.update(self.discordd.environment())
        try:
            return load(self.config)
        finally:
            for name in self.discordd.environment():
                del os.environ[name]

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[App]:
        app = await App.open(self._settings())
        try:
            yield app
        finally:
            await app.stop()

    @contextlib.asynccontextmanager
    async def _stored(self) -> AsyncIterator[Store]:
        store = await Store.open(self.database_url, migrate=False)
        try:
            yield store
        finally:
            await store.close()


class BotProcess:
    """``stanguard run`` as an operating system starts it, so that it can die like one."""

    def __init__(self, installation: Installation) -> None:
        self._discordd = installation.discordd
        self._log_path = installation.folder / "bot.log"
        self._log = self._log_path.open("ab")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STANGUARD_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run", "--config", str(installation.config)],
            cwd=ROOT,
            env=environment | self._discordd.environment(),
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    async def connected(self) -> None:
        """Wait until it is on the gateway and was told of every server."""
        gateway = self._discordd.gateway
        await self._discordd.wait_for(lambda: self._process.poll() is not None or gateway.connected, within=120)
        if self._process.poll() is not None:
            raise RuntimeError(f"the bot ended with {self._process.returncode}:\n{self._log_path.read_text()[-4000:]}")
        await self._discordd.wait_connected()

    async def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed. Returns when its children have noticed that it is gone."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self._log.close()
        await self._discordd.wait_for(lambda: not (self._discordd.gateway.connected or self._has_children()))

    async def stop(self) -> int:
        """SIGTERM, and wait for the graceful end; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self._process.wait)
        self._log.close()
        return status

    def _has_children(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self) -> None:
        """Whatever became of it: leave nothing running."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()


def fingerprint_of(picture: bytes) -> Fingerprint:
    """The fingerprint of a picture of our own making, computed here and now."""
    with Image.open(io.BytesIO(picture)) as image:
        return extract(image, Wanted.NOTHING, sha256=hashlib.sha256(picture).digest()).fingerprint
