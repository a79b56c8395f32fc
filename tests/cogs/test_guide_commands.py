"""The guides and the bot know the same slash commands and message menus."""

from __future__ import annotations

import re
from pathlib import Path

import discord
import pytest

from tests.world import World

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ("admin.md", "moderators.md", "members.md")
PATHS = {"etc", "healthz", "metrics", "opt", "readyz", "var"}
"""What stands behind a slash in the guides and is no command."""


@pytest.fixture
def commands(world: World) -> set[str]:
    """The whole names of the slash commands."""
    walked = world.bot.tree.walk_commands(type=discord.AppCommandType.chat_input)
    return {one.qualified_name for one in walked if not isinstance(one, discord.app_commands.Group)}


@pytest.fixture
def guides() -> str:
    """The text of all guides, in which a name may be broken over two lines."""
    return " ".join(" ".join((DOCS / name).read_text(encoding="utf-8") for name in GUIDES).split())


async def test_every_command_stands_in_a_guide(commands: set[str], guides: str, world: World) -> None:
    assert {name for name in commands if not re.search(rf"`/{name}\b", guides)} == set()
    menus = {menu.name for menu in world.bot.tree.get_commands(type=discord.AppCommandType.message)}
    assert {name for name in menus if f"**{name}**" not in guides} == set()


async def test_every_command_in_a_guide_exists(commands: set[str], guides: str) -> None:
    groups = {name.split()[0] for name in commands if " " in name}
    named = {(first, second) for first, second in re.findall(r"`/([a-z-]+)(?: ([a-z-]+))?", guides)}
    for first, second in named:
        if first in PATHS:
            continue
        if second and first in groups:
            assert f"{first} {second}" in commands
        else:
            assert first in groups | commands
