"""The button below a notice, the menu of /appeal, and the form behind both.

Button and menu work where there is no server, too: in a direct message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord

from bot.cases import calls
from bot.cases.appeals import LONGEST_STATEMENT, Appealable

from . import appeal_texts as words
from .answers import notice
from .modals import MOST_OPTIONS, Form
from .persistent import PersistentItem, Select

Interaction = discord.Interaction[Any]
Submitted = Callable[[Interaction, "AppealForm"], Awaitable[None]]


class AppealButton(PersistentItem[discord.ui.Button[discord.ui.View]], path="appeal:{case_id}", event="appeal_press"):
    """The button of a notice: opens the form for one case."""

    def __init__(self, case_id: int) -> None:
        super().__init__(discord.ui.Button(label=calls.APPEAL_BUTTON, custom_id=calls.appeal_id(case_id)))
        self.case_id = case_id


class AppealMenu(PersistentItem[Select], path="appeals", event="appeal_press"):
    """What a member can appeal; choosing opens the form."""

    def __init__(self, options: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(Select(custom_id=self.id_of(), placeholder=words.MENU, options=list(options)))

    @property
    def case_id(self) -> int:
        """The case that was chosen."""
        return int(self.item.values[0])


class AppealForm(Form):
    """Asks an author what the moderators should know."""

    def __init__(self, opened_by: Interaction, what: Appealable, submitted: Submitted) -> None:
        title = words.form_title(what.case_id)
        super().__init__(opened_by, title, submitted)
        self.what = what
        self._statement = discord.ui.TextInput[Any](
            custom_id="statement", max_length=LONGEST_STATEMENT, style=discord.TextStyle.paragraph
        )
        self.add_item(
            discord.ui.Label(text=words.FORM_STATEMENT, description=words.FORM_HINT, component=self._statement)
        )

    @property
    def statement(self) -> str:
        """What the author wrote."""
        return self._statement.value


def menu(found: Sequence[Appealable]) -> discord.ui.LayoutView:
    """What a member can appeal, newest first, to choose from."""
    options: list[discord.SelectOption] = []
    for what in found[:MOST_OPTIONS]:
        label, description = words.option(what)
        options.append(discord.SelectOption(label=label, value=str(what.case_id), description=description))
    layout = notice(words.MENU_TITLE, [words.MENU_HOW])
    layout.add_item(discord.ui.ActionRow[Any](AppealMenu(options)))
    return layout
