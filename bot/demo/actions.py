"""What the control page can ask for: each a small JSON object, checked before anything is done."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.model import Category

from . import shelf
from .shelf import Shelf, Way
from .world import World

Text = Annotated[str, Field(max_length=2000)]
MessageId = Annotated[str, Field(pattern=r"^\d{1,20}$")]


class Action(BaseModel, ABC):
    """Something that a person does on the simulated server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    async def carry_out(self, world: World, shelf_: Shelf) -> str:
        """Do it and wait until nothing moves any more; returns what the bot answered, empty if nothing.

        Raises StanguardError, or simcord's errors, when it is not possible.
        """


class PostItem(Action):
    """Post something from the shelf, or only a text."""

    person: str
    item: str | None = None
    text: Text = ""

    async def carry_out(self, world: World, shelf_: Shelf) -> str:
        """Post it the way that the item is posted."""
        person = world.person(self.person)
        if self.item is None:
            await world.send(person, self.text)
            return ""
        item = shelf.item(self.item)
        files = await asyncio.to_thread(shelf_.files, item.key)
        match item.way:
            case Way.UPLOAD:
                await world.send(person, self.text, files)
            case Way.LINK:
                await world.link(person, self.text, files[0])
            case Way.FORWARD:
                await world.forward_from_elsewhere(person, files[0])
        return ""


class Edit(Action):
    """Change the text of a message, as its author; with an item, into a link to such a picture."""

    message: MessageId
    text: Text
    item: str | None = None

    async def carry_out(self, world: World, shelf_: Shelf) -> str:
        """Edit it."""
        file = None
        if self.item is not None:
            file = (await asyncio.to_thread(shelf_.files, shelf.item(self.item).key))[0]
        await world.edit(world.author(int(self.message)), int(self.message), self.text, file)
        return ""


class Forward(Action):
    """Forward a message into the same channel."""

    person: str
    message: MessageId

    async def carry_out(self, world: World, shelf_: Shelf) -> str:
        """Forward it."""
        del shelf_
        await world.forward(world.person(self.person), int(self.message))
        return ""


class Menu(Action):
    """Use one of the bot's message menus."""

    person: str
    message: MessageId
    menu: Literal["report", "block"]
    category: Category

    async def carry_out(self, world: World, shelf_: Shelf) -> str:
        """Open the menu, fill the form and return the answer."""
        del shelf_
        person = world.person(self.person)
        return await world.by_menu(person, int(self.message), self.menu, self.category.value)


class Delete(Action):
    """Delete a message, as its author."""

    message: MessageId

    async def carry_out(self, world: World, shelf_: Shelf) -> str:
        """Delete it."""
        del shelf_
        await world.delete(world.author(int(self.message)), int(self.message))
        return ""
