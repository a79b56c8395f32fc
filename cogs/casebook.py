"""Looking cases up: ``/case`` and ``/history``. Every answer is seen by who asked alone.

A case that the member may not know of, or of another server, is answered as if it did not exist.
"""

from __future__ import annotations

import functools
import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.cases.claims import LONGEST_NOTE
from bot.client import StanguardBot
from bot.client.permissions import may_configure, may_decide_case
from bot.errors import NotAllowedError
from bot.model import CaseFilter, CaseOrder, CaseView, Category, Decision, GuildSettings

from .access import (
    Interaction,
    app_of,
    may_escalated,
    require_scope,
    require_undoer,
    rights,
    scope_of,
    server_of,
)
from .reporters import show_reporters
from .ui import casebook_pages as pages
from .ui import casebook_texts as words
from .ui import texts
from .ui.answers import say
from .ui.pages import Page, Pages

SUGGESTIONS = 25
LOOKED_THROUGH = 200
"""Cases whose suggestions are looked through for words that were typed instead of a number."""

LONGEST_TEXT = 100

Channel = app_commands.AppCommandChannel | app_commands.AppCommandThread
Person = discord.Member | discord.User
Choice = app_commands.Choice[str]

_FILTERS = {
    "state": "How it stands",
    "category": "What it is about",
    "decision": "How it was decided",
    "age": "When it was opened",
    "channel": "Where a copy was posted",
    "moderator": "Who holds it, decided it or wrote in its history",
    "author": "Who posted a copy",
    "order": "What comes first",
}
_CHOICES = {
    "state": words.STATE_CHOICES,
    "category": texts.CATEGORY_CHOICES,
    "decision": words.DECISION_CHOICES,
    "age": words.AGE_CHOICES,
    "order": words.ORDER_CHOICES,
}
_CASE = "Its number, such as #12"


@app_commands.default_permissions(manage_messages=True)
class Casebook(commands.GroupCog, group_name="case", group_description="Cases: look them up, take them, note things"):
    """Commands of moderators and of the child-safety role; the permission is checked again at every use."""

    # ------------------------------------------------------------------------------------------- looking up

    @app_commands.command(name="show", description="All that is kept of a case, with its history")
    @app_commands.describe(case=_CASE)
    async def show(self, interaction: Interaction, case: str) -> None:
        """One case, page by page."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await Pages(interaction, functools.partial(_story, case)).show(interaction)

    @app_commands.command(
        name="list", description="Cases that wait for a decision, or others, newest first or by urgency"
    )
    @app_commands.describe(**_FILTERS)
    @app_commands.choices(**_CHOICES)
    async def list_cases(
        self,
        interaction: Interaction,
        state: Choice | None = None,
        category: Choice | None = None,
        decision: Choice | None = None,
        age: Choice | None = None,
        channel: Channel | None = None,
        moderator: Person | None = None,
        author: Person | None = None,
        order: Choice | None = None,
    ) -> None:
        """Cases by how they stand; those that wait unless something else is asked for."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        default = words.WAITING if decision is None else words.ANY
        chosen = default if state is None else state.value
        filters = _filters(interaction, chosen, category, decision, age, channel, moderator, author)
        empty = words.NOTHING_WAITS if filters == CaseFilter(states=words.states_of(words.WAITING)) else None
        title = f"Cases · {words.state_name(chosen)}"
        await _list(interaction, filters, title, empty or words.NOTHING_FOUND, _order(order))

    @app_commands.command(name="search", description="Cases with these words in a note or in a reason")
    @app_commands.describe(text="Words in notes and reasons", **_FILTERS)
    @app_commands.choices(**_CHOICES)
    async def search(
        self,
        interaction: Interaction,
        text: app_commands.Range[str, 1, LONGEST_TEXT],
        state: Choice | None = None,
        category: Choice | None = None,
        decision: Choice | None = None,
        age: Choice | None = None,
        channel: Channel | None = None,
        moderator: Person | None = None,
        author: Person | None = None,
        order: Choice | None = None,
    ) -> None:
        """Cases by what was written, in any state unless one is asked for."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        chosen = words.ANY if state is None else state.value
        filters = _filters(interaction, chosen, category, decision, age, channel, moderator, author, text)
        if not filters.text:
            raise NotAllowedError(words.NOTHING_TYPED)
        await _list(interaction, filters, words.searched(text), words.NOTHING_FOUND, _order(order))

    # ------------------------------------------------------------------------------------------- working on cases

    @app_commands.command(name="next", description="Take the case that is most urgent")
    async def take_next(self, interaction: Interaction) -> None:
        """Claim the next case for who asks."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, scope = await require_scope(interaction)
        line = await app_of(interaction).casebook.take_next(
            server.guild_id,
            interaction.user.id,
            scope,
            may_escalated=may_escalated(interaction, server),
            request_id=interaction.id,
        )
        await say(interaction, words.NOTHING_NEXT if line is None else words.taken(line))

    @app_commands.command(name="note", description="Write something down for the other moderators")
    @app_commands.describe(case=_CASE, text="Your own words; please no names of the people shown")
    async def note(self, interaction: Interaction, case: str, text: app_commands.Range[str, 1, LONGEST_NOTE]) -> None:
        """Keep a note with a case."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        _, view = await _view(interaction, case)
        await app_of(interaction).claims.note(view.case.id, interaction.user.id, text, request_id=interaction.id)
        await say(interaction, words.noted(view.case.id))

    @app_commands.command(name="assign", description="Give a case to a member who may decide it")
    @app_commands.describe(case=_CASE, member="Who shall decide it")
    async def assign(self, interaction: Interaction, case: str, member: Person) -> None:
        """Give a case to somebody."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, view = await _view(interaction, case)
        if not isinstance(member, discord.Member):
            raise NotAllowedError(words.NOT_HERE)
        if not may_decide_case(server, view.case, [role.id for role in member.roles], member.guild_permissions):
            raise NotAllowedError(words.CANNOT_TAKE)
        await app_of(interaction).claims.assign(
            view.case.id, view.case.version, member.id, interaction.user.id, request_id=interaction.id
        )
        await say(interaction, words.assigned(view.case.id, member.id))

    @app_commands.command(name="undo", description="Take a decision back; after a day only with Manage Server")
    @app_commands.describe(case=_CASE)
    async def undo(self, interaction: Interaction, case: str) -> None:
        """Take the decision on a case back, and say what cannot be."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, view = await _view(interaction, case)
        require_undoer(interaction, server, view.case)
        await app_of(interaction).decisions.undo(
            view.case.id,
            view.case.version,
            interaction.user.id,
            admin=may_configure(rights(interaction)),
            request_id=interaction.id,
        )
        events = (await app_of(interaction).cases.view(view.case.id)).events
        said = next((event.detail for event in reversed(events) if event.kind == "undone"), "")
        await say(interaction, words.undone(view.case.id, said))

    @app_commands.command(name="evidence", description="A case as signed files without any picture")
    @app_commands.describe(case=_CASE, tag="Whom it is meant for, of the contacts that the operator set")
    async def evidence(self, interaction: Interaction, case: str, tag: str | None = None) -> None:
        """Hand the evidence pack of a case to whoever may know of it; nothing is sent to anybody else."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, view = await _view(interaction, case)
        pack = await app_of(interaction).evidence.pack(
            view.case.id, guild_id=server.guild_id, by=interaction.user.id, tag=tag
        )
        files = [
            discord.File(io.BytesIO(pack.json), f"{pack.name}.json"),
            discord.File(io.BytesIO(pack.text.encode()), f"{pack.name}.txt"),
        ]
        await interaction.followup.send(words.evidence(view.case.id, pack.key), files=files, ephemeral=True)

    @app_commands.command(name="reports", description="Who reported a case; that you looked stands in its history")
    @app_commands.describe(case=_CASE)
    async def reports(self, interaction: Interaction, case: str) -> None:
        """Who reported a case, for those who may decide it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        _, view = await _view(interaction, case)
        await show_reporters(interaction, view.case.id)

    @evidence.autocomplete("tag")
    async def suggest_tag(self, interaction: Interaction, current: str) -> list[Choice]:
        """The tags that the operator set contacts for."""
        typed = current.strip().casefold()
        tags = [tag for tag in app_of(interaction).evidence.tags() if typed in tag]
        return [Choice(name=tag, value=tag) for tag in tags[:SUGGESTIONS]]

    @show.autocomplete("case")
    @evidence.autocomplete("case")
    @reports.autocomplete("case")
    @note.autocomplete("case")
    @assign.autocomplete("case")
    @undo.autocomplete("case")
    async def suggest(self, interaction: Interaction, current: str) -> list[Choice]:
        """Cases that fit what was typed so far; nothing for who may not know of any."""
        server = await server_of(interaction)
        digits, typed = words.digits_of(current), current.strip().casefold()
        lines = await app_of(interaction).casebook.suggest(
            server.guild_id,
            digits or "",
            scope_of(interaction, server),
            limit=LOOKED_THROUGH if digits is None else SUGGESTIONS,
        )
        fitting = [Choice(name=words.suggestion(line), value=f"#{line.id}") for line in lines]
        return [each for each in fitting if digits is not None or typed in each.name.casefold()][:SUGGESTIONS]


class History(commands.Cog):
    """What the moderators know about a member."""

    @app_commands.command(name="history", description="A member's cases, decisions, sanctions, appeals and reports")
    @app_commands.describe(member="Whose; also somebody who left")
    @app_commands.default_permissions(manage_messages=True)
    async def history(self, interaction: Interaction, member: Person) -> None:
        """The history of a member."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await Pages(interaction, functools.partial(_history, member.id)).show(interaction)


# ----------------------------------------------------------------------------------------------- pages


async def show_story(interaction: Interaction, case_id: int) -> None:
    """Everything that is kept of a case, page by page."""
    await Pages(interaction, functools.partial(_story, str(case_id))).show(interaction)


async def _story(written: str, interaction: Interaction, number: int) -> Page:
    _, view = await _view(interaction, written)
    return pages.story(view, number)


async def _list(interaction: Interaction, filters: CaseFilter, title: str, empty: str, order: CaseOrder) -> None:
    async def fetch(interaction: Interaction, number: int) -> Page:
        server, scope = await require_scope(interaction)
        app = app_of(interaction)
        search = functools.partial(app.casebook.search, server.guild_id, filters, scope, limit=pages.LINES, order=order)
        lines, total = await search(offset=(number - 1) * pages.LINES)
        last = pages.page_count(total)
        if number > last:
            lines, _ = await search(offset=(last - 1) * pages.LINES)
        asked = words.filtered(filters, order)
        return pages.listing(
            lines, total, min(number, last), title=title, asked=asked, empty=empty, now=app.cases.now()
        )

    await Pages(interaction, fetch).show(interaction)


async def _history(member_id: int, interaction: Interaction, number: int) -> Page:
    del number
    server, scope = await require_scope(interaction)
    app = app_of(interaction)
    known = await app.casebook.history(server.guild_id, member_id, scope)
    return Page(words.history(member_id, known, app.cases.now()))


# ----------------------------------------------------------------------------------------------- parts


async def _view(interaction: Interaction, written: str) -> tuple[GuildSettings, CaseView]:
    """The case of this number, if there is one that the member may know of; else NotFoundError."""
    server, scope = await require_scope(interaction)
    view = await app_of(interaction).casebook.view(server.guild_id, words.number_of(written), scope)
    return server, view


def _order(chosen: Choice | None) -> CaseOrder:
    return CaseOrder.NEWEST if chosen is None else CaseOrder(chosen.value)


def _filters(
    interaction: Interaction,
    state: str,
    category: Choice | None,
    decision: Choice | None,
    age: Choice | None,
    channel: Channel | None,
    moderator: Person | None,
    author: Person | None,
    text: str = "",
) -> CaseFilter:
    after, before = words.opened(None if age is None else age.value, app_of(interaction).cases.now())
    return CaseFilter(
        states=words.states_of(state),
        category=None if category is None else Category(category.value),
        decision=None if decision is None else Decision(decision.value),
        opened_after=after,
        opened_before=before,
        channel_id=None if channel is None else channel.id,
        moderator_id=None if moderator is None else moderator.id,
        author_id=None if author is None else author.id,
        text=" ".join(text.replace("\0", "").split()),
    )


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Casebook())
    await bot.add_cog(History())
