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
from collections.abc import AsyncIterator, Mapping, Sequence
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
from tests.discordd.sessions import Session

ROOT = Path(__file__).parents[2]
GATES_FOLDER = "MATRIX_FOLDER"
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
        self._tables: dict[str, Mapping[str, Any]] = {
            "store": {"url": database_url},
            "media": media,
            "vault": vault,
            **tables,
        }
        self.config = discordd.write_config(folder / "config.toml", **self._tables)
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
        async with self.opened() as app:
            await app.guilds.change(
                self.guild.id,
                mode=Mode.REMOVE,
                review_channel_id=self.review.id,
                moderator_role_id=self._moderators_id,
            )

    async def block(self, picture: bytes) -> None:
        """List a picture on the server's own blocklist."""
        async with self.opened() as app:
            bank = await app.banks.own(self.guild.id, BankKind.BLOCK)
            await app.banks.add(bank, fingerprint_of(picture), Category.NCII_SYNTHETIC, source="test")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[App]:
        """The bot, connected, in this process."""
        app = await App.open(self._settings())
        run = asyncio.create_task(client.run(app))
        connected = asyncio.create_task(self.discordd.wait_connected(within=300))
        await asyncio.wait((run, connected), return_when=asyncio.FIRST_COMPLETED)
        if run.done():
            connected.cancel()
            await run
        await connected
        try:
            yield app
        finally:
            run.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await run

    @contextlib.asynccontextmanager
    async def calling(self) -> AsyncIterator[tuple[App, client.StanguardBot]]:
        """The bot, connected and with its outbox at work, but without anything that scans."""
        async with self.opened() as app:
            bot = client.create_bot(app)
            await bot.login(self.discordd.token)
            connection = asyncio.create_task(bot.connect())
            try:
                await app.outbox.start(client.DiscordCalls(bot))
                await self.discordd.wait_for(lambda: bot.is_ready() or connection.done())
                yield app, bot
            finally:
                await app.outbox.stop(drain=0)
                await bot.close()
                await asyncio.gather(connection, return_exceptions=True)

    async def run(self) -> None:
        """The bot, in this process, until it ends; raises what that raises."""
        await client.run(await App.open(self._settings()))

    def process(self, shards: Sequence[int] | None = None, shard_count: int = 1) -> BotProcess:
        """The bot, started in a process of its own, with some of the shards if they are named."""
        if shards is None:
            return BotProcess(self, self.config)
        tables = dict(self._tables, discord={"shard_ids": list(shards), "shard_count": shard_count})
        name = f"bot-{'-'.join(map(str, shards))}.toml"
        return BotProcess(self, self.discordd.write_config(self.folder / name, **tables), shards, shard_count)

    def gated_process(self) -> BotProcess:
        """The same, held up where ``Gates(folder / "gates")`` of :mod:`tests.wire.steps` are shut."""
        return BotProcess(
            self,
            command=[sys.executable, "-m", "tests.wire.steps"],
            environment={GATES_FOLDER: str(self.folder / "gates")},
        )

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
    async def opened(self) -> AsyncIterator[App]:
        """The services on the database, with nothing set going."""
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

    def __init__(
        self,
        installation: Installation,
        config: Path | None = None,
        shards: Sequence[int] = (0,),
        shard_count: int = 1,
        *,
        command: Sequence[str] = (sys.executable, "-m", "bot"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``command``: another program than the bot alone; ``environment``: more variables for it."""
        config = config or installation.config
        self._discordd = installation.discordd
        self._shards = set(shards)
        self._shard_count = shard_count
        self._log_path = config.with_suffix(".log")
        self._log = self._log_path.open("ab")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STANGUARD_")}
        self._process = subprocess.Popen(
            [*command, "run", "--config", str(config)],
            cwd=ROOT,
            env=inherited | self._discordd.environment() | dict(environment or {}),
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    async def connected(self) -> None:
        """Wait until it is on the gateway with every shard and was told of every server of them.

        The very first start of all compiles, for minutes where several processes do that on few processors.
        """
        await self._discordd.wait_for(lambda: self._process.poll() is not None or self._on_gateway(), within=300)
        if self._process.poll() is not None:
            raise RuntimeError(f"the bot ended with {self._process.returncode}:\n{self.log()[-4000:]}")
        mine = {id_ for id_ in self._discordd.world.guilds if (id_ >> 22) % self._shard_count in self._shards}
        await self._discordd.wait_for(
            lambda: {frame.id for frame in self._discordd.journal.events("GUILD_CREATE")} >= mine
        )

    def _on_gateway(self) -> bool:
        return {session.shard for session in self._discordd.gateway.connected} >= self._shards

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def log(self) -> str:
        """What it and those before it on this installation wrote."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    async def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed. Returns when its children have noticed that it is gone."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self._log.close()
        await self._discordd.wait_for(lambda: not (self._connections() or self._has_children()))

    async def stop(self) -> int:
        """SIGTERM, and wait for the graceful end; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self._process.wait)
        self._log.close()
        return status

    def _connections(self) -> list[Session]:
        return [session for session in self._discordd.gateway.connected if session.shard in self._shards]

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
