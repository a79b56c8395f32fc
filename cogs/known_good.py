"""Pictures known to be harmless: what lies nearer to one of them than to a blocked one stays up."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.model import BankKind, Category

from . import lists
from .access import Interaction, app_of, require_moderator
from .ui import enrolment_texts as words
from .ui.answers import show
from .ui.modals import NOTE_LENGTH


@app_commands.default_permissions(manage_messages=True)
class KnownGood(commands.GroupCog, group_name="known-good", group_description="Pictures that are always allowed here"):
    """Commands of moderators; the permission is checked again at every use."""

    @app_commands.command(name="add", description="List a harmless picture, such as an official photo")
    @app_commands.describe(
        picture="The picture; it is fingerprinted and not kept",
        note="For the other moderators, such as where it was published",
    )
    async def add(
        self,
        interaction: Interaction,
        picture: discord.Attachment,
        note: app_commands.Range[str, 0, NOTE_LENGTH] = "",
    ) -> None:
        """List an uploaded picture as known-good."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_moderator(interaction)
        app = app_of(interaction)
        fingerprint = await app.scanner.reference(lists.uploaded(picture), server)
        added = await app.banks.add(
            await app.banks.own(server.guild_id, BankKind.KNOWN_GOOD),
            fingerprint,
            Category.OTHER,
            note=" ".join(note.split()),
            by=interaction.user.id,
            source="moderator",
        )
        first = words.known_good_listed(added.entry, existing=added.existing)
        await show(interaction, words.KNOWN_GOOD_TITLE, [first, *added.warnings])

    @app_commands.command(name="list", description="The known-good pictures, newest first")
    @app_commands.describe(page="Which page; ten entries each")
    async def list_page(self, interaction: Interaction, page: app_commands.Range[int, 1, 100_000] = 1) -> None:
        """One page of the known-good list."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await lists.show_page(interaction, BankKind.KNOWN_GOOD, page)

    @app_commands.command(name="revoke", description="Take an entry out: it protects nothing any more")
    @app_commands.describe(entry="Its number, such as E-5")
    async def revoke_one(self, interaction: Interaction, entry: str) -> None:
        """Revoke one entry."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await lists.revoke(interaction, BankKind.KNOWN_GOOD, entry)

    @revoke_one.autocomplete("entry")
    async def suggest(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        """Entries that fit what was typed so far."""
        return await lists.suggest(interaction, BankKind.KNOWN_GOOD, current)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(KnownGood())
