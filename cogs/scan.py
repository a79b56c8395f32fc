"""``/scan``: reading what was posted before, on request, and how far all such reading is."""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.client.permissions import lacks_to_read
from bot.client.progress import ProgressMessages
from bot.errors import NotAllowedError
from bot.history.discord import UnreadableError
from bot.history.requests import Requested, Status
from bot.history.since import DEFAULT

from .access import Interaction, app_of, require_admin, require_moderator
from .ui import scan_texts as words
from .ui.answers import explain, notice, replace, say, show_view
from .ui.pages import ROOM, Page, Pages, pack
from .ui.questions import Choice, Question
from .ui.scan_cards import ScanAction, ScanButton, progress_view

Found = app_commands.AppCommandChannel | app_commands.AppCommandThread
Since = app_commands.Range[str, 1, 40]


class HoldsMessages(app_commands.Transformer):
    """A channel or thread in which messages stand, cached or not: archived threads are not."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """A channel."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Forums are left out: what they hold stands in their posts, which are threads."""
        return [
            discord.ChannelType.text,
            discord.ChannelType.news,
            discord.ChannelType.voice,
            discord.ChannelType.stage_voice,
            discord.ChannelType.public_thread,
            discord.ChannelType.private_thread,
            discord.ChannelType.news_thread,
        ]

    async def transform(self, interaction: discord.Interaction, value: Found, /) -> Found:  # type: ignore[override]
        """What Discord sent, as it is."""
        del interaction
        return value


@app_commands.default_permissions(manage_messages=True)
class Scan(commands.GroupCog, group_name="scan", group_description=words.GROUP):
    """For moderators; the whole server is for members with Manage Server. Checked again at every use."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._messages = ProgressMessages(bot, progress_view)

    async def cog_load(self) -> None:
        """Keep the messages true that show how far scans are, those from before a restart included."""
        self._bot.app.progress.connect(self._messages.change, self._messages.serves)

    async def cog_unload(self) -> None:
        """Leave them as they are."""
        self._bot.app.progress.disconnect()

    @app_commands.command(name="status", description=words.STATUS)
    async def status(self, interaction: Interaction) -> None:
        """All reading in this server."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await Pages(interaction, _status).show(interaction)

    @app_commands.command(name="channel", description=words.CHANNEL)
    @app_commands.describe(channel=words.CHANNEL_OPTION, since=words.SINCE_OPTION)
    async def channel(
        self,
        interaction: Interaction,
        channel: app_commands.Transform[Found, HoldsMessages] | None = None,
        since: Since = DEFAULT,
    ) -> None:
        """Read one channel or thread."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_moderator(interaction)
        app = app_of(interaction)
        if channel is not None and not (channel.permissions.view_channel and channel.permissions.read_message_history):
            raise NotAllowedError(words.NOT_SEEN)
        channel_id = interaction.channel_id if channel is None else channel.id
        assert channel_id is not None, "a command in a server is used in a channel"
        begin = app.scans.since(since)
        try:
            requested = await app.scans.request_channel(server.guild_id, channel_id, begin, interaction.user.id)
        except UnreadableError:
            if lacking := _lacking(interaction, channel_id):
                raise NotAllowedError(words.cannot_read(channel_id, lacking)) from None
            raise
        await show_view(interaction, await self._answer(interaction, requested))

    @app_commands.command(name="server", description=words.SERVER)
    @app_commands.describe(since=words.SINCE_OPTION)
    async def server(self, interaction: Interaction, since: Since = DEFAULT) -> None:
        """Ask whether the whole server is to be read."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_admin(interaction)
        scans = app_of(interaction).scans
        begin = scans.since(since)
        if standing := await scans.server_scan(server.guild_id):
            await show_view(interaction, progress_view(standing, note=words.already(standing)))
            return
        outlook = await scans.outlook(server.guild_id, begin)
        question = words.server_question(outlook, begin, scans.messages_per_second)
        choices = [
            Choice(words.SERVER_YES, functools.partial(self._scan_server, begin), discord.ButtonStyle.primary),
            Choice(words.SERVER_NO, _leave_server),
        ]
        await Question(interaction, words.SERVER_TITLE, question, choices, too_late=words.SERVER_LEFT).ask(interaction)

    @channel.autocomplete("since")
    @server.autocomplete("since")
    async def propose(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """How far back, while somebody types."""
        del interaction
        return words.choices(typed)

    @commands.Cog.listener()
    async def on_scan_press(self, interaction: Interaction, button: ScanButton) -> None:
        """Somebody pauses a scan, lets it go on, or cancels it."""
        try:
            await interaction.response.defer()
            server = await require_moderator(interaction)
            try:
                await _press(interaction, server.guild_id, button)
            except NotAllowedError as error:  # somebody was faster; what they did is shown
                await say(interaction, str(error))
            progress = await app_of(interaction).scans.progress(server.guild_id, button.sweep_id)
            with contextlib.suppress(discord.NotFound):  # somebody deleted the message meanwhile
                await interaction.edit_original_response(view=progress_view(progress))
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    async def _scan_server(self, begin: datetime, interaction: Interaction) -> None:
        server = await require_admin(interaction)
        await replace(interaction, words.SERVER_TITLE, [words.LOOKING])
        requested = await app_of(interaction).scans.request_server(server.guild_id, begin, interaction.user.id)
        answer = await self._answer(interaction, requested)
        with contextlib.suppress(discord.NotFound):  # the person dismissed it
            await interaction.edit_original_response(view=answer)

    async def _answer(self, interaction: Interaction, requested: Requested) -> discord.ui.LayoutView:
        """Show a new scan in the channel where it was asked for; what to tell who asked."""
        progress, scans = requested.progress, app_of(interaction).scans
        if not requested.new:
            return progress_view(progress, note=words.already(progress))
        channel_id = interaction.channel_id
        message_id = None
        if channel_id is not None and _may_write(interaction):
            message_id = await self._messages.post(channel_id, progress)
        if channel_id is None or message_id is None:
            return progress_view(progress, note=words.NOT_POSTED)
        await scans.show_in(progress.sweep.id, channel_id, message_id)
        address = f"https://discord.com/channels/{progress.sweep.guild_id}/{channel_id}/{message_id}"
        now = interaction.created_at
        return notice(words.STARTED, words.started(progress, address, now, scans.messages_per_second))


async def _leave_server(interaction: Interaction) -> None:
    await replace(interaction, words.SERVER_TITLE, [words.SERVER_LEFT])


async def _press(interaction: Interaction, guild_id: int, button: ScanButton) -> None:
    scans, by = app_of(interaction).scans, interaction.user.id
    match button.action:
        case ScanAction.PAUSE:
            await scans.pause(guild_id, button.sweep_id, by)
        case ScanAction.GO_ON:
            await scans.go_on(guild_id, button.sweep_id, by)
        case ScanAction.CANCEL:
            await scans.cancel(guild_id, button.sweep_id, by)


async def _status(interaction: Interaction, number: int) -> Page:
    server = await require_moderator(interaction)
    told: Status = await app_of(interaction).scans.status(server.guild_id)
    lacking = {one.channel_id: _lacking(interaction, one.channel_id) for one in told.unreadable}
    heading = f"### {words.STATUS_TITLE}"
    pages = pack(words.status(told, lacking), ROOM - len(heading))
    number = min(number, len(pages))
    return Page([heading, pages[number - 1]], number, len(pages))


def _lacking(interaction: Interaction, channel_id: int) -> tuple[str, ...] | None:
    """What the bot lacks to read a channel; None for one that it does not know."""
    guild = interaction.guild
    channel = None if guild is None else guild.get_channel_or_thread(channel_id)
    return None if guild is None or channel is None else lacks_to_read(channel, guild.me)


def _may_write(interaction: Interaction) -> bool:
    """Whether the bot may write where it was asked: each refusal counts towards Discord's limit of them."""
    here = interaction.app_permissions
    thread = isinstance(interaction.channel, discord.Thread)
    return here.view_channel and (here.send_messages_in_threads if thread else here.send_messages)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(ScanButton)
    await bot.add_cog(Scan(bot))
