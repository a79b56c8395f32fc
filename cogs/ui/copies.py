"""The copies of a case, page by page, with a menu to leave single ones out of the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.model import Case, Sighting

from . import texts
from .cards import sighting_line
from .persistent import Button, PersistentItem, Select, framed

PAGE = 20
"""Copies on one page: a menu takes 25 options, and the lines of 20 fit into one message."""

TITLE = "Copies in case {id}"
MENU = "Leave these out of the decision"
EARLIER, LATER = "Earlier", "Later"
HOW = "-# What is left out stays as it is when the case is decided, and its author gets no sanction."
DECIDED = "-# The case is decided, so this cannot be changed now."


class CopiesPage(PersistentItem[Button], path="copies:{case_id}:page:{page}", event="copies_page"):
    """Turns to another page."""

    def __init__(self, case_id: int, page: int, label: str = LATER) -> None:
        super().__init__(Button(label=label, custom_id=self.id_of(case_id=case_id, page=page)))
        self.case_id = case_id
        self.page = page


class CopiesMenu(PersistentItem[Select], path="copies:{case_id}:menu:{page}", event="copies_chosen"):
    """The copies of one page, of which those that are chosen are left out of the decision."""

    def __init__(self, case_id: int, page: int, options: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(
            Select(
                custom_id=self.id_of(case_id=case_id, page=page),
                placeholder=MENU,
                options=list(options),
                min_values=0,
                max_values=max(1, len(options)),
            )
        )
        self.case_id = case_id
        self.page = page

    @property
    def chosen(self) -> list[int]:
        """The sightings that were chosen."""
        return [int(value) for value in self.item.values if value.isdigit()]


def copies_view(case: Case, sightings: Sequence[Sighting], page: int, total: int) -> discord.ui.LayoutView:
    """One page of the copies of a case; ``page`` begins at 0, ``total`` counts all copies."""
    pages = max(1, -(-total // PAGE))
    first = page * PAGE + 1
    lines = [f"{first + at}. {sighting_line(sighting)[2:]}" for at, sighting in enumerate(sightings)]
    heading = f"### {TITLE.format(id=case.id)}\n-# {texts.count(total, 'copy', 'copies')} · page {page + 1} of {pages}"
    container = discord.ui.Container[discord.ui.LayoutView](
        discord.ui.TextDisplay(heading),
        discord.ui.TextDisplay("\n".join(lines) or texts.POSTED_NOWHERE),
        discord.ui.TextDisplay(HOW if case.state.undecided else DECIDED),
    )
    if sightings and case.state.undecided:
        options = [
            discord.SelectOption(
                label=f"Copy {first + at}", value=str(sighting.id), default=sighting.excepted_by is not None
            )
            for at, sighting in enumerate(sightings)
        ]
        container.add_item(discord.ui.ActionRow[Any](CopiesMenu(case.id, page, options)))
    turns = [CopiesPage(case.id, page - 1, EARLIER)] if page > 0 else []
    turns += [CopiesPage(case.id, page + 1, LATER)] if page + 1 < pages else []
    if turns:
        container.add_item(discord.ui.ActionRow[Any](*turns))
    return framed(container)
