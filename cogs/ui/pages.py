"""Answers of several pages that one person turns over. They live in memory and end with it, or with their time."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import discord

from bot.language import mark, say
from bot.model import Language

from .answers import notice, sentence, show_view
from .cards import MAX_TEXT

PAGES = "stanguard:pages:"
"""How the custom ids of all their buttons begin."""

TAKEN = "stanguard.pages_taken"
"""Set in the extras of an interaction whose pages are still known."""

OPEN_SECONDS = 600.0
"""Without a press. Discord lets an answer be changed for 15 minutes, so that one that ran out can still say so."""

WHERE = mark("page {page} of {pages}")

FOOTER = 150
"""Characters of a page that are kept for what stands under it."""

ROOM = MAX_TEXT - FOOTER
"""Characters of all the paragraphs of a page."""

TOO_OLD = mark("These pages are too old to be turned over; use the command again.")
CLOSED = mark("Closed")

Interaction = discord.Interaction[Any]
Turn = Literal["first", "previous", "next", "last"]

TURNS: Mapping[Turn, str] = {
    "first": mark("First"),
    "previous": mark("Previous"),
    "next": mark("Next"),
    "last": mark("Last"),
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page: paragraphs of :data:`ROOM` characters at most, the first of them with the title, and what it is of.

    ``language``: in which its buttons and what stands under it are.
    """

    paragraphs: Sequence[str]
    number: int = 1
    pages: int = 1
    footer: str = ""
    language: Language = Language.ENGLISH

    def __post_init__(self) -> None:
        """Cut what is too long: an answer that says less is better than none."""
        room, fitting = ROOM, list[str]()
        for paragraph in self.paragraphs:
            if len(paragraph) > room:
                fitting.append(paragraph[: room - 1] + "…" if room else "")
                break
            room -= len(paragraph)
            fitting.append(paragraph)
        object.__setattr__(self, "paragraphs", [paragraph for paragraph in fitting if paragraph])

    @property
    def under(self) -> str:
        """What stands under the page."""
        several = self.pages > 1
        where = say(self.language, WHERE, page=self.number, pages=self.pages) if several else ""
        return " · ".join(part for part in (self.footer, where) if part)[: FOOTER - 3]


Fetch = Callable[[Interaction, int], Awaitable[Page]]
"""Reads the page of this number, or the last one if there are fewer, for whoever asks: rights are checked anew."""


class Pages(discord.ui.LayoutView):
    """Shows pages one at a time. Each is read when it is turned to, so that it shows what is so then."""

    def __init__(self, asked: Interaction, fetch: Fetch) -> None:
        super().__init__(timeout=OPEN_SECONDS)
        self._person = asked.user.id
        self._fetch = fetch
        self._prefix = f"{PAGES}{asked.id}:{secrets.token_hex(4)}"
        self._page = Page(())
        self._edit: Callable[..., Awaitable[object]] | None = None

    async def show(self, asked: Interaction) -> None:
        """Answer with the first page, seen by this person alone."""
        self._page = await self._fetch(asked, 1)
        self.draw(self._page)
        message = await show_view(asked, self)
        self._edit = message.edit
        if not self._pressable(self._page):
            self.stop()

    def draw(self, page: Page, *, turning: bool = True) -> None:
        """Put a page into the view, with its buttons if there is something to turn to."""
        self.clear_items()
        container = discord.ui.Container[Pages](*(discord.ui.TextDisplay[Pages](text) for text in page.paragraphs))
        if page.under:
            container.add_item(discord.ui.TextDisplay(f"-# {page.under}"))
        self.add_item(container)
        if turning and page.pages > 1:
            self.add_item(discord.ui.ActionRow[Pages](*self._buttons(page)))

    def _pressable(self, page: Page) -> bool:
        """Whether anything on a page can be pressed."""
        return page.pages > 1

    def _buttons(self, page: Page) -> Iterable[_Button]:
        turns: dict[Turn, int] = {"first": 1, "previous": page.number - 1, "next": page.number + 1, "last": page.pages}
        for turn, number in turns.items():
            there = page.number == 1 if turn in ("first", "previous") else page.number == page.pages
            label = say(page.language, TURNS[turn])
            yield _Button(label, number, f"{self._prefix}:{turn}", disabled=there)

    async def turn(
        self, interaction: Interaction, number: int, *, first: Callable[[Interaction], Awaitable[None]] | None = None
    ) -> None:
        """Show another page in the place of this one; ``first``: what happens before it is read."""
        await interaction.response.defer()
        self._edit = interaction.edit_original_response
        if first is not None:
            await first(interaction)
        self._page = await self._fetch(interaction, number)
        self.draw(self._page)
        await self._change(self)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Mark the press as that of known pages, and let nobody else press."""
        interaction.extras[TAKEN] = True
        return interaction.user.id == self._person

    async def on_timeout(self) -> None:
        """Leave the page, and say that it is too late to turn it over, if Discord still lets it be said."""
        language = self._page.language
        self.draw(Page(self._page.paragraphs, footer=say(language, TOO_OLD), language=language), turning=False)
        await self._change(self)

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        """Say what went wrong in the place of the pages: what they showed may not be theirs to see any more."""
        del item
        self.stop()
        await self._change(notice(say(self._page.language, CLOSED), [sentence(interaction, error)]))

    async def _change(self, view: discord.ui.LayoutView) -> None:
        if self._edit is None:
            return
        try:
            await self._edit(view=view)
        except discord.HTTPException:
            return  # the person dismissed it, or its time ran out


class _Button(discord.ui.Button[Pages]):
    """A button that turns to another page."""

    def __init__(self, label: str, number: int, custom_id: str, *, disabled: bool) -> None:
        super().__init__(label=label, custom_id=custom_id, disabled=disabled)
        self._number = number

    async def callback(self, interaction: Interaction) -> None:
        """Turn the page."""
        if self.view is not None:
            await self.view.turn(interaction, self._number)


def pack(lines: Iterable[str], room: int) -> list[str]:
    """Lines in paragraphs of at most so many characters; a line that is longer than that is cut."""
    packed: list[str] = []
    for line in lines:
        fitting = line if len(line) <= room else line[: room - 1] + "…"
        if packed and len(packed[-1]) + 1 + len(fitting) <= room:
            packed[-1] += "\n" + fitting
        else:
            packed.append(fitting)
    return packed


def is_left_over(interaction: Interaction) -> bool:
    """Whether this is a press on pages that this process does not know (any more)."""
    if interaction.type is not discord.InteractionType.component or interaction.data is None:
        return False
    custom_id = interaction.data.get("custom_id")
    return isinstance(custom_id, str) and custom_id.startswith(PAGES) and TAKEN not in interaction.extras
