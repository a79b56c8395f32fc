"""Hearing at once what another process on the same PostgreSQL changed, and telling others that this one is there.

A transaction that changes what others keep in memory names the topic on one channel (NOTIFY); PostgreSQL delivers it
when, and only if, the transaction commits, to the processes of the same database alone. Nothing but a topic is said:
who hears it looks for itself. Whoever hears nothing, because the connection is down, still looks now and then; so a
lost word makes nothing wrong, only later.

PostgreSQL commits transactions that notify one after the other, in the whole server. So nothing is said of what
happens with every picture: a clear one writes its row and no word.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import ConfigError, StanguardError

from .dialects import migration_engine, unreachable
from .shards import Shards, claim_shards
from .topics import CHANNEL, Topic

if TYPE_CHECKING:
    from .engine import Store

log = structlog.get_logger(__name__)

FIRST_DELAY = 0.5
LAST_DELAY = 30.0
"""Seconds between attempts to connect again, doubled from the first to the last."""

ALIVE_SECONDS = 15.0
"""How often a silent connection is asked whether it still stands: a cut cable says nothing."""

ANSWER_SECONDS = 5.0


Look = Callable[[], Awaitable[object]]
Forget = Callable[[int | None], None]


class Listener:
    """One connection of its own that hears topics; it is opened again when it breaks. Does nothing on SQLite.

    ``looks``: what to do when a topic is named, one at a time for each topic, and with the seconds to let pass before:
    whoever wrote the row looks at once, and many processes that look at the same moment would only wait for each other.
    What is named meanwhile leads to one more look. ``forget`` hears of a guild whose settings changed; None: any may
    have. After a broken connection everything is looked at.
    """

    def __init__(
        self, store: Store, looks: Mapping[Topic, tuple[Look, float]], forget: Forget, shards: Shards | None = None
    ) -> None:
        self._store = store
        self._looks = looks
        self._forget = forget
        self._shards = shards
        self._named = {topic: asyncio.Event() for topic in looks}
        self._lost = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None

    @property
    def listening(self) -> bool:
        """Whether topics are heard just now; on SQLite there is nobody to hear."""
        return self._connection is not None

    async def start(self) -> None:
        """Begin to hear, and claim the shards of this process.

        Raises DatabaseError when the database cannot be reached, and ConfigError when another process has the shards.
        """
        if self._store.dialect == "sqlite":
            return
        self._engine = migration_engine(self._store.dialect, self._store.target)
        try:
            self._connection = await self._connect(patient=True)
        except StanguardError:
            raise
        except Exception as error:
            raise unreachable(self._store.target, error) from error
        self._tasks = [
            asyncio.create_task(self._keep(), name="listener"),
            *(
                asyncio.create_task(self._serve(topic, look, pause), name=f"hears-{topic}")
                for topic, (look, pause) in self._looks.items()
            ),
        ]

    async def stop(self) -> None:
        """Hear no more, and give the shards back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._close()
        if self._engine is not None:
            await self._engine.dispose()

    async def _connect(self, *, patient: bool) -> AsyncConnection:
        assert self._engine is not None, "start() makes it"
        connection = await self._engine.connect()
        try:
            driver = await _driver(connection)
            self._lost.clear()
            driver.add_termination_listener(self._ended)
            if self._shards is not None:
                await claim_shards(driver, self._shards, patient=patient)
            await driver.add_listener(CHANNEL, self._heard)
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        return connection

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(Exception):  # it may be broken; then the server has forgotten it
            driver = await _driver(connection)
            driver.remove_termination_listener(self._ended)
            await driver.remove_listener(CHANNEL, self._heard)
        with contextlib.suppress(Exception):
            await connection.close()

    def _ended(self, connection: object) -> None:
        del connection
        self._lost.set()

    def _heard(self, connection: object, pid: int, channel: str, payload: str) -> None:
        del connection, pid, channel
        name, _, guild_id = payload.partition(":")
        if name == Topic.GUILD and guild_id.isdecimal():
            self._forget(int(guild_id))
        elif name in self._named:
            self._named[Topic(name)].set()

    async def _serve(self, topic: Topic, look: Look, pause: float) -> None:
        while True:
            await self._named[topic].wait()
            if pause:
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load only
            self._named[topic].clear()
            try:
                await look()
            except Exception as error:  # noqa: BLE001 - whoever looks now and then looks again
                log.error("listener.look_failed", topic=topic, error=type(error).__name__)
                await asyncio.sleep(FIRST_DELAY)

    async def _keep(self) -> None:
        """Watch over the connection, and open it again for as long as that takes."""
        delay = FIRST_DELAY
        while True:
            if self._connection is not None:
                if await self._stands(self._connection):
                    continue
                log.warning("listener.lost")
                await self._close()
                self._forget(None)
            try:
                self._connection = await self._connect(patient=False)
            except Exception as error:  # noqa: BLE001 - the database is away; polling goes on meanwhile
                reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
                log.warning("listener.not_connected", error=reason)
                await asyncio.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load only
                delay = min(delay * 2, LAST_DELAY)
                continue
            delay = FIRST_DELAY
            log.info("listener.connected")
            self._forget(None)
            for named in self._named.values():
                named.set()

    async def _stands(self, connection: AsyncConnection) -> bool:
        """Wait a while, or until the connection breaks; whether it answers then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ALIVE_SECONDS):
                await self._lost.wait()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await (await _driver(connection)).execute("SELECT 1")
        except Exception:  # noqa: BLE001 - whatever it is, this connection hears nothing
            return False
        return True


async def _driver(connection: AsyncConnection) -> Any:  # noqa: ANN401 - asyncpg's own connection
    """The driver's connection under SQLAlchemy's: listening is nothing that SQLAlchemy knows."""
    return (await connection.get_raw_connection()).driver_connection
