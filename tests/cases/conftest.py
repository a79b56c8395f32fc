"""A desk for every test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from bot.store.engine import Store
from tests.desk import Desk


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    await desk.open()
    yield desk
    await desk.outbox.stop()
