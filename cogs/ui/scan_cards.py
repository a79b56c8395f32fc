"""The message that shows how far a scan of earlier posts is, and its buttons, which work after a restart."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import discord

from bot.history.progress import Progress
from bot.model import SweepKind, SweepState

from . import scan_texts as words
from .cards import CONFIRMED, NEEDS_REVIEW, NOT_A_MATCH, URGENT
from .persistent import Button, PersistentItem, framed


class ScanAction(StrEnum):
    """What a button does; part of its custom id."""

    PAUSE = "pause"
    GO_ON = "go_on"
    CANCEL = "cancel"


_LOOKS = {
    ScanAction.PAUSE: (words.PAUSE, discord.ButtonStyle.secondary),
    ScanAction.GO_ON: (words.GO_ON, discord.ButtonStyle.primary),
    ScanAction.CANCEL: (words.CANCEL, discord.ButtonStyle.danger),
}


class ScanButton(PersistentItem[Button], path="scan:{sweep_id}:{action}", event="scan_press", actions=ScanAction):
    """One press pauses a scan, lets it go on, or cancels it."""

    def __init__(self, sweep_id: int, action: ScanAction) -> None:
        label, style = _LOOKS[action]
        custom_id = self.id_of(sweep_id=sweep_id, action=action)
        super().__init__(Button(label=label, style=style, custom_id=custom_id))
        self.sweep_id = sweep_id
        self.action = action


def progress_view(progress: Progress, *, note: str = "") -> discord.ui.LayoutView:
    """How far a scan is, with its buttons; once it is over, its result in one sentence and no button.

    ``note`` stands above, for whoever asked. Names nobody but who asked for the scan.
    """
    parts = [note] if note else []
    if progress.over:
        parts.append(words.result(progress))
    else:
        parts += [f"### {words.title(progress)}", "\n".join(words.lines(progress))]
    parts.append(words.origin(progress))
    container = discord.ui.Container[discord.ui.LayoutView](
        *(discord.ui.TextDisplay(part) for part in parts), accent_colour=_accent(progress)
    )
    actions = _actions(progress)
    if actions:
        container.add_item(discord.ui.ActionRow[Any](*(ScanButton(progress.sweep.id, action) for action in actions)))
    return framed(container)


def _actions(progress: Progress) -> tuple[ScanAction, ...]:
    if progress.over or progress.all_read or progress.sweep.kind is SweepKind.CATCH_UP:
        return ()
    paused = progress.sweep.state is SweepState.PAUSED
    return (ScanAction.GO_ON if paused else ScanAction.PAUSE, ScanAction.CANCEL)


def _accent(progress: Progress) -> discord.Colour:
    match progress.sweep.state:
        case SweepState.PAUSED:
            return NEEDS_REVIEW
        case SweepState.CANCELLED:
            return CONFIRMED
        case _ if words.broke_off(progress):
            return NEEDS_REVIEW
        case _:
            return NOT_A_MATCH if progress.over else URGENT
