"""The custom ids of buttons and menus stand on messages for as long as these do, so they must not change."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from cogs.ui.appeals import AppealButton, AppealMenu
from cogs.ui.buttons import CaseAction, CaseButton
from cogs.ui.buttons_looking import LookButton
from cogs.ui.copies import CopiesMenu, CopiesPage
from cogs.ui.persistent import PersistentItem
from cogs.ui.reporters import ReporterAction, ReporterButton, ReportersButton, ReportersMenu, ReportersPage
from cogs.ui.scan_cards import ScanAction, ScanButton

ITEMS: dict[str, Any] = {
    "stanguard:appeal:7": (AppealButton, {"case_id": 7}),
    "stanguard:appeals": (AppealMenu, {}),
    "stanguard:case:7:not_told": (None, {}),
    "stanguard:case:7:escalate:3": (CaseButton, {"case_id": 7, "action": CaseAction.ESCALATE, "version": 3}),
    "stanguard:copies:7:page:2": (CopiesPage, {"case_id": 7, "page": 2}),
    "stanguard:copies:7:menu:2": (CopiesMenu, {"case_id": 7, "page": 2}),
    "stanguard:look:7": (LookButton, {"case_id": 7}),
    "stanguard:reporter:7:9:mute-30": (
        ReporterButton,
        {"case_id": 7, "report_id": 9, "action": ReporterAction.MUTE_30},
    ),
    "stanguard:reporters:7": (ReportersButton, {"case_id": 7}),
    "stanguard:reporters:7:menu": (ReportersMenu, {"case_id": 7}),
    "stanguard:reporters:7:page:2": (ReportersPage, {"case_id": 7, "page": 2}),
    "stanguard:scan:7:go_on": (ScanButton, {"sweep_id": 7, "action": ScanAction.GO_ON}),
    f"stanguard:look:{'7' * 18}": (LookButton, {"case_id": 777777777777777777}),
    f"stanguard:look:{'7' * 19}": (None, {}),
    "stanguard:look:-7": (None, {}),
    "stanguard:copies:7:page:1234567": (None, {}),
    "stanguard:case:7:escalate:1234567890": (None, {}),
    "stanguard:case:7:burn:3": (None, {}),
    "stanguard:scan:7:go_on:": (None, {}),
}
KINDS = PersistentItem.__subclasses__()


@pytest.mark.parametrize("custom_id", ITEMS)
async def test_an_item_is_read_back_from_its_custom_id_by_its_own_kind_alone(custom_id: str) -> None:
    wanted, places = ITEMS[custom_id]
    pressed = discord.ui.Button[Any](custom_id=custom_id)
    found = {kind: match for kind in KINDS if (match := kind.__discord_ui_compiled_template__.fullmatch(custom_id))}
    assert set(found) == ({wanted} if wanted else set())
    for kind, match in found.items():
        item = await kind.from_custom_id(None, pressed, match)
        assert item.custom_id == custom_id
        assert {name: getattr(item, name) for name in places} == places


def test_every_kind_is_looked_at() -> None:
    assert {kind for kind, _ in ITEMS.values()} - {None} == set(KINDS)
