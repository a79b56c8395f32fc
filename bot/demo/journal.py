"""What happened on the simulated server, as a person would tell it: the fan channel as it stands, and a log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from bot.model import CaseEvent

from . import words
from .words import Finding

Payload = Mapping[str, Any]


class Who(StrEnum):
    """Who did what a line of the log tells."""

    BOT = "bot"
    MEMBER = "member"
    MODERATOR = "moderator"
    DISCORD = "discord"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. ``number`` is the order in which lines were written."""

    number: int
    at: datetime
    who: Who
    text: str


@dataclass(frozen=True, slots=True)
class Gone:
    """How a message went. ``milliseconds`` is the time from its pictures' arrival to its deletion."""

    by: Who
    milliseconds: float


@dataclass(slots=True)
class Post:
    """A message of the fan channel. ``arrived`` is the clock reading when its pictures came (time.perf_counter)."""

    id: int
    author_id: int
    at: datetime
    arrived: float
    text: str = ""
    pictures: tuple[str, ...] = ()
    edited: bool = False
    forwarded: bool = False
    reported: bool = False
    gone: Gone | None = None
    findings: tuple[Finding, ...] = ()
    accounted: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Where on the server the journal looks, and what everybody is called."""

    fan_channel_id: int
    review_channel_id: int
    bot_id: int
    names: Mapping[int, str]
    moderators: frozenset[int]
    channels: Mapping[int, str]

    @property
    def mentions(self) -> Mapping[int, str]:
        """What a mention shows, by the id in it."""
        people = {user_id: f"@{name}" for user_id, name in self.names.items()}
        return people | {channel_id: f"#{name}" for channel_id, name in self.channels.items()}

    def name(self, user_id: int | None) -> str:
        """What a person is called."""
        return "stanguard" if user_id in {None, self.bot_id} else self.names.get(cast("int", user_id), "somebody")


@dataclass(slots=True)
class Journal:
    """Reads the simulated gateway and keeps what a person would want to know. Holds no picture."""

    places: Places
    posts: dict[int, Post] = field(default_factory=dict[int, Post])
    lines: list[Line] = field(default_factory=list[Line])
    revision: int = 0
    review_revision: int = 0
    _members_own: set[int] = field(default_factory=set[int])
    _told: dict[int, int] = field(default_factory=dict[int, int])
    _waiting: set[asyncio.Event] = field(default_factory=set[asyncio.Event])

    def feed(self, event: str, payload: Payload) -> None:
        """Take one event of the simulated gateway."""
        channel = payload.get("channel_id")
        if event not in {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"} or channel is None:
            return
        if int(channel) == self.places.fan_channel_id:
            self._fan_message(event, payload)
        elif int(channel) == self.places.review_channel_id:
            self._review_message(event, payload)
        elif payload.get("guild_id") is None and event == "MESSAGE_CREATE":
            self._direct_message(payload)

    def tell(self, who: Who, text: str, at: datetime | None = None) -> None:
        """Write one line, of now or of another time."""
        self.lines.append(Line(len(self.lines), at or datetime.now().astimezone(), who, text))
        self.changed()

    def tell_case(self, case_id: int, events: Sequence[CaseEvent]) -> None:
        """Write what is new in the history of a case."""
        for event in events[self._told.get(case_id, 0) :]:
            actor = event.actor_id
            who = Who.MODERATOR if actor in self.places.moderators else Who.BOT
            self.tell(who, words.case_event(event, self.places.name(actor)), event.at.astimezone())
        self._told[case_id] = len(events)

    def find(self, post: Post, findings: Sequence[Finding]) -> None:
        """Write what the bot found in the pictures of a message."""
        if not findings or post.findings == tuple(findings):
            return
        if not post.findings and post.gone is None:
            self.tell(Who.BOT, f"Looked at what {self.places.name(post.author_id)} posted. {words.joined(findings)}.")
        post.findings = tuple(findings)
        self.changed()

    def unaccounted(self) -> list[Post]:
        """The messages whose findings may still change: all that stand, and once what went."""
        wanted = [post for post in self.posts.values() if not post.accounted]
        for post in wanted:
            post.accounted = post.gone is not None
        return wanted

    def in_order(self) -> list[Line]:
        """The lines by time: what the database tells is written later than what the gateway tells."""
        return sorted(self.lines, key=lambda line: (line.at, line.number))

    def changed(self) -> None:
        """Wake who waits for changes."""
        self.revision += 1
        for waiting in self._waiting:
            waiting.set()

    @contextmanager
    def watch(self) -> Generator[asyncio.Event]:
        """An event that is set at every change; clear it before looking."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    @contextmanager
    def deleting(self, message_id: int) -> Generator[None]:
        """Within this, the deletion of the message is its author's own."""
        self._members_own.add(message_id)
        try:
            yield
        finally:
            self._members_own.discard(message_id)

    # ------------------------------------------------------------------------------------------------- channels

    def _fan_message(self, event: str, payload: Payload) -> None:
        message_id = int(payload["id"])
        post = self.posts.get(message_id)
        if event == "MESSAGE_CREATE":
            self._posted(payload)
        elif post is not None and event == "MESSAGE_UPDATE":
            self._updated(post, payload)
        elif post is not None:
            self._deleted(post)

    def _posted(self, payload: Payload) -> None:
        author = self.places.name(int(payload["author"]["id"]))
        snapshots = payload.get("message_snapshots") or ()
        post = Post(
            id=int(payload["id"]),
            author_id=int(payload["author"]["id"]),
            at=datetime.now().astimezone(),
            arrived=time.perf_counter(),
            text=str(payload.get("content") or ""),
            pictures=_pictures(payload),
            forwarded=bool(snapshots),
        )
        self.posts[post.id] = post
        verb = "forwarded" if post.forwarded else "posted"
        self.tell(Who.MEMBER, f"{author} {verb} {words.count_pictures(len(post.pictures))}.")

    def _updated(self, post: Post, payload: Payload) -> None:
        text, pictures = str(payload.get("content") or ""), _pictures(payload)
        if text != post.text:
            post.edited = True
            self.tell(Who.MEMBER, f"{self.places.name(post.author_id)} edited a message.")
        if pictures != post.pictures:
            post.arrived = time.perf_counter()
            self.tell(Who.DISCORD, "Discord added the preview of a link, a picture.")
        post.text, post.pictures = text, pictures
        self.changed()

    def _deleted(self, post: Post) -> None:
        own = post.id in self._members_own
        milliseconds = (time.perf_counter() - post.arrived) * 1000
        post.gone = Gone(Who.MEMBER if own else Who.BOT, milliseconds)
        author = self.places.name(post.author_id)
        if own:
            self.tell(Who.MEMBER, f"{author} deleted a message.")
        else:
            after = words.duration(milliseconds)
            self.tell(Who.BOT, f"Removed {author}'s message, {after} after the picture came.")

    def _review_message(self, event: str, payload: Payload) -> None:
        self.review_revision += 1
        case_id = words.case_of_card(payload)
        if case_id is not None and event == "MESSAGE_CREATE":
            self.tell(Who.BOT, f"Put up the card of case {case_id} in the review channel.")

    def _direct_message(self, payload: Payload) -> None:
        if int(payload["author"]["id"]) == self.places.bot_id:
            said = words.plain(str(payload.get("content") or ""), self.places.mentions)
            self.tell(Who.BOT, f"Wrote a direct message: “{said}”")


def _pictures(payload: Payload) -> tuple[str, ...]:
    """The addresses of all pictures that members see in a message."""
    parts = [payload, *(snapshot["message"] for snapshot in payload.get("message_snapshots") or ())]
    found: list[str] = []
    for part in cast("list[Payload]", parts):
        found += [str(attachment["url"]) for attachment in part.get("attachments") or ()]
        for embed in cast("list[Payload]", part.get("embeds") or ()):
            found += [str(embed[kind]["proxy_url"]) for kind in ("image", "thumbnail") if kind in embed]
    return tuple(found)
