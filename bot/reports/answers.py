"""What members are told about a report at once: what happened, and what they can do if that is not enough.

Nothing here ever says who decided, who else reported, or what is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.language import mark, say, say_count
from bot.model import Language, Scan

from .windows import LONG, MOST_PICTURES, Room

NO_PICTURE = mark("There is no picture in that message, so there is nothing to report here.")
OWN_MESSAGE = mark("This message is your own, so there is nothing to report: you can delete it yourself, in its menu.")
MUTED = mark(
    "The moderators of this server take no reports from you until {until}. Discord's own *Report Message*, in the menu "
    "of the message, stays open to you, and so does `/takedown` if the picture shows you or somebody you speak for."
)
TOO_MANY_NOW = mark(
    "You reported as many pictures in the last ten minutes as one member can, so this one was not looked at. Please "
    "report it in ten minutes; if it cannot wait, tell a moderator, or use Discord's own *Report Message* in the menu "
    "of the message."
)
TOO_MANY_TODAY = mark(
    "You reported as many pictures in the last 24 hours as one member can, so this one was not looked at. Please "
    "report it tomorrow; if it cannot wait, tell a moderator, or use Discord's own *Report Message* in the menu of the "
    "message."
)
SERVER_FULL = mark(
    "The moderators got more new reports within an hour than they can look at, so this one was not taken. Please "
    "report it again in an hour; if it cannot wait, tell a moderator, or use Discord's own *Report Message* in the "
    "menu of the message."
)

REMOVED = mark("Thank you. It matches the server's blocklist and is being removed now; a moderator will check it.")
CONFIRMED = mark("Thank you. A moderator has confirmed this picture before, and it is being removed now.")
CONFIRMED_UPLOAD = mark(
    "Thank you. A moderator has confirmed this picture before; if it stands in this server, report the message itself."
)
HARMLESS = mark(
    "A moderator looked at this picture on {date} and found it within the rules, so it stays. If there is something "
    "new about it, please tell a moderator."
)
KNOWN_GOOD = mark(
    "The moderators know this picture: it is official or harmless, so it stays. If there is something new about it, "
    "please tell a moderator."
)
AGAIN = mark("Thank you. You have reported this already; the moderators have it in their queue.")
KNOWN = mark("Thank you. The server's blocklist knows this picture; a moderator will decide about the message.")
KNOWN_UPLOAD = mark(
    "Thank you. The server's blocklist knows this picture; if it stands in this server, report the message itself."
)
UPLOAD = mark(
    "Thank you. The moderators cannot see your upload, only its fingerprint: report the message itself if it stands in "
    "this server. You will hear once what came of it."
)
UNREADABLE = mark("Thank you. The bot cannot read this file itself, so a moderator will look at the message.")
UNREADABLE_UPLOAD = mark(
    "The bot cannot read this file, and the moderators cannot see an upload, so nothing was reported; report the "
    "message itself if it stands in this server."
)
TAKEN = mark("Thank you. A moderator will look at it; you will hear once what came of it.")
ONLY_TEN = mark("One report takes {number} pictures, so only the first {number} were looked at.")


class Outcome(StrEnum):
    """What became of one reported picture. Only ``removed`` and ``queued`` ones have a case that holds the report."""

    REMOVED = "removed"
    QUEUED = "queued"
    CONFIRMED = "confirmed"
    HARMLESS = "harmless"
    KNOWN_GOOD = "known_good"
    UNREADABLE = "unreadable"
    NO_ROOM = "no_room"


ANSWERED = (Outcome.CONFIRMED, Outcome.HARMLESS, Outcome.KNOWN_GOOD)
"""Nobody has to look at the picture again, and no case holds the report."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one picture of a report. ``decided_at``: when a moderator had decided about a harmless one."""

    outcome: Outcome
    scan: Scan
    case_id: int | None = None
    decided_at: datetime | None = None


def muted(language: Language, until: datetime) -> str:
    """To a member of whom the guild takes no reports for a time."""
    return say(language, MUTED, until=f"<t:{int(until.timestamp())}:f>")


def too_many(language: Language, room: Room) -> str:
    """To a member who has reported as much as one member can."""
    return say(language, TOO_MANY_TODAY if room.span == LONG else TOO_MANY_NOW)


def answer(language: Language, taken: Sequence[Taken], *, again: bool, upload: bool) -> str:
    """What became of the pictures of a report, at least one. ``again``: the member reported all of their cases before.

    Its sentences follow one another, the weightiest first.
    """
    queued = [one for one in taken if one.outcome in (Outcome.REMOVED, Outcome.QUEUED)]
    if queued:
        sentences = [say(language, _queued(queued, again=again, upload=upload)), *_others(language, taken)]
    else:
        sentences = list(dict.fromkeys(_alone(language, one, upload=upload) for one in taken))
    return " ".join(sentences)


def left_out(language: Language, given: int, room: Room) -> str:
    """Which pictures were not looked at, as a sentence; empty if all were. ``given``: how many there were."""
    wanted = min(given, MOST_PICTURES)
    if room.number < wanted:
        return say_count(
            language,
            "Only the first picture was looked at, because one member cannot report more for now.",
            "Only the first {number} pictures were looked at, because one member cannot report more for now.",
            room.number,
        )
    return say(language, ONLY_TEN, number=MOST_PICTURES) if given > MOST_PICTURES else ""


def _queued(queued: Sequence[Taken], *, again: bool, upload: bool) -> str:
    """What is said about pictures that a case holds: the most that happened to any of them."""
    if any(one.outcome is Outcome.REMOVED for one in queued):
        return REMOVED
    if again:
        return AGAIN
    known = any(one.scan.plan.match is not None for one in queued)
    if upload:
        return KNOWN_UPLOAD if known else UPLOAD
    if known:
        return KNOWN
    return UNREADABLE if all(one.scan.unscannable for one in queued) else TAKEN


def _others(language: Language, taken: Sequence[Taken]) -> list[str]:
    """What is said, after that, about pictures of the same report that no case holds."""
    sentences: list[str] = []
    if answered := sum(one.outcome in ANSWERED for one in taken):
        sentences.append(
            say_count(
                language,
                "One of the pictures needs nobody to look again: the moderators had decided about it before.",
                "{number} of the pictures need nobody to look again: the moderators had decided about them before.",
                answered,
            )
        )
    if unreadable := sum(one.outcome is Outcome.UNREADABLE for one in taken):
        sentences.append(
            say_count(
                language,
                "One of the files cannot be read, so it was not reported.",
                "{number} of the files cannot be read, so they were not reported.",
                unreadable,
            )
        )
    if refused := sum(one.outcome is Outcome.NO_ROOM for one in taken):
        sentences.append(
            say_count(
                language,
                "One of the pictures was not taken: the moderators got more new reports within an hour than they can "
                "look at.",
                "{number} of the pictures were not taken: the moderators got more new reports within an hour than they "
                "can look at.",
                refused,
            )
        )
    return sentences


def _alone(language: Language, one: Taken, *, upload: bool) -> str:
    """What is said about a picture where no case holds any of the report."""
    match one.outcome:
        case Outcome.CONFIRMED:
            return say(language, CONFIRMED_UPLOAD if upload else CONFIRMED)
        case Outcome.HARMLESS if one.decided_at is not None:
            return say(language, HARMLESS, date=f"<t:{int(one.decided_at.timestamp())}:D>")
        case Outcome.UNREADABLE:
            return say(language, UNREADABLE_UPLOAD)
        case Outcome.NO_ROOM:
            return say(language, SERVER_FULL)
        case _:
            return say(language, KNOWN_GOOD)
