"""``/setup-reports`` changes what it is told to, and says what that means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RefusedError
from bot.model import Mode
from cogs.setup_reports import hotline_of
from cogs.ui.setup_reports_texts import LONGEST_HOTLINE
from tests.world import World


async def run(world: World, **options: Any) -> str:
    return world.answer(await world.owner.slash(world.fans, "setup-reports", **options))


async def test_it_shows_the_defaults_and_what_the_installation_allows(world: World) -> None:
    shown = await run(world)
    for line in (
        "**Who reported is shown to:** those who may decide the case",
        "**A reported message is held:** never",
        "**Hotline that members are told of:** none",
        "10 pictures in ten minutes and 40 in a day",
        "5 times a day for a picture to be taken down",
        "open 120 cases an hour",
        "forgotten after 30 days",
    ):
        assert line in shown
    assert "Saved" not in shown


async def test_everything_can_be_set_at_once(world: World) -> None:
    shown = await run(world, show_reporters=False, hold_reports=3, hotline=" Women's *hotline* 1366 ")
    assert "Saved" in shown
    assert "shown to:** nobody" in shown
    assert "held:** when 3 reliable members reported it" in shown
    assert "Women's \\*hotline\\* 1366" in shown
    assert "three times at least" in shown
    assert "Nothing is held now" not in shown
    server = await world.server()
    assert (server.show_reporters, server.hold_reports, server.hotline) == (False, 3, "Women's *hotline* 1366")
    await run(world, hotline="-")
    server = await world.server()
    assert (server.show_reporters, server.hold_reports, server.hotline) == (False, 3, None)


async def test_holding_needs_the_mode_remove(world: World) -> None:
    await world.change(mode=Mode.REVIEW)
    assert "Nothing is held now" in await run(world, hold_reports=1)
    assert "Nothing is held now" not in await run(world, hold_reports=0)


async def test_a_bad_hotline_changes_nothing(world: World) -> None:
    await run(world, hotline="1366")
    for bad in ("x" * 201, "one\ntwo", "a\u202eb", "a\0b"):
        assert "one line of up to 200 printable characters" in await run(world, hotline=bad, hold_reports=5)
    server = await world.server()
    assert (server.hotline, server.hold_reports) == ("1366", 0)


async def test_members_cannot_use_it(world: World) -> None:
    world.reveal("setup-reports", world.fan)
    shown = world.answer(await world.fan.slash(world.fans, "setup-reports", show_reporters=False))
    assert "Manage Server" in shown
    assert (await world.server()).show_reporters


@given(st.text(max_size=LONGEST_HOTLINE + 5))
def test_a_hotline_is_one_printable_line_or_nothing(written: str) -> None:
    try:
        hotline = hotline_of(written)
    except RefusedError:
        assert len(written.strip()) > LONGEST_HOTLINE or not written.strip().isprintable()
        return
    if hotline is None:
        assert written.strip() in {"", "-"}
    else:
        assert 0 < len(hotline) <= LONGEST_HOTLINE
        assert hotline.isprintable()
        assert hotline == written.strip()


@pytest.mark.parametrize("hold", [-1, 21])
async def test_holding_has_bounds(world: World, hold: int) -> None:
    command = world.bot.tree.get_command("setup-reports")
    assert command is not None
    (option,) = [each for each in command.to_dict(world.bot.tree)["options"] if each["name"] == "hold_reports"]
    assert not option["min_value"] <= hold <= option["max_value"]
