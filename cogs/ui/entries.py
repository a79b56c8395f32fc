"""Entries of the lists, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import discord

from bot.errors import NotFoundError
from bot.model import Bank, BankKind, Category, Entry, Fingerprint, Form

from . import texts

NUMBER = re.compile(r"\s*(?:E-?)?([0-9]{1,18})\s*", re.IGNORECASE)
SHOWN_NOTE = 80
NO_FEATURES = "No local features are kept, so crops, screenshots and collages are not found"


def number_of(written: str) -> int:
    """The number of an entry as people write it: ``E-5``, ``e5`` or ``5``. NotFoundError for anything else."""
    match = NUMBER.fullmatch(written)
    if match is None:
        raise NotFoundError(texts.NOT_AN_ENTRY)
    return int(match[1])


def line(entry: Entry, bank: Bank | None) -> str:
    """One entry in a list."""
    parts = [f"**E-{entry.id}**"]
    if bank is None or bank.kind is BankKind.BLOCK:
        parts.append(texts.CATEGORIES[entry.category])
    parts.append(_added(entry))
    if bank is not None and bank.guild_id is None:
        parts.append(f"from the installation's list *{discord.utils.escape_markdown(bank.name)}*")
    if note_of(entry):
        parts.append(_note(entry))
    return "- " + " · ".join(parts)


def details(entry: Entry, bank: Bank) -> Sequence[str]:
    """Everything about one entry but its fingerprint, which would tell how to get around it."""
    whose = "this server's" if bank.guild_id is not None else "the installation's"
    kind = "blocked" if bank.kind is BankKind.BLOCK else "known-good"
    lines = [f"On {whose} list *{discord.utils.escape_markdown(bank.name)}* ({kind})"]
    if bank.kind is BankKind.BLOCK:
        lines.append(f"Category: {texts.CATEGORIES[entry.category]}")
    lines.append(f"{_added(entry, 'Added')} · source: {entry.source}")
    if entry.case_id is not None:
        lines.append(f"From case #{entry.case_id}")
    if note_of(entry):
        lines.append(f"Note: {_note(entry)}")
    if entry.category is Category.MINOR_SUSPECTED:
        lines.append(texts.CHILD_SAFETY_CARE)
    else:
        size = entry.fingerprint
        frames = f", {size.frames} frames" if size.frames > 1 else ""
        if size.width:
            lines.append(f"The listed file: {size.width} by {size.height} pixels{frames}")
        lines.append(f"Found by: {_kept(size)}")
        if size.views:
            lines.append("Crops, screenshots and collages are found too" if size.has_features else NO_FEATURES)
    if entry.revoked_at is not None:
        by = f" by <@{entry.revoked_by}>" if entry.revoked_by is not None else ""
        lines.append(f"**Revoked** {texts.ago(entry.revoked_at)}{by}; it matches nothing any more.")
    return ["\n".join(lines)]


def _kept(fingerprint: Fingerprint) -> str:
    """What copies are found by, without what it is."""
    kept: list[str] = []
    for form, word in ((Form.WHOLE, "as posted"), (Form.TRIMMED, "without its border")):
        frames = {view.frame for view in fingerprint.views if view.form is form}
        if frames:
            kept.append(f"its look {word}" + (f" ({len(frames)} frames)" if len(frames) > 1 else ""))
    if fingerprint.views and not any(view.grid for view in fingerprint.views):
        kept.append("hashes alone, without a grid")
    if fingerprint.has_features:
        kept.append("local features")
    if fingerprint.pdq:
        kept.append(texts.count(len(fingerprint.pdq), "PDQ hash", "PDQ hashes"))
    if fingerprint.sha256 or fingerprint.md5:
        kept.append("the exact file" if kept else "the exact file only")
    return ", ".join(kept)


def suggestion(entry: Entry) -> str:
    """An entry in a list of suggestions, at most 100 characters."""
    note = f" · {note_of(entry)}" if note_of(entry) else ""
    return f"E-{entry.id} · {texts.CATEGORIES[entry.category]}{note}"[:100]


def note_of(entry: Entry) -> str:
    """The note on one line; none in the lane of suspected minors, which shows no detail."""
    return "" if entry.category is Category.MINOR_SUSPECTED else " ".join(entry.note.split())


def _added(entry: Entry, word: str = "added") -> str:
    by = f" by <@{entry.added_by}>" if entry.added_by is not None else ""
    return f"{word} {texts.ago(entry.added_at)}{by}"


def _note(entry: Entry) -> str:
    note = note_of(entry)
    shown = note if len(note) <= SHOWN_NOTE else note[: SHOWN_NOTE - 1] + "…"
    return discord.utils.escape_markdown(shown)
