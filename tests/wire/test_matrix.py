"""The fault matrix: every fault at every step of a picture's way (docs/reliability.md, "The fault matrix").

Each cell has a server of its own. In it a blocked picture is posted, and a harmless one; the blocked one is held up at
the step, the fault happens, and passes. Then every picture must be accounted for once, the blocked one be deleted by
one effective DELETE, the harmless one stand, and there be one card.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import discord
import pytest
import pytest_asyncio
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import App
from bot.client import watchdog
from bot.media import pool
from bot.model import BankKind, Category, Mode
from bot.store import dialects, vitals
from bot.store.engine import Store
from tests.conftest import PostgresServer
from tests.discordd import DELETE_MESSAGE, Banned, Channel, Discordd, Failure, Guild, Hold, Message, RateLimits, Reset
from tests.media.test_sandbox import decoders

from . import steps
from .conftest import BLOCKED, HARMLESS, picture
from .installation import BEGINNING, BotProcess, Installation, fingerprint_of
from .matrix import CELLS, REST, Fault, Outcome, outcome, table
from .steps import Gates, Step

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_PROCESSES = (Fault.SIGKILL, Fault.SIGTERM, Fault.DISK)
PATIENCE = 60.0
"""Seconds that a cell is waited for."""

RETRY_SECONDS = 0.5
FAULT_SECONDS = 1.0
"""How long what lasts a while lasts; the database's own patience is set below it."""


# ------------------------------------------------------------------------------------------------------- the places


@dataclass
class Place:
    """One server, and what is posted in it. ``others``: how many more harmless pictures there are."""

    guild: Guild
    fans: Channel
    review: Channel
    author: Any
    blocked: Message | None = None
    standing: list[Message] = field(default_factory=list)


class Matrix:
    """One bot with a server for each of its cells."""

    def __init__(self, discordd: Discordd, folder: Path, url: str) -> None:
        self.discordd = discordd
        self.installation = Installation(
            discordd,
            folder,
            url,
            media={"fetch_concurrency": 2, "retry_seconds": [RETRY_SECONDS] * 8},
            queue={"capacity": 50},
        )
        self.gates = Gates(folder / "gates")
        self.url = url
        self.app: App | None = None
        self.process: BotProcess | None = None
        self._places: list[Place] = []

    async def prepare(self, cells: int) -> None:
        """Make the servers, each with the blocked picture on its list."""
        world = self.discordd.world
        fingerprint = fingerprint_of(picture(BLOCKED))
        async with self.installation.opened() as app:
            for number in range(cells):
                guild = world.create_guild(f"fans {number}")
                place = Place(
                    guild,
                    world.create_channel(guild, "fan-art"),
                    world.create_channel(guild, "review"),
                    world.create_member(guild, "faye"),
                )
                await app.guilds.change(guild.id, mode=Mode.REMOVE, review_channel_id=place.review.id)
                bank = await app.banks.own(guild.id, BankKind.BLOCK)
                await app.banks.add(bank, fingerprint, Category.NCII_SYNTHETIC, source="test")
                self._places.append(place)

    def place(self) -> Place:
        """A server that nothing happened in yet."""
        return self._places.pop()

    def start_process(self) -> None:
        """Start the bot in a process of its own, with gates."""
        self.process = self.installation.gated_process()

    def post(self, place: Place) -> None:
        """The blocked picture, and then a harmless one."""
        post = self.discordd.world.post
        place.blocked = post(place.fans, place.author, attachments=[("a.jpg", picture(BLOCKED, 80))])
        place.standing.append(post(place.fans, place.author, attachments=[("b.jpg", picture(HARMLESS))]))

    def post_harmless(self, place: Place) -> None:
        """Something that keeps a worker busy."""
        message = self.discordd.world.post(place.fans, place.author, attachments=[("c.jpg", picture(HARMLESS, 70))])
        place.standing.append(message)

    async def known(self, place: Place) -> None:
        """Wait until the bot has noted how far the channels of a server are: before that the server is new to it."""
        async with asyncio.timeout(60):
            while not await self._marks(place):  # noqa: ASYNC110 - another process notes it
                await asyncio.sleep(0.05)

    async def _marks(self, place: Place) -> dict[int, int]:
        async with self._stored() as store, store.read() as tx:
            return await tx.watermarks.of_guild(place.guild.id)

    async def settled(self, place: Place, *, within: float) -> None:
        """Wait until everything is as it must be in the end, and see that it stays so."""
        async with asyncio.timeout(within):
            while not await self._as_it_must_be(place):  # noqa: ASYNC110 - another process may work on it
                await asyncio.sleep(0.05)
        blocked = place.blocked
        assert blocked is not None
        channel_id = str(place.fans.id)
        deletes = [one for one in self.discordd.journal.of(DELETE_MESSAGE) if one.params["channel_id"] == channel_id]
        assert [one.params["message_id"] for one in deletes if one.effect == 204] == [str(blocked.id)]
        assert not any(message.deleted for message in place.standing)
        assert len(self._cards(place)) == 1
        async with self._stored() as store, store.read() as tx:
            for message in (blocked, *place.standing):
                (sighting,) = await tx.sightings.by_message(message.id)
                assert (sighting.deleted_at is not None) == (message is blocked)

    async def _as_it_must_be(self, place: Place) -> bool:
        async with self._stored() as store, store.read() as tx:
            counts = await tx.sightings.counts(place.guild.id, BEGINNING)
            rest = await tx.outbox.pending() + await tx.jobs.count()
        done = counts == {"remove": 1, "clear": len(place.standing)} and not rest
        return done and place.blocked is not None and place.blocked.deleted and bool(self._cards(place))

    def _cards(self, place: Place) -> list[Message]:
        return [one for one in self.discordd.world.my_messages(place.review) if one.components]

    @contextlib.asynccontextmanager
    async def _stored(self) -> AsyncIterator[Store]:
        if self.app is not None:
            yield self.app.store
        else:
            async with self.installation._stored() as store:
                yield store


@pytest.fixture(scope="module", autouse=True)
def surroundings() -> Iterator[pytest.MonkeyPatch]:
    """discord.py pauses nowhere, and the database is not patient, in this process and for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Route, "BASE", Route.BASE)
        patch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
        patch.setattr(dialects, "BUSY_MILLISECONDS", 100)
        patch.setattr(watchdog, "SESSION_PAUSE", 0.2)
        patch.setattr(vitals, "CALM", 0.0)
        patch.setattr("bot.pipeline.retries.BLIND_LONGEST", RETRY_SECONDS)
        patch.setattr("bot.media.sandbox._LONGEST_PAUSE", RETRY_SECONDS)
        patch.setattr("bot.media.sandbox._FIRST_PAUSE", 0.1)

        async def at_once(self: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
            """No pause before a session is begun."""

        patch.setattr(discord.Client, "before_identify_hook", at_once)
        yield patch


def cells_of(*faults: Fault) -> list[Any]:
    """The cells of some faults as parameters."""
    return [pytest.param(fault, step, id=f"{fault.name}-{step.name}") for fault, step in CELLS if fault in faults]


IN_ONE = cells_of(*(fault for fault in Fault if fault not in {*IN_PROCESSES, Fault.POSTGRES}))


@contextlib.asynccontextmanager
async def matrix_on(folder: Path, url: str, cells: int) -> AsyncIterator[Matrix]:
    """A loopback Discord with an installation."""
    async with Discordd(limits=RateLimits.generous()) as discordd:
        matrix = Matrix(discordd, folder, url)
        await matrix.prepare(cells)
        yield matrix


@contextlib.asynccontextmanager
async def running(matrix: Matrix, *, inside: bool) -> AsyncIterator[Matrix]:
    """The bot in this process, with gates."""
    with pytest.MonkeyPatch.context() as patch:
        steps.build(patch, matrix.installation.folder / "gates", inside=inside)
        async with matrix.installation.running() as app:
            matrix.app = app
            yield matrix


def copied(template: Path, folder: Path) -> str:
    """The address of a database without rows in a folder."""
    path = folder / "stanguard.db"
    path.write_bytes(template.read_bytes())
    return f"sqlite:///{path}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    folder = tmp_path_factory.mktemp("matrix")
    async with (
        matrix_on(folder, copied(migrated_sqlite, folder), len(IN_ONE)) as matrix,
        running(matrix, inside=False) as running_matrix,
    ):
        yield running_matrix


# ------------------------------------------------------------------------------------------------------- one cell


async def shut(matrix: Matrix, place: Place, step: Step) -> Hold | None:
    """Shut the way at a step; what Discord holds up, if it is Discord that does."""
    if step is Step.DELETING:
        return matrix.discordd.faults.hold("DELETE", f"/channels/{place.fans.id}/messages/*")
    if step is Step.CARD:
        return matrix.discordd.faults.hold("POST", f"/channels/{place.review.id}/messages")
    if step is Step.QUEUED:  # both workers have something else to do
        matrix.gates.shut(Step.FETCHING)
        for _ in range(2):
            matrix.post_harmless(place)
        await matrix.gates.reached(Step.FETCHING)
    elif step is not Step.ARRIVED:
        matrix.gates.shut(step)
    return None


@contextlib.asynccontextmanager
async def held_up(matrix: Matrix, place: Place, step: Step) -> AsyncIterator[Hold | None]:
    """Post, and hold the pictures up at a step; in the end they go on, unless the hold was dropped."""
    hold = await shut(matrix, place, step)
    try:
        if step is not Step.ARRIVED:
            matrix.post(place)
        if hold is not None:
            await matrix.discordd.wait_for(hold.arrived.is_set)
        elif step is Step.QUEUED:
            last = place.standing[-1].id
            await matrix.discordd.wait_for(lambda: any(one.id == last for one in matrix.discordd.journal.frames))
            await asyncio.sleep(0.1)
        elif step is not Step.ARRIVED:
            await matrix.gates.reached(step)
        yield hold
    finally:
        if hold is not None:
            hold.release()
        matrix.gates.open()


@pytest.mark.parametrize(("fault", "step"), IN_ONE)
async def test_one_process(bot: Matrix, fault: Fault, step: Step) -> None:
    place = bot.place()
    if fault in REST:
        await meet_at_rest(bot, place, fault, step)
    else:
        async with held_up(bot, place, step), happening(bot, place, fault):
            if step is Step.ARRIVED:
                bot.post(place)
            await let_go_on(bot, place, fault, step)
    await bot.settled(place, within=PATIENCE)


async def let_go_on(bot: Matrix, place: Place, fault: Fault, step: Step) -> None:
    """What lasts is met by the pictures as they go on, and is over when somebody has felt it."""
    bot.gates.open()
    if fault is Fault.CDN:
        address = f"/attachments/{place.fans.id}/"

        def refused() -> int:
            asked = [one for one in bot.discordd.journal.requests if address in one.path and one.path.endswith("a.jpg")]
            return sum(one.status == 503 for one in asked)

        await bot.discordd.wait_for(lambda: refused() >= 3)  # two of them are those of one try
    if fault is Fault.LOCKED:
        assert bot.app is not None
        state = bot.app.store.vitals
        async with asyncio.timeout(30):
            while state.failing_since is None:
                if step is Step.DELETING or step is Step.CARD:
                    break  # what waits for Discord writes nothing meanwhile
                await asyncio.sleep(0.01)
    if fault is Fault.BLIND:
        assert bot.app is not None
        decoders = bot.app.decoders
        async with asyncio.timeout(30):
            while decoders.failing_since is None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)


async def meet_at_rest(bot: Matrix, place: Place, fault: Fault, step: Step) -> None:
    """Spoil the next two requests of a step, and post."""
    path = f"/channels/{place.fans.id}/messages/*" if step is Step.DELETING else f"/channels/{place.review.id}/messages"
    silent = [Hold(), Hold()]
    faults: dict[Fault, list[Any]] = {
        Fault.REST_503: [Failure(503), Failure(503)],
        Fault.REST_RESET: [Reset(), Reset()],
        Fault.REST_BANNED: [Banned(), Banned()],
        Fault.REST_SILENT: silent,
    }
    script = bot.discordd.faults.script("DELETE" if step is Step.DELETING else "POST", path, *faults[fault])
    bot.post(place)
    await bot.discordd.wait_for(lambda: script.used >= 1)
    if fault is Fault.REST_SILENT:
        for hold in silent:
            await bot.discordd.wait_for(hold.arrived.is_set)
            hold.drop()


@contextlib.asynccontextmanager
async def happening(bot: Matrix, place: Place, fault: Fault) -> AsyncIterator[None]:
    """The fault begins, and is over in the end."""
    discordd = bot.discordd
    if fault is Fault.SESSION:
        before = len(discordd.journal.events("READY"))
        discordd.gateway.invalidate()
        yield
        await discordd.wait_for(lambda: len(discordd.journal.events("READY")) > before)
    elif fault is Fault.CDN:
        script = discordd.faults.always("GET", f"/*/attachments/{place.fans.id}/**", Failure(503))
        yield
        discordd.faults.lift(script)
    elif fault is Fault.DECODERS:
        kill_decoders()
        yield
    elif fault is Fault.BLIND:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool, "create", cannot_start)
            kill_decoders()
            yield
    else:
        async with locked(bot.url):
            yield
            await asyncio.sleep(FAULT_SECONDS)


def cannot_start(*_: int) -> None:
    """As a machine that is out of processes does."""
    raise BlockingIOError(11, "Resource temporarily unavailable")


def kill_decoders() -> None:
    for pid in decoders():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Another program writes for long."""
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=30, check_same_thread=False)
    with contextlib.closing(other):
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# ------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot_on_postgres(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Matrix]:
    url = await asyncio.to_thread(postgres_server.create)
    await (await Store.open(url)).close()
    folder = tmp_path_factory.mktemp("matrix-postgres")
    async with (
        matrix_on(folder, url, len(Step)) as matrix,
        running(matrix, inside=True) as running_matrix,
    ):
        yield running_matrix


@pytest.mark.parametrize(("fault", "step"), cells_of(Fault.POSTGRES))
async def test_postgres(bot_on_postgres: Matrix, fault: Fault, step: Step) -> None:
    bot = bot_on_postgres
    place = bot.place()
    async with held_up(bot, place, step):
        if step is Step.ARRIVED:
            bot.post(place)
        await drop_connections(bot.url)
    await bot.settled(place, within=PATIENCE)


async def drop_connections(url: str) -> None:
    """As a server that is restarted does to everybody."""
    admin = await asyncpg.connect(url)
    try:
        dropped = await admin.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert dropped
    finally:
        await admin.close()


# ------------------------------------------------------------------------------------------------------- processes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    """A bot that is killed, ended and started again; what a cell leaves running is the next one's."""
    folder = tmp_path_factory.mktemp("matrix-process")
    cells = len(cells_of(*IN_PROCESSES))
    async with matrix_on(folder, copied(migrated_sqlite, folder), cells) as matrix:
        matrix.start_process()
        try:
            yield matrix
        finally:
            if matrix.process is not None:
                matrix.process.end()


@pytest.mark.parametrize(("fault", "step"), cells_of(*IN_PROCESSES))
async def test_processes(process: Matrix, fault: Fault, step: Step) -> None:
    bot, place = process, process.place()
    running = bot.process
    assert running is not None
    await running.connected()
    await bot.known(place)
    async with held_up(bot, place, step) as hold:
        if fault is Fault.DISK:
            with full_disk(running.pid):
                if step is Step.ARRIVED:
                    bot.post(place)
                if hold is not None:
                    hold.release()
                bot.gates.open()
                before = running.log()
                await asyncio.sleep(2 * FAULT_SECONDS)
                assert running.log() == before, "it wrote to a file although it cannot"
        elif fault is Fault.SIGKILL:
            if step is Step.ARRIVED:
                bot.post(place)
            await running.kill()
            if hold is not None:
                hold.drop()
        else:
            said = running.log().count("bot.stopping")
            ending = asyncio.create_task(running.stop())
            if step is Step.ARRIVED:
                await bot.discordd.wait_for(lambda: running.log().count("bot.stopping") > said)
                bot.post(place)
            bot.gates.open()
            if hold is not None:
                hold.release()
            async with asyncio.timeout(10):
                assert await ending in {0, 2}  # 2: cut off in time on a busy machine, which must lose nothing either
    if fault is not Fault.DISK:
        bot.start_process()
        assert bot.process is not None
        await bot.process.connected()
    await bot.settled(place, within=PATIENCE)


@contextlib.contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """No file of a process can grow or be written: not the database, and not its log either."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


# ------------------------------------------------------------------------------------------------------- the document


async def test_the_document_shows_these_cells_and_no_others() -> None:
    document = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert table() in document
    for fault in Fault:
        for step in Step:
            reason = outcome(fault, step)
            assert isinstance(reason, Outcome) or reason in " ".join(document.split()), f"{fault}, {step}"


async def test_every_cell_is_run() -> None:
    run = [tuple(param.values) for param in (*IN_ONE, *cells_of(*IN_PROCESSES, Fault.POSTGRES))]
    assert sorted(run) == sorted(CELLS)
