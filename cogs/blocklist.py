"""Blocking pictures: from a message by its menu, and by ``/blocklist`` with an upload."""

from __future__ import annotations

import functools

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.model import BankKind, BankLevel, Category, MessageRef

from . import lists
from .access import Interaction, app_of, require_admin, require_moderator
from .enrolment import Enrolment
from .messages import pictures_of_target
from .ui import enrolment_texts as words
from .ui import texts
from .ui.answers import say
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
        enrolment = Enrolment(None, Category(category.value), " ".join(note.split()))
        await enrolment.run(interaction, server, [lists.uploaded(picture)])

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

    @app_commands.command(name="level", description="Set the most that a match with this server's blocklist leads to")
    @app_commands.describe(level="The server's mode may allow less")
    @app_commands.choices(level=words.LEVEL_CHOICES)
    async def level(self, interaction: Interaction, level: app_commands.Choice[str]) -> None:
        """Change the level of the server's own list."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_admin(interaction)
        chosen = BankLevel(level.value)
        app = app_of(interaction)
        await app.banks.set_level(server.guild_id, chosen, by=interaction.user.id)
        now = words.from_now_on(server.mode, chosen, strict=app.scanner.strict(server))
        await say(interaction, words.level_set(chosen, now))

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
    await Enrolment(target, form.category, form.note).run(interaction, server, form.pictures)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Blocklist(bot))
