"""The world as the control page shows it: plain JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.model import Category

from . import shelf, words
from .journal import Line, Post
from .review import ReviewWindow
from .server import Person
from .world import World

LINES = 200
CATEGORIES = {
    Category.NCII_SYNTHETIC: "Sexual deepfake",
    Category.NCII_REAL: "Intimate picture shared without consent",
    Category.HARASSMENT: "Harassment",
    Category.SCAM: "Scam",
    Category.OTHER: "Something else",
}


def snapshot(world: World, window: ReviewWindow) -> dict[str, Any]:
    """Everything that changes."""
    journal = world.journal
    return {
        "revision": journal.revision,
        "review": window.key,
        "posts": [_post(post) for post in journal.posts.values()],
        "log": [_line(line) for line in journal.in_order()[-LINES:]],
    }


def fixed(world: World) -> dict[str, Any]:
    """Everything that stays: the people, what can be posted, and what a report can say."""
    return {
        "server": world.server.guild.name,
        "channel": world.server.fans.name,
        "people": [_person(person) for person in world.server.people.values()],
        "shelf": [
            {"key": item.key, "title": item.title, "hint": item.hint, "group": item.group.value} for item in shelf.ITEMS
        ],
        "categories": [{"key": category.value, "title": title} for category, title in CATEGORIES.items()],
    }


def _person(person: Person) -> dict[str, Any]:
    return {"key": person.key, "id": str(person.actor.id), "name": person.name, "moderator": person.moderator}


def _post(post: Post) -> dict[str, Any]:
    gone = None
    if post.gone is not None:
        gone = {"by": post.gone.by.value, "after": words.duration(post.gone.milliseconds)}
    findings = {finding.text: finding.clear for finding in post.findings}
    return {
        "id": str(post.id),
        "author": str(post.author_id),
        "at": _time(post.at),
        "text": "" if gone else post.text,
        "pictures": len(post.pictures),
        "edited": post.edited,
        "forwarded": post.forwarded,
        "reported": post.reported,
        "gone": gone,
        "findings": [{"text": text, "clear": clear} for text, clear in findings.items()],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"number": line.number, "at": _time(line.at), "who": line.who.value, "text": line.text}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
