"""Who reported a case, and ``/reporter``: what moderators do about those who report in bad faith.

Every answer is seen by who asked alone. Where the server shows nobody who reports, what is done by name is answered in
the same words whether that member reported anything or not.
"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import NotAllowedError, NotFoundError
from bot.model import GuildSettings
from bot.reports.reporters import NO_REPORT, ByMember, ByReport, Moderator, Target

from .access import Interaction, app_of, case_of, may_escalated, require_scope, scope_of
from .ui import reporters_texts as words
from .ui.answers import explain, say, show_view
from .ui.reporters import (
    ReporterAction,
    ReporterButton,
    ReportersButton,
    ReportersMenu,
    ReportersPage,
    reporter_view,
    reporters_view,
)

Person = discord.Member | discord.User
_MEMBER = "Whose reports; also somebody who left"


@app_commands.default_permissions(manage_messages=True)
class Reporters(commands.GroupCog, group_name="reporter", group_description="Members who report in bad faith"):
    """For those who may decide cases; checked again at every use."""

    # ------------------------------------------------------------------------------------------- from a card

    @commands.Cog.listener()
    async def on_reporters_press(self, interaction: Interaction, button: ReportersButton) -> None:
        """A moderator wants to know who reported a case."""
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await show_reporters(interaction, button.case_id)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    @commands.Cog.listener()
    async def on_reporters_page(self, interaction: Interaction, button: ReportersPage) -> None:
        """Somebody turned a page of the list, or went back to it."""
        try:
            await interaction.response.defer()
            await interaction.edit_original_response(view=await _page(interaction, button.case_id, button.page))
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    @commands.Cog.listener()
    async def on_reporter_chosen(self, interaction: Interaction, menu: ReportersMenu) -> None:
        """Somebody chose one report of the list."""
        try:
            await interaction.response.defer()
            await _show_one(interaction, menu.case_id, menu.report_id)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    @commands.Cog.listener()
    async def on_reporter_press(self, interaction: Interaction, button: ReporterButton) -> None:
        """Somebody acts on whoever made a report."""
        try:
            await interaction.response.defer()
            server, _ = await case_of(interaction, button.case_id)
            target = ByReport(server.guild_id, button.case_id, button.report_id)
            done = await _act(interaction, server, target, button.action, told=True)
            await _show_one(interaction, button.case_id, button.report_id, done)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    # ------------------------------------------------------------------------------------------- by name

    @app_commands.command(name="mute", description="Take no reports from a member for a while")
    @app_commands.describe(member=_MEMBER, time="For how long")
    @app_commands.choices(time=words.MUTE_CHOICES)
    async def mute(self, interaction: Interaction, member: Person, time: app_commands.Choice[int]) -> None:
        """Mute a reporter."""
        await _by_name(interaction, member, ReporterAction(f"mute-{time.value}"))

    @app_commands.command(name="unmute", description="Take reports from a member again")
    @app_commands.describe(member=_MEMBER)
    async def unmute(self, interaction: Interaction, member: Person) -> None:
        """End a mute."""
        await _by_name(interaction, member, ReporterAction.UNMUTE)

    @app_commands.command(name="drop", description="Drop all open reports of a member who reports in bad faith")
    @app_commands.describe(member=_MEMBER)
    async def drop(self, interaction: Interaction, member: Person) -> None:
        """Drop the open reports of a member."""
        await _by_name(interaction, member, ReporterAction.DROP)

    @app_commands.command(name="restore", description="Let the reports stand again that were dropped last")
    @app_commands.describe(member=_MEMBER)
    async def restore(self, interaction: Interaction, member: Person) -> None:
        """Take back what dropped the reports of a member."""
        await _by_name(interaction, member, ReporterAction.RESTORE)

    @app_commands.command(
        name="show", description="How often a member's reports were right, and whether they are muted"
    )
    @app_commands.describe(member=_MEMBER)
    async def show(self, interaction: Interaction, member: Person) -> None:
        """A member as a reporter."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, scope = await require_scope(interaction)
        known = await app_of(interaction).casebook.history(server.guild_id, member.id, scope)
        if known.reports_by is None or known.record is None:
            raise NotAllowedError(words.NOT_SHOWN)
        shown = words.reporter(member.id, known.record, known.reports_by.waiting, known.muted_until)
        await say(interaction, "\n".join(shown))


async def show_reporters(interaction: Interaction, case_id: int) -> None:
    """Answer with who reported a case, for whoever may decide it."""
    await show_view(interaction, await _page(interaction, case_id, 0))


async def _page(interaction: Interaction, case_id: int, page: int) -> discord.ui.LayoutView:
    server, _ = await case_of(interaction, case_id)
    reporters = app_of(interaction).reporters
    shown = await reporters.of_case(server.guild_id, case_id, _moderator(interaction, server))
    return reporters_view(shown, page)


async def _show_one(interaction: Interaction, case_id: int, report_id: int, done: str = "") -> None:
    server, _ = await case_of(interaction, case_id)
    reporters = app_of(interaction).reporters
    shown = await reporters.of_case(server.guild_id, case_id, _moderator(interaction, server))
    chosen = next((report for report in shown.reports if report.report_id == report_id), None)
    if chosen is None:
        raise NotFoundError(NO_REPORT)
    await interaction.edit_original_response(view=reporter_view(shown, chosen, done))


async def _by_name(interaction: Interaction, member: Person, action: ReporterAction) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    server, _ = await require_scope(interaction)
    target = ByMember(server.guild_id, member.id)
    await say(interaction, await _act(interaction, server, target, action, told=server.show_reporters))


async def _act(
    interaction: Interaction, server: GuildSettings, target: Target, action: ReporterAction, *, told: bool
) -> str:
    """Do it, and say what was done. ``told``: the answer may tell what the member had reported."""
    reporters, moderator = app_of(interaction).reporters, _moderator(interaction, server)
    if action.days is not None:
        return words.muted(await reporters.mute(target, moderator, action.days))
    if action is ReporterAction.UNMUTE:
        was_muted = await reporters.unmute(target, moderator)
        return words.unmuted(was_muted=was_muted) if told and server.show_reporters else words.UNMUTED
    if action is ReporterAction.DROP:
        number = await reporters.drop(target, moderator, request_id=interaction.id)
        return words.dropped(number) if told else words.DROPPED
    what = await reporters.restore(target, moderator, request_id=interaction.id)
    return words.restored(what) if told else words.RESTORED


def _moderator(interaction: Interaction, server: GuildSettings) -> Moderator:
    return Moderator(interaction.user.id, scope_of(interaction, server), may_escalated(interaction, server))


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(ReportersButton, ReportersPage, ReportersMenu, ReporterButton)
    await bot.add_cog(Reporters())
