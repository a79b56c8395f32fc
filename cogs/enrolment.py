"""Listing pictures as a moderator: at once where nothing speaks against it, else after a question."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import discord

from bot.banks.crops import Crop, cropped
from bot.cases.hunt import Blocked
from bot.cases.proposals import Proposal
from bot.errors import StanguardError
from bot.model import Category, GuildSettings, MediaRef, MessageRef

from .access import Interaction, app_of, require_moderator
from .ui import enrolment_texts as words
from .ui import texts
from .ui.answers import replace, show
from .ui.questions import Choice, Question

Chosen = Callable[[Interaction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a moderator said about pictures. ``message`` None: they were uploaded."""

    message: MessageRef | None
    category: Category
    note: str

    async def run(self, interaction: Interaction, server: GuildSettings, pictures: Sequence[MediaRef]) -> None:
        """List what can be listed, then ask about the others, a question each."""
        blocked: list[Blocked] = []
        problems: list[StanguardError] = []
        open_questions: list[tuple[MediaRef, Proposal]] = []
        app = app_of(interaction)
        for item in pictures:
            try:
                proposal = await app.hunter.propose(server, await app.scanner.reference(item, server))
                if proposal.clear:
                    blocked.append(await self._block(interaction, server, item, proposal, Crop.BOTH))
                else:
                    open_questions.append((item, proposal))
            except StanguardError as error:
                problems.append(error)
        if problems and not blocked and not open_questions:
            raise problems[0]
        if blocked or problems:
            errors = [str(error) for error in problems]
            await show(interaction, words.BLOCKED_TITLE, [*self._told(interaction, server, blocked), *errors])
        for item, proposal in open_questions:
            await self._ask(interaction, item, proposal, named=len(pictures) > 1)

    async def _ask(self, interaction: Interaction, item: MediaRef, proposal: Proposal, *, named: bool) -> None:
        def listing(crop: Crop) -> Chosen:
            return functools.partial(self._list, item, proposal, crop)

        if proposal.has_border:
            choices = [Choice(label, listing(crop)) for crop, label in words.CROPS.items()]
        else:
            choices = [Choice(words.LIST_ANYWAY, listing(Crop.BOTH), discord.ButtonStyle.danger)]
        choices.append(Choice(words.CANCEL, _cancel))
        paragraphs = words.question(proposal, texts.picture(item) if named else None)
        question = Question(interaction, words.QUESTION_TITLE, paragraphs, choices, too_late=words.TOO_LATE)
        await question.ask(interaction)

    async def _list(self, item: MediaRef, proposal: Proposal, crop: Crop, interaction: Interaction) -> None:
        server = await require_moderator(interaction)
        blocked = await self._block(interaction, server, item, proposal, crop)
        await replace(interaction, words.BLOCKED_TITLE, self._told(interaction, server, [blocked]))

    async def _block(
        self, interaction: Interaction, server: GuildSettings, item: MediaRef, proposal: Proposal, crop: Crop
    ) -> Blocked:
        return await app_of(interaction).hunter.block(
            server,
            self.message,
            item.media_id,
            item.surface,
            cropped(proposal.fingerprint, crop),
            self.category,
            self.note,
            interaction.user.id,
        )

    def _told(self, interaction: Interaction, server: GuildSettings, blocked: Sequence[Blocked]) -> list[str]:
        paragraphs = [words.blocked(one) for one in blocked]
        found_by_look = [one.entry for one in blocked if not one.entry.fingerprint.plain]
        app = app_of(interaction)
        bank = app.matcher.bank(found_by_look[0].bank_id) if found_by_look else None
        if bank is not None:
            paragraphs.append(words.from_now_on(server.mode, bank.level, strict=app.scanner.strict(server)))
        if blocked and self.category is Category.MINOR_SUSPECTED:
            paragraphs.append(texts.MINOR_GUIDANCE)
        return paragraphs


async def _cancel(interaction: Interaction) -> None:
    await replace(interaction, words.QUESTION_TITLE, [words.CANCELLED])
