"""The database of one installation: opening it, and transactions on it.

SQLite has two pools: one connection that writes, and a few that read and cannot write. Every write begins with BEGIN
IMMEDIATE, so that it never has to be begun again halfway. PostgreSQL has one pool; what only reads sees one snapshot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import Literal, Self

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import DatabaseError
from bot.turns import Turns
from bot.vault import Vault

from .aging import Aging
from .alone import alone
from .appeals import Appeals
from .audit import Audit
from .backlog import Backlog
from .banks import Banks
from .casebook import Casebook
from .cases import Cases
from .chores import Chores
from .departures import Departures
from .dialects import (
    CONNECTIONS,
    WAIT_SECONDS,
    Dialect,
    connect_engines,
    place,
    prepare,
    transaction,
    unreachable,
)
from .erasure import Erasure
from .events import Events
from .guides import Guides
from .guilds import Guilds
from .installation import Installation, new_sealed, open_sealed
from .jobs import Jobs
from .looking import Looking
from .migrate import HEAD, bring_up_to_date, foreign, is_foreign, not_at_head, revision
from .numbers import NumberRows
from .outbox import OutboxRows
from .privacy import Privacy
from .reporters import Reporters
from .reports import Reports
from .sanctions import Sanctions
from .seals import SECRET_CONTEXT, SIGNING_CONTEXT, Seals
from .sightings import Sightings
from .sweeps import Sweeps
from .tallies import Tallies
from .views import Views
from .vitals import Vitals
from .watermarks import Watermarks


class Tx:
    """One transaction, by subject."""

    __slots__ = (
        "aging",
        "appeals",
        "audit",
        "backlog",
        "banks",
        "casebook",
        "cases",
        "chores",
        "connection",
        "departures",
        "erasure",
        "events",
        "guides",
        "guilds",
        "installation",
        "jobs",
        "looking",
        "numbers",
        "outbox",
        "privacy",
        "reporters",
        "reports",
        "sanctions",
        "sightings",
        "sweeps",
        "tallies",
        "views",
        "watermarks",
    )

    def __init__(self, connection: AsyncConnection, seals: Seals, *, writing: bool, secret: bytes | None) -> None:
        self.connection = connection
        self.audit = Audit(connection, writing=writing, secret=secret)
        self.installation = Installation(connection, writing=writing)
        self.banks = Banks(connection, writing=writing, seals=seals, audit=self.audit)
        self.guilds = Guilds(connection, writing=writing)
        self.sightings = Sightings(connection, writing=writing)
        self.reports = Reports(connection, writing=writing, seals=seals, secret=secret)
        self.reporters = Reporters(connection, writing=writing)
        self.privacy = Privacy(connection, writing=writing, reporters=self.reporters, seals=seals, secret=secret)
        self.guides = Guides(connection, writing=writing)
        self.cases = Cases(connection, writing=writing, seals=seals)
        self.events = Events(connection, writing=writing, audit=self.audit)
        self.casebook = Casebook(connection, writing=writing, reports=self.reports)
        self.sanctions = Sanctions(connection, writing=writing)
        self.appeals = Appeals(connection, writing=writing, seals=seals)
        self.views = Views(
            cases=self.cases,
            events=self.events,
            banks=self.banks,
            sightings=self.sightings,
            reports=self.reports,
            sanctions=self.sanctions,
            appeals=self.appeals,
        )
        self.backlog = Backlog(connection, writing=writing)
        self.chores = Chores(connection, writing=writing)
        self.aging = Aging(connection, writing=writing)
        self.outbox = OutboxRows(connection, writing=writing)
        self.jobs = Jobs(connection, writing=writing)
        self.watermarks = Watermarks(connection, writing=writing)
        self.sweeps = Sweeps(connection, writing=writing)
        self.looking = Looking(connection, writing=writing)
        self.tallies = Tallies(connection, writing=writing)
        self.numbers = NumberRows(connection, writing=writing)
        self.erasure = Erasure(connection, writing=writing)
        self.departures = Departures(connection, writing=writing)


class Store:
    """An open database. Every method raises DatabaseError when the database fails.

    ``vitals`` watches every transaction, and tells who listens there how those that write end.
    """

    def __init__(
        self, url: str, dialect: Dialect, target: URL, vault: Vault | None, connections: int = CONNECTIONS
    ) -> None:
        self.url = url
        self.dialect: Literal["sqlite", "postgresql"] = dialect
        self.seals = Seals(vault)
        self.vitals = Vitals()
        self._vault = vault
        self._target = target
        self._secret: bytes | None = None
        self._writer, self._reader = connect_engines(dialect, target, connections)
        self._jobs: set[str] = set()  # with SQLite: what somebody does alone
        self._writing: set[asyncio.Task[object] | None] = set()
        self._turns = Turns(1) if dialect == "sqlite" else None

    @classmethod
    async def open(
        cls, url: str, vault: Vault | None = None, *, migrate: bool = True, connections: int = CONNECTIONS
    ) -> Self:
        """Open the database, making it and bringing its tables up to date if ``migrate``.

        ``url`` is ``sqlite:///path`` or ``postgresql://user@host/name``. ``vault`` seals and opens local features and
        the installation's secret, which is made at the first opening; without one, entries load without features, none
        can be written, there is no secret, and nothing that a person did can be written to the audit log.
        ``connections``: the most that are opened to PostgreSQL for transactions.

        Raises DatabaseError when the database cannot be reached, is no database of this program or of a newer version
        of it, or, without ``migrate``, of an older one; and VaultError when the vault lacks the key that it is sealed
        with.
        """
        dialect, target = prepare(url, create=migrate)
        store = cls(url, dialect, target, vault, connections)
        try:
            await store._require_head(vault, migrate=migrate)
            if vault is not None:
                store._secret = await store._open_secret(vault)
        except BaseException:
            await store.close()
            raise
        store.vitals.speaks = True
        return store

    @property
    def secret(self) -> bytes:
        """32 random bytes that are the same for every process on this database and known to nobody else.

        Raises RuntimeError for a database that was opened without a vault.
        """
        if self._secret is None:
            raise RuntimeError("a database that was opened without a vault has no secret")
        return self._secret

    async def _open_secret(self, vault: Vault) -> bytes:
        async with self.read() as tx:
            sealed = await tx.installation.sealed_secret()
        if sealed is None:
            async with self.write() as tx:
                await tx.installation.keep(new_sealed(vault, SECRET_CONTEXT))
                sealed = await tx.installation.sealed_secret()
        if sealed is None:
            raise DatabaseError("The database lost a secret that was just made; run `stanguard db check`.")
        return open_sealed(sealed, vault, SECRET_CONTEXT, place(self._target))

    async def signing_seed(self) -> bytes:
        """The seed of the installation's signing key (Ed25519), made if there is none.

        Raises VaultError when the vault lacks the key that it is sealed with, and RuntimeError as :attr:`secret` does.
        """
        if self._vault is None:
            raise RuntimeError("a database that was opened without a vault has no signing key")
        async with self.read() as tx:
            sealed = await tx.installation.sealed_signing_key()
        if sealed is None:
            async with self.write() as tx:
                await tx.installation.keep_signing_key(new_sealed(self._vault, SIGNING_CONTEXT))
                sealed = await tx.installation.sealed_signing_key()
        if sealed is None:
            raise DatabaseError("The database lost a signing key that was just made; run `stanguard db check`.")
        return open_sealed(sealed, self._vault, SIGNING_CONTEXT, place(self._target))

    async def _require_head(self, vault: Vault | None, *, migrate: bool) -> None:
        async with self.read() as tx:
            found = await tx.connection.run_sync(revision)
            other = found is None and await tx.connection.run_sync(is_foreign)
        if found == HEAD:
            return
        if other:
            raise foreign(place(self._target))
        if not migrate:
            raise not_at_head(found, place(self._target))
        await bring_up_to_date(self.dialect, self._target, vault)

    @property
    def target(self) -> URL:
        """The address of the database, as SQLAlchemy has it."""
        return self._target

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncGenerator[bool]:
        """Whether this task is the only one that does the job of this name, for as long as the block runs.

        Nobody waits: another process, or another task of this one, is told False. An SQLite file has one process. A
        process that dies frees the name at once.
        """
        if self.dialect == "sqlite":
            mine = name not in self._jobs
            self._jobs.add(name)
            try:
                yield mine
            finally:
                if mine:
                    self._jobs.discard(name)
            return
        async with alone(self._writer, self._target, name) as mine:
            yield mine

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()

    @asynccontextmanager
    async def write(self, line: Hashable = None, *, ahead: bool = False) -> AsyncGenerator[Tx]:
        """One transaction: committed at the end, rolled back when anything is raised inside.

        SQLite's one writer is given out in turn to those who wait in different lines: what follows from the pictures
        of a server waits in a line of that server, by its id. What a deletion waits for goes ``ahead`` of the rest.
        Raises RuntimeError inside another one of the same task.
        """
        task = asyncio.current_task()
        if task in self._writing:
            # It would wait for itself: on SQLite for the only writer, on PostgreSQL for its own locks.
            raise RuntimeError("this task has a transaction that writes open already")
        with self.vitals.watching("write"):
            async with self._turn(line, ahead=ahead), transaction(self._writer, self._target) as connection:
                self._writing.add(task)
                try:
                    tx = Tx(connection, self.seals, writing=True, secret=self._secret)
                    yield tx
                    await tx.audit.flush()
                finally:
                    self._writing.discard(task)

    @asynccontextmanager
    async def _turn(self, line: Hashable, *, ahead: bool) -> AsyncGenerator[None]:
        if self._turns is None:
            yield
            return
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                taken = await self._turns.take(line, ahead=ahead)
        except TimeoutError as error:
            raise unreachable(self._target, error) from None
        try:
            yield
        finally:
            self._turns.give(line, taken)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Tx]:
        """One transaction that sees one state of the database and cannot change it."""
        with self.vitals.watching("read"):
            async with transaction(self._reader, self._target) as connection:
                yield Tx(connection, self.seals, writing=False, secret=self._secret)
