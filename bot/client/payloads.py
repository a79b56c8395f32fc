"""What the outbox's calls carry, read with the care that rows of a database deserve: an older program wrote some."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import discord

from bot.model import Call
from bot.outbox import CallError

LONGEST_MESSAGE = 2000
"""Characters of text that Discord takes in one message."""

LONGEST_LABEL = 80
"""Characters of a button that Discord takes."""


def number(call: Call, name: str) -> int:
    """A value that is an id or a count. Raises CallError, as all of these do: no other attempt would find it."""
    value = call.payload.get(name)
    if not isinstance(value, int):
        raise lacks(call, name)
    return value


def text(call: Call) -> str:
    """The text of a message, as long as Discord takes."""
    return str(call.payload.get("text") or "")[:LONGEST_MESSAGE]


def moment(call: Call, name: str) -> datetime:
    """A value that is a time, in ISO 8601 with an offset."""
    value = call.payload.get(name)
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise lacks(call, name)
    return read


def button(call: Call) -> discord.ui.Button[discord.ui.View] | None:
    """The button below a direct message: its press is answered from its custom id alone, after any restart."""
    value = call.payload.get("button")
    if value is None:
        return None
    label, custom_id = (value.get("label"), value.get("custom_id")) if isinstance(value, Mapping) else (None, None)
    if not label or not custom_id:
        raise lacks(call, "button")
    return discord.ui.Button(label=label[:LONGEST_LABEL], custom_id=custom_id)


def mentioned_role(call: Call) -> int | None:
    """The only role whose members a message may notify, whatever its text says; None for nobody."""
    value = call.payload.get("mention_role")
    return value if isinstance(value, int) else None


def lacks(call: Call, name: str) -> CallError:
    """What is said of a call that does not say what it needs to."""
    return CallError(f"A pending call ({call.kind}) lacks its {name}.", permanent=True)
