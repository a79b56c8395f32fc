"""Who reported a case, page by page, and the buttons by which a moderator acts on one of them.

The custom ids hold the case and the report, never who made it. Each press is checked anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import discord

from bot.reports.reporters import MUTES, CaseReporters, SeenReport

from . import reporters_texts as words
from .persistent import Button, PersistentItem, Select, framed

PAGE = 8
"""Reports on one page, so that their lines fit into one message."""


class ReporterAction(StrEnum):
    """What a button does to the reporter; part of its custom id."""

    MUTE_1 = "mute-1"
    MUTE_7 = "mute-7"
    MUTE_30 = "mute-30"
    UNMUTE = "unmute"
    DROP = "drop"
    RESTORE = "restore"

    @property
    def days(self) -> int | None:
        """For how long it mutes; None if it does not."""
        return _DAYS.get(self)


_DAYS: dict[ReporterAction, int] = dict(
    zip((ReporterAction.MUTE_1, ReporterAction.MUTE_7, ReporterAction.MUTE_30), MUTES, strict=True)
)
_LABELS = {
    **{action: words.mute(days) for action, days in _DAYS.items()},
    ReporterAction.UNMUTE: words.UNMUTE,
    ReporterAction.DROP: words.DROP,
    ReporterAction.RESTORE: words.RESTORE,
}


class ReportersButton(PersistentItem[Button], path="reporters:{case_id}", event="reporters_press"):
    """The button of a card that lists who reported it, for whoever pressed it alone."""

    def __init__(self, case_id: int) -> None:
        super().__init__(Button(label=words.OPEN, custom_id=self.id_of(case_id=case_id)))
        self.case_id = case_id


class ReportersPage(PersistentItem[Button], path="reporters:{case_id}:page:{page}", event="reporters_page"):
    """Turns to another page of the list, or back to it."""

    def __init__(self, case_id: int, page: int, label: str = words.LATER) -> None:
        super().__init__(Button(label=label, custom_id=self.id_of(case_id=case_id, page=page)))
        self.case_id = case_id
        self.page = page


class ReportersMenu(PersistentItem[Select], path="reporters:{case_id}:menu", event="reporter_chosen"):
    """The reports of one page, of which one is chosen."""

    def __init__(self, case_id: int, reports: Iterable[SeenReport] = ()) -> None:
        options = [discord.SelectOption(label=words.option(one), value=str(one.report_id)) for one in reports]
        super().__init__(Select(custom_id=self.id_of(case_id=case_id), placeholder=words.MENU, options=options))
        self.case_id = case_id

    @property
    def report_id(self) -> int:
        """The report that was chosen; 0, which none has, for what is no number."""
        return next((int(value) for value in self.item.values if value.isdecimal()), 0)


class ReporterButton(
    PersistentItem[Button],
    path="reporter:{case_id}:{report_id}:{action}",
    event="reporter_press",
    actions=ReporterAction,
):
    """One press acts on whoever made a report."""

    def __init__(self, case_id: int, report_id: int, action: ReporterAction) -> None:
        style = discord.ButtonStyle.danger if action is ReporterAction.DROP else discord.ButtonStyle.secondary
        custom_id = self.id_of(case_id=case_id, report_id=report_id, action=action)
        super().__init__(Button(label=_LABELS[action], style=style, custom_id=custom_id))
        self.case_id = case_id
        self.report_id = report_id
        self.action = action


def reporters_view(shown: CaseReporters, page: int) -> discord.ui.LayoutView:
    """One page of who reported a case; the last one for a number that is too high. ``page`` begins at 0."""
    pages = max(1, -(-len(shown.reports) // PAGE))
    page = min(page, pages - 1)
    here = shown.reports[page * PAGE : (page + 1) * PAGE]
    container = discord.ui.Container[discord.ui.LayoutView](
        discord.ui.TextDisplay(words.heading(shown, page, pages)),
        discord.ui.TextDisplay("\n".join(words.line(report) for report in here) or words.NOBODY),
    )
    if here:
        container.add_item(discord.ui.ActionRow[Any](ReportersMenu(shown.case_id, here)))
    turns = [ReportersPage(shown.case_id, page - 1, words.EARLIER)] if page > 0 else []
    turns += [ReportersPage(shown.case_id, page + 1, words.LATER)] if page + 1 < pages else []
    if turns:
        container.add_item(discord.ui.ActionRow[Any](*turns))
    return framed(container)


def reporter_view(shown: CaseReporters, report: SeenReport, done: str = "") -> discord.ui.LayoutView:
    """One report with all of its words, and what can be done about who made it. ``done``: what was done just now.

    Where nobody is shown it is not told either whether they are muted, so both can be chosen.
    """
    page = shown.reports.index(report) // PAGE
    paragraphs = [f"{words.title(shown.case_id)}", words.whole(report), *([f"✅ {done}"] if done else []), words.ON_ALL]
    container = discord.ui.Container[discord.ui.LayoutView](*(discord.ui.TextDisplay(text) for text in paragraphs))
    unmute = report.muted_until is not None or not shown.named
    mutes = (*_DAYS, ReporterAction.UNMUTE) if unmute else tuple(_DAYS)
    for actions in (mutes, (ReporterAction.DROP, ReporterAction.RESTORE)):
        buttons = [ReporterButton(shown.case_id, report.report_id, action) for action in actions]
        container.add_item(discord.ui.ActionRow[Any](*buttons))
    container.add_item(discord.ui.ActionRow[Any](ReportersPage(shown.case_id, page, words.BACK)))
    return framed(container)
