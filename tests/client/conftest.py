"""A world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.demo import pictures
from tests.world import World


@pytest.fixture
async def world(sqlite_url: str) -> AsyncIterator[World]:
    """A server in mode remove, with review channel and roles set."""
    async with World(sqlite_url) as world:
        yield world


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A picture that tests block."""
    return pictures.encode(pictures.picture(1, (320, 400)))


@pytest.fixture(scope="session")
def harmless() -> bytes:
    """Another picture, which nobody listed."""
    return pictures.encode(pictures.picture(2, (320, 400)))
