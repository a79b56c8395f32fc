"""Blocking pictures: from a message by its menu, and by ``/blocklist`` with an upload."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.cases.hunt import Blocked
from bot.client import StanguardBot
from bot.errors import StanguardError
from bot.model import BankKind, Category, GuildSettings, MediaRef, MessageRef, Mode

from . import lists
from .access import Interaction, app_of, require_moderator
from .messages import pictures_of_target
from .ui import texts
from .ui.answers import show
from .ui.modals import NOTE_LENGTH, PictureForm


@app_commands.default_permissions(manage_messages=True)
class Blocklist(commands.GroupCog, group_name="blocklist", group_description="Pictures that are not allowed here"):
    """Commands of moderators; the permission is checked again at every use."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._menu = app_commands.ContextMenu(name=texts.BLOCK_TITLE, callback=self.block_message)
        self._menu.default_permissions = discord.Permissions(manage_messages=True)

    async def cog_load(self) -> None:
        """Offer the message menu."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the message menu back."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="add", description="Block a picture: copies are removed from now on")
    @app_commands.describe(
        picture="The picture; it is fingerprinted and not kept",
        category="What it is",
        note="For the other moderators; please no names of the people shown",
    )
    @app_commands.choices(category=texts.CATEGORY_CHOICES)
    async def add(
        self,
        interaction: Interaction,
        picture: discord.Attachment,
        category: app_commands.Choice[str],
        note: app_commands.Range[str, 0, NOTE_LENGTH] = "",
    ) -> None:
        """Block an uploaded picture."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_moderator(interaction)
        chosen = Category(category.value)
        blocked = await _block(interaction, server, None, lists.uploaded(picture), chosen, " ".join(note.split()))
        await _tell(interaction, server, chosen, [blocked])

    @app_commands.command(name="list", description="The blocked pictures, newest first")
    @app_commands.describe(page="Which page; ten entries each")
    async def list_page(self, interaction: Interaction, page: app_commands.Range[int, 1, 100_000] = 1) -> None:
        """One page of the blocklist."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await lists.show_page(interaction, BankKind.BLOCK, page)

    @app_commands.command(name="show", description="Everything about one entry")
    @app_commands.describe(entry="Its number, such as E-5")
    async def show_one(self, interaction: Interaction, entry: str) -> None:
        """One entry."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await lists.show_entry(interaction, entry)

    @app_commands.command(name="revoke", description="Take an entry out: it matches nothing any more")
    @app_commands.describe(entry="Its number, such as E-5")
    async def revoke_one(self, interaction: Interaction, entry: str) -> None:
        """Revoke one entry."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await lists.revoke(interaction, BankKind.BLOCK, entry)

    @show_one.autocomplete("entry")
    @revoke_one.autocomplete("entry")
    async def suggest(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        """Entries that fit what was typed so far."""
        return await lists.suggest(interaction, BankKind.BLOCK, current)

    async def block_message(self, interaction: Interaction, message: discord.Message) -> None:
        """The message menu: ask what it is, then block."""
        del message  # parsed by discord.py, which leaves media out; the raw JSON is read instead
        await require_moderator(interaction)
        target, media = pictures_of_target(interaction)
        submitted = functools.partial(_block_form, target)
        form = PictureForm(interaction, texts.BLOCK_TITLE, media, submitted, note=True)
        await interaction.response.send_modal(form)


async def _block_form(target: MessageRef, interaction: Interaction, form: PictureForm) -> None:
    server = await require_moderator(interaction)
    blocked: list[Blocked] = []
    problems: list[StanguardError] = []
    for item in form.pictures:
        try:
            blocked.append(await _block(interaction, server, target, item, form.category, form.note))
        except StanguardError as error:
            problems.append(error)
    if not blocked:
        raise problems[0]
    await _tell(interaction, server, form.category, blocked, [str(error) for error in problems])


async def _block(
    interaction: Interaction,
    server: GuildSettings,
    message: MessageRef | None,
    item: MediaRef,
    category: Category,
    note: str,
) -> Blocked:
    app = app_of(interaction)
    fingerprint = await app.scanner.fingerprint(item)
    return await app.hunter.block(
        server, message, item.media_id, item.surface, fingerprint, category, note, interaction.user.id
    )


async def _tell(
    interaction: Interaction,
    server: GuildSettings,
    category: Category,
    blocked: Sequence[Blocked],
    problems: Sequence[str] = (),
) -> None:
    paragraphs = [*(texts.blocked(one) for one in blocked), *problems]
    if server.mode is Mode.OBSERVE:
        paragraphs.append(texts.ONLY_OBSERVING)
    if category is Category.MINOR_SUSPECTED:
        paragraphs.append(texts.MINOR_GUIDANCE)
    await show(interaction, texts.BLOCKED_TITLE, paragraphs)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Blocklist(bot))
