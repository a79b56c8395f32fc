"""What the commands of the blocklist and of the known-good list have in common."""

from __future__ import annotations

from collections.abc import Mapping

import discord
from discord import app_commands

from bot.client.permissions import may_moderate
from bot.errors import NotFoundError
from bot.model import BankKind, Entry, MediaRef, Surface

from .access import Interaction, app_of, require_decider, require_moderator, rights, role_ids, server_of
from .ui import entries, texts
from .ui.answers import say, show

PAGE = 10
SUGGESTIONS = 25

_TITLES: Mapping[BankKind, str] = {BankKind.BLOCK: "Blocklist", BankKind.KNOWN_GOOD: "Known-good list"}
_COMMANDS: Mapping[BankKind, str] = {BankKind.BLOCK: "/blocklist", BankKind.KNOWN_GOOD: "/known-good"}


def uploaded(picture: discord.Attachment) -> MediaRef:
    """A picture that came with a command. Its bytes are fetched once, fingerprinted and forgotten."""
    return MediaRef(f"command:{picture.id}", Surface.COMMAND, picture.url, picture.filename, picture.size)


async def show_page(interaction: Interaction, kind: BankKind, page: int) -> None:
    """One page of the entries that this server sees, newest first."""
    server = await require_moderator(interaction)
    app = app_of(interaction)
    listed, total = await app.banks.list(server.guild_id, kind, limit=PAGE, offset=(page - 1) * PAGE)
    pages = max(1, -(-total // PAGE))
    if page > pages:
        raise NotFoundError(texts.no_such_page(page, pages))
    lines = [entries.line(entry, app.matcher.bank(entry.bank_id)) for entry in listed]
    footer = texts.page_footer(page, pages, total, _COMMANDS[kind])
    await show(interaction, _TITLES[kind], ["\n".join(lines) or texts.EMPTY_LIST, footer])


async def show_entry(interaction: Interaction, written: str) -> None:
    """One entry with all that is kept about it."""
    server = await require_moderator(interaction)
    entry, bank = await app_of(interaction).banks.show(entries.number_of(written), guild_id=server.guild_id)
    await show(interaction, f"Entry E-{entry.id}", entries.details(entry, bank))


async def revoke(interaction: Interaction, kind: BankKind, written: str) -> None:
    """Take an entry of this kind out of matching."""
    server = await require_moderator(interaction)
    banks = app_of(interaction).banks
    number = entries.number_of(written)
    entry, bank = await banks.show(number, guild_id=server.guild_id)
    if bank.kind is not kind:
        raise NotFoundError(texts.other_list(number, _COMMANDS[bank.kind]))
    require_decider(interaction, server, entry.category)
    if entry.revoked_at is not None:
        await say(interaction, texts.revoked_before(number, entry.revoked_at))
        return
    await banks.revoke(number, guild_id=server.guild_id, by=interaction.user.id)
    await say(interaction, texts.revoked(number, kind))


async def suggest(interaction: Interaction, kind: BankKind, current: str) -> list[app_commands.Choice[str]]:
    """The newest entries whose number or note holds what was typed; nothing for who may not see the list."""
    server = await server_of(interaction)
    if not may_moderate(server, role_ids(interaction), rights(interaction)):
        return []
    listed, _ = await app_of(interaction).banks.list(server.guild_id, kind, limit=200)
    wanted = current.strip().casefold()
    fitting = [entry for entry in listed if _fits(entry, wanted)][:SUGGESTIONS]
    return [app_commands.Choice(name=entries.suggestion(entry), value=f"E-{entry.id}") for entry in fitting]


def _fits(entry: Entry, wanted: str) -> bool:
    return wanted in f"e-{entry.id}" or wanted in entries.note_of(entry).casefold()
