"""Buttons and menus that carry all that a press needs: they work after a restart, and on any number of messages."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar

import discord

ItemT = TypeVar("ItemT", bound=discord.ui.Item[Any], covariant=True)
Layout = discord.ui.LayoutView
Button = discord.ui.Button[Layout]
Select = discord.ui.Select[Layout]

_NUMBERS = {"case_id": 18, "report_id": 18, "sweep_id": 18, "version": 9, "page": 6}
"""What a custom id may hold besides an action, and of how many digits at most: Discord hands over whatever is sent."""

_PLACE = re.compile(r"\{(\w+)\}")


class PersistentItem(discord.ui.DynamicItem[ItemT], template="(?!)"):
    """A button or menu that is read back from its custom id and hands each press to an extension.

    Subclasses name their ``path``, such as ``copies:{case_id}:page:{page}``, in which each place is an argument of
    their constructor; the ``event`` that extensions listen to, which is told the item; and what ``{action}`` may be.
    """

    _path: ClassVar[str] = ""
    _event: ClassVar[str] = ""
    _actions: ClassVar[type[StrEnum] | None] = None

    def __init_subclass__(cls, *, path: str, event: str, actions: type[StrEnum] | None = None) -> None:
        cls._path, cls._event, cls._actions = f"stanguard:{path}", event, actions
        super().__init_subclass__(template=_PLACE.sub(lambda place: cls._group(place[1]), cls._path))

    @classmethod
    def _group(cls, name: str) -> str:
        choice = "|".join(cls._actions) if cls._actions is not None and name == "action" else None
        return f"(?P<{name}>{choice or f'[0-9]{{1,{_NUMBERS[name]}}}'})"

    @classmethod
    def id_of(cls, **places: int | str) -> str:
        """The custom id of the item with these in its places."""
        return cls._path.format(**places)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Read the item back from the message in which it was pressed."""
        del interaction, item
        read: dict[str, Any] = {name: int(text) for name, text in match.groupdict().items() if name != "action"}
        if cls._actions is not None:
            read["action"] = cls._actions(match["action"])
        return cls(**read)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press to the extension that listens."""
        interaction.client.dispatch(self._event, interaction, self)


def framed(container: discord.ui.Container[Layout]) -> Layout:
    """A message of one frame, whose buttons and menus do not end with the time."""
    layout = Layout(timeout=None)
    layout.add_item(container)
    return layout
