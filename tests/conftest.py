"""A database for each test, SQLite and PostgreSQL alike: made and migrated once, then copied or emptied."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from bot.store.engine import Store
from bot.store.tables import metadata
from bot.vault import Vault

settings.register_profile("stanguard", deadline=None)
settings.load_profile("stanguard")

POSTGRES_VARIABLE = "STANGUARD_TEST_POSTGRES"
POSTGRES_DEFAULT = "postgresql://127.0.0.1:5432/test"
VAULT = Vault([bytes(range(32))])
EMPTY = f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY; INSERT INTO bank_changes VALUES (1, 0)"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """All tests run on all processors; a choice of them runs in this process, where a debugger can look at it."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        config.option.dist = "no"
        return 0
    return None


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    await (await Store.open(url)).close()


class PostgresServer:
    """Makes databases beside the one that it is given, and drops them in the end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[str] = []

    def create(self) -> str:
        name = f"stanguard_test_{secrets.token_hex(6)}"
        asyncio.run(_run(self._url, f"CREATE DATABASE {name}", f"ALTER DATABASE {name} SET synchronous_commit = off"))
        self._made.append(name)
        return f"{self._url.rpartition('/')[0]}/{name}"

    def drop_all(self) -> None:
        asyncio.run(_run(self._url, *(f"DROP DATABASE {name} WITH (FORCE)" for name in self._made)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    named = os.environ.get(POSTGRES_VARIABLE)
    url = named or POSTGRES_DEFAULT
    try:
        asyncio.run(_run(url, "SELECT 1"))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        reason = f"no PostgreSQL answers ({type(error).__name__}); set {POSTGRES_VARIABLE} to one"
        if named:
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgresServer(url)
    yield server
    server.drop_all()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    url = postgres_server.create()
    asyncio.run(_migrate(url))
    return url


@pytest.fixture(scope="session")
def bare_postgres(postgres_server: PostgresServer) -> str:
    return postgres_server.create()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "stanguard.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite file without rows."""
    path = tmp_path / "stanguard.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(migrated_postgres: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database without rows."""
    yield migrated_postgres
    asyncio.run(_run(migrated_postgres, EMPTY))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database without rows, of either kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, of either kind; the SQLite file does not exist yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'stanguard.db'}"
        return
    url: str = request.getfixturevalue("bare_postgres")
    yield url
    asyncio.run(_run(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open store on a database without rows, of either kind."""
    opened = await Store.open(database_url, VAULT)
    yield opened
    await opened.close()
