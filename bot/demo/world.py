"""The simulated server: the real bot inside simcord, with people who act in it.

What a member does here goes the way it goes on Discord: simcord sends the events of the gateway, the bot fetches the
pictures over HTTP, decodes them in its child processes and answers by REST calls. Only Discord itself is simulated.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import discord
import simcord
from simcord.backend.models import Message

from bot.app import App, utc_now
from bot.client import DiscordCalls, StanguardBot, create_bot
from bot.client.history import DiscordHistory
from bot.errors import NotAllowedError, NotFoundError
from bot.model import CaseView, GuildSettings, Sighting, Verdict
from bot.settings import (
    DiscordSettings,
    LogSettings,
    MatchingSettings,
    MediaSettings,
    QueueSettings,
    RetentionSettings,
    Settings,
    StoreSettings,
)

from . import words
from .avatars import avatar_address
from .cdn import LoopbackCdn
from .forms import answer_of, filled, texts_of
from .journal import Journal, Places, Post
from .server import Person, Server, build
from .shelf import File

SETTLE_SECONDS = 60.0
"""A command may wait for a picture to be decoded, which takes long on a busy computer."""


def demo_settings(folder: Path, cdn: LoopbackCdn, matching: MatchingSettings) -> Settings:
    """Settings that read neither file nor environment: the demo must never touch a real installation's database."""
    return Settings.model_construct(
        discord=DiscordSettings(cdn_url=cdn.address),
        store=StoreSettings(url=f"sqlite:///{folder / 'demo.db'}"),
        media=MediaSettings(allowed_hosts=(cdn.host,), allow_http=True),
        matching=matching,
        queue=QueueSettings(),
        retention=RetentionSettings(),
        log=LogSettings(),
    )


Option: TypeAlias = str | int | bool | File | simcord.ChannelHandle | simcord.RoleHandle
"""What an option of a slash command takes."""


LINKED = "https://pictures.example/"
"""Where the linked pictures are said to be; nothing is ever fetched from there."""


class World:
    """Acts on the simulated server, one action at a time, and waits after each until the bot is at rest."""

    def __init__(self, env: simcord.Env, app: App, bot: StanguardBot, cdn: LoopbackCdn, server: Server) -> None:
        self.env = env
        self.app = app
        self.bot = bot
        self.cdn = cdn
        self.server = server
        self.at_rest: Callable[[], Awaitable[None]] | None = None
        self._turn = asyncio.Lock()
        people = server.people.values()
        self.journal = Journal(
            Places(
                fan_channel_id=server.fans.id,
                review_channel_id=server.review.id,
                bot_id=env.backend.bot_user.id,
                names={person.actor.id: person.name for person in people},
                moderators=frozenset(person.actor.id for person in people if person.moderator),
                channels={channel.id: channel.name or "" for channel in (server.fans, server.review)},
            )
        )
        env.backend.subscribers.append(self.journal.feed)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Do something on the server: alone, at the time of day, and until nothing moves any more."""
        async with self._turn:
            await self._follow_the_clock()
            try:
                yield
            finally:
                await self._settle()
                await self._account()
                if self.at_rest is not None:
                    await self.at_rest()

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncGenerator[None]:
        """Keep everybody else from acting."""
        async with self._turn:
            yield

    async def _follow_the_clock(self) -> None:
        """Bring the simulated time, which stands still between actions, up to the real one."""
        behind = (utc_now() - self.env.now()).total_seconds()
        await self.env.advance_time(max(0.0, behind))

    async def _settle(self) -> None:
        for _ in range(2):  # what the outbox did last may have set off something in the bot
            await self.env.settle()
            await self.app.idle()
            await self.app.progress.show_progress()  # the preview shows what there is when the turn ends
        await self.env.settle()

    async def _account(self) -> None:
        """Tell the journal what only the database knows."""
        guild = await self.app.guilds.get(self.server.guild.id)
        async with self.app.store.read() as tx:
            for post in self.journal.unaccounted():
                sightings = await tx.sightings.by_message(post.id)
                self.journal.find(post, [words.finding(one, self._why_clear(one, guild)) for one in sightings])
            for case in await tx.cases.list(guild.guild_id, limit=100):
                self.journal.tell_case(case.id, await tx.events.of_case(case.id))

    def _why_clear(self, sighting: Sighting, guild: GuildSettings) -> str:
        """Why a picture that is near an entry stays all the same; empty when nothing is near."""
        if sighting.verdict is not Verdict.CLEAR or sighting.fingerprint is None:
            return ""
        plan = self.app.scanner.judge(sighting.fingerprint, guild)
        return " ".join(plan.reasons) if plan.verdict is Verdict.CLEAR else ""

    # ------------------------------------------------------------------------------------------------- acting

    def person(self, key: str) -> Person:
        """The person of that name; NotFoundError when there is none."""
        try:
            return self.server.people[key]
        except KeyError:
            known = ", ".join(self.server.people)
            raise NotFoundError(f"There is nobody called {key!r} on the server; choose one of {known}.") from None

    def post(self, message_id: int) -> Post:
        """A message of the fan channel that still stands; NotFoundError when it does not."""
        post = self.journal.posts.get(message_id)
        if post is None or post.gone is not None:
            raise NotFoundError("That message does not stand in the channel any more; choose another one.")
        return post

    def author(self, message_id: int) -> Person:
        """Who wrote a message that still stands."""
        post = self.post(message_id)
        return next(person for person in self.server.people.values() if person.actor.id == post.author_id)

    def face(self, key: str) -> bytes | None:
        """The avatar of a person, or of the bot (``bot``)."""
        person = self.server.people.get(key)
        user_id = self.env.backend.bot_user.id if key == "bot" else None if person is None else person.actor.id
        return None if user_id is None else self.cdn.get(avatar_address(user_id))

    async def send(self, person: Person, text: str = "", files: Sequence[File] = ()) -> int:
        """Post a message with or without pictures, and return its id."""
        async with self.turn():
            message = await person.actor.send(self.server.fans, text, attachments=files)
        return message.id

    async def link(self, person: Person, text: str, file: File) -> int:
        """Post a link to a picture; Discord adds the preview a moment later, as a change of the message."""
        content = _with_link(text, file)
        async with self.turn():
            message = await person.actor.send(self.server.fans, content)
            self._unfurl(message.id, content, file)
        return message.id

    async def edit(self, person: Person, message_id: int, text: str, file: File | None = None) -> None:
        """Change the text of one's own message; with a file, add a link to it, whose preview Discord adds."""
        self._own_words(message_id)
        content = text if file is None else _with_link(text, file)
        async with self.turn():
            await person.actor.edit(self._message(message_id), content)
            if file is not None:
                self._unfurl(message_id, content, file)

    async def forward_from_elsewhere(self, person: Person, file: File) -> int:
        """Forward a picture from a server that the bot is not on."""
        async with self.turn():
            backend, elsewhere = self.env.backend, self.server.elsewhere
            attachments = backend.store_attachments(elsewhere.id, [file])
            source = backend.create_message(elsewhere.id, person.actor.id, attachments=attachments, broadcast=False)
            message = await person.actor.forward(self._handle(source), self.server.fans)
        return message.id

    async def forward(self, person: Person, message_id: int) -> int:
        """Forward a message of the fan channel into the same channel."""
        self._own_words(message_id)
        async with self.turn():
            message = await person.actor.forward(self._message(message_id), self.server.fans)
        return message.id

    async def delete(self, person: Person, message_id: int) -> None:
        """Delete one's own message, or as a moderator anybody's."""
        self.post(message_id)
        async with self.turn():
            with self.journal.deleting(message_id):
                await person.actor.delete(self._message(message_id))

    async def by_menu(self, person: Person, message_id: int, menu: str, category: str) -> str:
        """Use the bot's message menu ``report`` or ``block``, fill its form, and return the bot's answer."""
        post = self.post(message_id)
        async with self.turn():
            shown = await person.actor.context_menu(self.server.fans, self._menu(menu), self._message(message_id))
            if shown.modal is None:
                return answer_of(shown)
            answered = await person.actor.submit_modal(shown, filled(shown.modal, category))
            post.reported = post.reported or menu == "report"
            return answer_of(answered)

    async def command(self, person: Person, name: str, **options: Option) -> str:
        """Use a slash command in the fan channel, and return the bot's answer, which only that person sees."""
        async with self.turn():
            return answer_of(await person.actor.slash(self.server.fans, name, **options))

    async def press(self, person: Person, case_id: int, label: str) -> None:
        """Press a button of a case's card."""
        view = await self.case(case_id)
        if view.case.card_message_id is None:
            raise NotFoundError(f"Case {case_id} has no card in the review channel.")
        message = self.env.backend.get_message(self.server.review.id, view.case.card_message_id)
        async with self.turn():
            await person.actor.click(self._handle(message), label=label)

    async def case(self, case_id: int) -> CaseView:
        """All that a case's card shows."""
        return await self.app.cases.view(case_id)

    def card_line(self, view: CaseView, begins: str) -> str:
        """The rest of the line of a case's card that begins so; empty if there is none."""
        assert view.case.card_message_id is not None
        card = self.env.backend.get_message(self.server.review.id, view.case.card_message_id)
        lines = "\n".join(texts_of(card.components)).splitlines()
        return next((line.removeprefix(begins) for line in lines if line.startswith(begins)), "")

    # ------------------------------------------------------------------------------------------------- helpers

    def _own_words(self, message_id: int) -> None:
        """Raise NotAllowedError for a forwarded message: Discord lets nobody edit it, and simcord not forward it."""
        if self.post(message_id).forwarded:
            raise NotAllowedError("That message was forwarded, so it can be neither edited nor forwarded again here.")

    def _unfurl(self, message_id: int, content: str, file: File) -> None:
        """Do what Discord does with a link: fetch the picture, and show it by an address of its own."""
        name, data = file
        address = f"{LINKED}{name}"
        proxied = self.cdn.publish(f"external/{message_id}/https/{name}", data)
        preview = {"url": address, "proxy_url": proxied, "width": 720, "height": 900}
        embed = {"type": "image", "url": address, "thumbnail": preview}
        self.env.backend.edit_message(self.server.fans.id, message_id, {"content": content, "embeds": [embed]})

    def _message(self, message_id: int) -> discord.Message:
        return self._handle(self.env.backend.get_message(self.server.fans.id, message_id))

    def _handle(self, message: Message) -> discord.Message:
        return simcord.ResponseMessage(self.env, message).message

    def _menu(self, begins: str) -> str:
        menus = self.bot.tree.get_commands(type=discord.AppCommandType.message)
        return next(menu.name for menu in menus if menu.name.casefold().startswith(begins))


def _with_link(text: str, file: File) -> str:
    return f"{text} {LINKED}{file[0]}".strip()


@contextlib.asynccontextmanager
async def open_world(matching: MatchingSettings | None = None) -> AsyncGenerator[World]:
    """Build the server, with the bot running on it; at the end everything is gone, the database with it."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stanguard-demo-"))
        cdn = LoopbackCdn()
        await cdn.start()
        stack.push_async_callback(cdn.close)
        app = await App.open(demo_settings(Path(folder), cdn, matching or MatchingSettings()))
        stack.push_async_callback(app.stop)
        bot = create_bot(app)
        bot.add_guild_sinks(appeared=app.gaps.appeared, left=app.gaps.left)
        # Before simcord attaches: it waits for every task that the bot starts, and the services' loops never end.
        await app.start(DiscordCalls(bot), history=DiscordHistory(bot))
        # Commands get one of their own: simcord has them on its clock, and a reading keeps its pace by one clock alone.
        app.scans.connect(DiscordHistory(bot), app.sweep)
        env = await stack.enter_async_context(simcord.run(bot, settle_timeout=SETTLE_SECONDS, check_errors=False))
        stack.callback(bot.stop_intake)
        await env.advance_time(max(0.0, (utc_now() - env.now()).total_seconds()))
        yield World(env, app, bot, cdn, build(env, cdn))
