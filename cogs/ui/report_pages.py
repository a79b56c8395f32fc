"""A member's own reports, page by page, with a menu of those that can still be taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.language import say
from bot.model import Language
from bot.reports.follow_up import Followed

from . import report_texts as words
from .answers import explain
from .answers import say as answer
from .pages import Fetch, Interaction, Page, Pages

REPORTS = 5
"""On a page."""

LONGEST_WORDS = 200
"""Characters of a member's own words that are shown back: what they wrote is known to them."""

TakeBack = Callable[[Interaction, int], Awaitable[str]]
"""Takes the report of this number back for whoever presses; what to answer. Raises an error with a sentence."""


@dataclass(frozen=True, slots=True)
class StatusPage(Page):
    """A page of reports. ``open``: those on it that can be taken back."""

    open: Sequence[Followed] = ()


def page(reports: Sequence[Followed], total: int, number: int, language: Language) -> StatusPage:
    """One page of the list, newest first."""
    title = f"### {say(language, words.STATUS_TITLE)}"
    shown = [_paragraph(language, one) for one in reports] or [say(language, words.NO_REPORTS)]
    pages = max(1, -(-total // REPORTS))
    return StatusPage([title, *shown], number, pages, language=language, open=[one for one in reports if one.open])


class ReportPages(Pages):
    """Shows the list. Whatever is taken back, the page is read anew."""

    def __init__(self, asked: Interaction, fetch: Fetch, take_back: TakeBack) -> None:
        super().__init__(asked, fetch)
        self._take_back = take_back

    def draw(self, page: Page, *, turning: bool = True) -> None:
        """Put a page into the view, with its buttons, and the menu if something can be taken back."""
        super().draw(page, turning=turning)
        if turning and isinstance(page, StatusPage) and page.open:
            self.add_item(discord.ui.ActionRow[Pages](_Menu(page.open, page.language, f"{self._prefix}:take_back")))

    def _pressable(self, page: Page) -> bool:
        return super()._pressable(page) or (isinstance(page, StatusPage) and bool(page.open))

    async def take_back(self, interaction: Interaction, report_id: int) -> None:
        """Take a report back, and show what is so then."""
        await self.turn(interaction, self._page.number, first=self._taking_back(report_id))

    def _taking_back(self, report_id: int) -> Callable[[Interaction], Awaitable[None]]:
        async def take_back(interaction: Interaction) -> None:
            try:
                await answer(interaction, await self._take_back(interaction, report_id))
            except Exception as error:  # noqa: BLE001 - the list stays, whatever happens; the person is told
                await explain(interaction, error)

        return take_back


class _Menu(discord.ui.Select[Pages]):
    """The reports of a page that can be taken back."""

    def __init__(self, reports: Iterable[Followed], language: Language, custom_id: str) -> None:
        options = [
            discord.SelectOption(label=words.take_back(language, one)[:100], value=str(one.report.id))
            for one in reports
        ]
        super().__init__(custom_id=custom_id, placeholder=say(language, words.TAKE_BACK), options=options)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Take the chosen report back."""
        if isinstance(self.view, ReportPages):
            await self.view.take_back(interaction, int(self.values[0]))


def _paragraph(language: Language, of: Followed) -> str:
    parts = [words.head(language, of), say(language, words.BECAME[of.became])]
    written = " ".join((of.report.words or "").split())
    if written:
        cut = written if len(written) <= LONGEST_WORDS else f"{written[: LONGEST_WORDS - 1]}…"
        parts.insert(1, f"> {discord.utils.escape_markdown(cut)}")
    return "\n".join(parts)
