"""The short story that the demo begins with. Every step says what happened, and fails in a sentence if it did not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.banks.service import Added
from bot.errors import StanguardError
from bot.model import BankKind, CaseOrigin, CaseState, CaseView, Category, Decision, Mode

from . import shelf, words
from .journal import Post, Who
from .shelf import Shelf
from .world import World

FAILED = "call_failed"
WHY_FIRST = "**Why first:** "
PRESS_CONFIRM, PRESS_NOT_A_MATCH, PRESS_UNDO = "Confirm", "Not a match", "Undo"


class StepError(StanguardError):
    """A step of the story did not happen; the sentence says what was expected and what came instead."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that happened: a heading, and what was seen."""

    title: str
    seen: str


def expect(holds: object, sentence: str) -> None:
    """Raise StepError with the sentence unless the condition holds."""
    if not holds:
        raise StepError(sentence)


class Story:
    """Plays the story in a world, step by step."""

    def __init__(self, world: World, shelf_: Shelf) -> None:
        self._world = world
        self._shelf = shelf_
        self._harmless: list[int] = []
        self._reported = 0

    async def tell(self) -> AsyncGenerator[Step]:
        """The part that leaves two open cases in the review channel for a person to decide."""
        steps: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = (
            ("The operator fills the lists", self._fill_lists),
            ("Ada sets the server up with /setup", self._set_up),
            ("Fans post harmless pictures", self._post_harmless),
            ("Kit posts the blocked picture, re-compressed", self._post_recompressed),
            ("Kit posts it again, mirrored", self._post_mirrored),
            ("Mina reports a picture", self._report),
        )
        for title, step in steps:
            yield Step(title, await step())

    async def decide(self) -> AsyncGenerator[Step]:
        """The part that a person plays in the browser: the moderator presses the buttons."""
        steps: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = (
            ("Ada presses Confirm on the first case", self._confirm),
            ("Ada takes that back with Undo", self._undo),
            ("Ada presses Not a match on the reported picture", self._reject),
            ("Nothing failed inside the bot", self._no_errors),
        )
        for title, step in steps:
            yield Step(title, await step())

    # ------------------------------------------------------------------------------------------------- steps

    async def _fill_lists(self) -> str:
        blocked = await self._list(BankKind.BLOCK, shelf.blocked_file(), Category.NCII_SYNTHETIC)
        swapped = await self._list(BankKind.BLOCK, shelf.swapped_file(), Category.NCII_SYNTHETIC)
        official = await self._list(BankKind.KNOWN_GOOD, shelf.official_file(), Category.OTHER)
        for added in (blocked, swapped, official):
            expect(not added.existing, "The lists should be empty at the beginning, but they are not.")
        self._world.journal.tell(Who.MODERATOR, "The operator filled the blocklist and the known-good list.")
        return (
            f"Two generated posters that stand in for abuse are blocked (E-{blocked.entry.id}, E-{swapped.entry.id}), "
            f"one official photo is known-good (E-{official.entry.id}). Kept are fingerprints, no picture."
        )

    async def _list(self, kind: BankKind, file: shelf.File, category: Category) -> Added:
        app = self._world.app
        bank = await app.banks.own(None, kind)
        fingerprint = await app.scanner.reference_of(file[1])
        return await app.banks.add(
            bank, fingerprint, category, note="Generated; stands in for the real thing", source="demo"
        )

    async def _set_up(self) -> str:
        world, server = self._world, self._world.server
        await world.command(
            server.moderator,
            "setup",
            review_channel=server.review,
            moderator_role=server.moderators,
            mode=Mode.REMOVE.value,
        )
        settings = await world.app.guilds.get(server.guild.id)
        expect(
            settings.mode is Mode.REMOVE and settings.review_channel_id == server.review.id,
            f"/setup should have set the review channel and the mode remove, but the mode is {settings.mode}.",
        )
        world.journal.tell(Who.MODERATOR, "Ada set the server up with /setup: matches are removed at once.")
        return "Matches are removed at once; cases go to #review; the role Moderators decides."

    async def _post_harmless(self) -> str:
        lines = (("mina", "finished this on the train"), ("jules", "new wallpaper, take it"), ("kit", "day 3 of 30"))
        for key, text in lines:
            files = await asyncio.to_thread(self._shelf.files, "fan-art")
            self._harmless.append(await self._world.send(self._world.person(key), text, files))
        for message_id in self._harmless:
            post = self._post(message_id)
            expect(post.gone is None, "A harmless picture was removed; it should have stayed.")
            expect(post.findings, "A harmless picture was not looked at.")
        expect(not await self._cases(), "Harmless pictures opened a case; they should not have.")
        return "All three were fetched, fingerprinted and compared, and all three stay."

    async def _post_recompressed(self) -> str:
        post = await self._post_blocked("recompressed", "look what i found")
        view = await self._only_case()
        expect(view.sighting_count == 1, f"The case should hold one sighting, but it holds {view.sighting_count}.")
        return f"{self._removed(post)}; case {view.case.id} is in the review channel."

    async def _post_mirrored(self) -> str:
        post = await self._post_blocked("mirrored", "ok and now?")
        view = await self._only_case()
        expect(view.sighting_count == 2, f"The case should hold two sightings, but it holds {view.sighting_count}.")
        expect(view.removed_count == 2, f"Both copies should be gone, but {view.removed_count} of 2 are.")
        cards = [message for message in self._world.server.review.history() if message.components]
        expect(len(cards) == 1, f"The review channel should show one card, but it shows {len(cards)}.")
        expect(
            self._told() == 1, f"Kit should have been told of the removal once, but {self._told()} messages were sent."
        )
        return (
            f"{self._removed(post)}; the same case {view.case.id} holds both sightings now, on one card. Kit was told "
            "of it once, with a button to appeal."
        )

    async def _report(self) -> str:
        self._reported = self._harmless[1]
        world = self._world
        answer = await world.by_menu(world.person("mina"), self._reported, "report", Category.HARASSMENT.value)
        expect("Thank you" in answer, f"The reporter should have been thanked, but the bot answered: {answer}")
        views = [view for view in await self._cases() if view.case.origin is CaseOrigin.REPORT]
        expect(len(views) == 1, f"The report should have opened one case, but there are {len(views)}.")
        expect(views[0].report_count == 1, f"The case should hold one report, but it holds {views[0].report_count}.")
        expect(views[0].case.card_message_id, "The reported case should have a card in the review channel.")
        why = world.card_line(views[0], WHY_FIRST)
        expect("1 member reported it" in why, f"The card should say that a member reported it, but says: {why or '-'}")
        return (
            f"Case {views[0].case.id} is in the review channel; nothing is removed before a person has looked. Its "
            f"card says why it comes first: {why}."
        )

    async def _confirm(self) -> str:
        view = await self._only_case()
        await self._world.press(self._world.server.moderator, view.case.id, PRESS_CONFIRM)
        case = (await self._world.case(view.case.id)).case
        expect(case.decision is Decision.CONFIRM, f"Case {case.id} should be confirmed, but it is {case.decision}.")
        return f"Case {case.id} is confirmed, and its card says by whom."

    async def _undo(self) -> str:
        view = await self._only_case()
        await self._world.press(self._world.server.moderator, view.case.id, PRESS_UNDO)
        case = (await self._world.case(view.case.id)).case
        expect(case.state is CaseState.OPEN, f"Case {case.id} should be open again, but it is {case.state}.")
        return f"Case {case.id} is open again; both decisions stand in its history."

    async def _reject(self) -> str:
        view = next(view for view in await self._cases() if view.case.origin is CaseOrigin.REPORT)
        before = self._told()
        await self._world.press(self._world.server.moderator, view.case.id, PRESS_NOT_A_MATCH)
        case = (await self._world.case(view.case.id)).case
        expect(case.decision is Decision.NOT_A_MATCH, f"Case {case.id} should be decided, but it is {case.state}.")
        expect(self._post(self._reported).gone is None, "The reported picture should have stayed, but it is gone.")
        told = self._told() - before
        expect(told == 1, f"The reporter should have heard the outcome once, but {told} messages were sent.")
        return "The picture stays and is known-good from now on; Mina was told once what came of her report."

    def _told(self) -> int:
        """How many direct messages the bot wrote."""
        return sum("direct message" in line.text for line in self._world.journal.lines)

    async def _no_errors(self) -> str:
        env = self._world.env
        expect(not env.errors, f"The bot raised {', '.join(type(error).__name__ for error in env.errors)}.")
        async with self._world.app.store.read() as tx:
            left = await tx.outbox.pending()
            failed = [event.detail for view in await self._cases() for event in view.events if event.kind == FAILED]
        expect(not left, f"{words.count(left, 'call')} to Discord should have been carried out, but still waits.")
        expect(not failed, f"Something could not be done: {' '.join(failed)}")
        return f"{len(env.http_requests)} requests went to the simulated Discord, and nothing is left to do."

    # ------------------------------------------------------------------------------------------------- looking

    async def _post_blocked(self, key: str, text: str) -> Post:
        world = self._world
        files = await asyncio.to_thread(self._shelf.files, key)
        post = self._post(await world.send(world.person("kit"), text, files))
        expect(post.gone is not None, "The blocked picture still stands in the channel; it should have been removed.")
        return post

    async def _cases(self) -> list[CaseView]:
        async with self._world.app.store.read() as tx:
            cases = await tx.cases.list(self._world.server.guild.id)
        return [await self._world.case(case.id) for case in cases]

    async def _only_case(self) -> CaseView:
        views = [view for view in await self._cases() if view.case.origin is CaseOrigin.MATCH]
        expect(len(views) == 1, f"The copies should be in one case, but there are {len(views)}.")
        return views[0]

    def _post(self, message_id: int) -> Post:
        return self._world.journal.posts[message_id]

    def _removed(self, post: Post) -> str:
        expect(post.gone is not None and post.gone.by is Who.BOT, "The message was not removed by the bot.")
        assert post.gone is not None
        return f"{words.joined(post.findings)}; gone after {words.duration(post.gone.milliseconds)}"
