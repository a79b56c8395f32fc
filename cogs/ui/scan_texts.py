"""What ``/scan`` says: how far the reading of earlier posts is, what it found, and what it could not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from discord import app_commands

from bot.history.progress import Progress
from bot.history.requests import Outlook, Status
from bot.history.since import CHOICES
from bot.model import SweepCounts, SweepKind, SweepState

from .texts import ago, exactly

GROUP = "Scan earlier posts, and see how far that is"
STATUS = "Which scans of earlier posts run, what the last ones found, and what could not be read"
CHANNEL = "Scan earlier posts of a channel, thread or voice chat"
SERVER = "Scan earlier posts of the whole server; for members with Manage Server"
CHANNEL_OPTION = "Which one; the one that you are in if you do not say"
SINCE_OPTION = "How far back: 24 h, 7 days or a date such as 2026-11-01; 7 days if you do not say"

PAUSE = "Pause"
GO_ON = "Resume"
CANCEL = "Cancel"

STATUS_TITLE = "Scans of earlier posts"
NOTHING_RUNS = (
    "No scan of earlier posts runs now. New posts are scanned as they come; `/scan channel` and `/scan server` scan "
    "earlier ones."
)
STARTED = "Scan started"
SERVER_TITLE = "Scan the whole server?"
SERVER_YES = "Scan it"
SERVER_NO = "Leave it"
SERVER_LEFT = "No scan was started."
LOOKING = "Asking Discord which threads were archived since then. This can take a minute."
NOT_SEEN = "You cannot read that channel yourself, so choose another, or let somebody scan it who can."
NOT_POSTED = (
    "The scan runs. The bot may not write here, so you alone see this message, and it does not change: `/scan status` "
    "shows later how far the scan is, and the same command shows these buttons again."
)

LONG = timedelta(days=30)
"""A request that reaches back further is told what it costs."""

BAR = 20
"""Characters of a bar."""


def choices(typed: str) -> list[app_commands.Choice[str]]:
    """What is proposed while somebody types how far back; what they write themselves counts as well."""
    start = typed.strip().casefold()
    return [app_commands.Choice(name=choice, value=choice) for choice in CHOICES if choice.startswith(start)]


def number(count: int, one: str) -> str:
    """A number that may be large, with its word: ``1 message``, ``1,240 messages``."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def bar(percent: int) -> str:
    """A share as a bar, full only at 100."""
    full = BAR * percent // 100
    return "█" * full + "░" * (BAR - full)


def what(progress: Progress) -> str:
    """What a sweep reads."""
    if progress.sweep.kind is SweepKind.CHANNEL and progress.channel_id is not None:
        return f"<#{progress.channel_id}>"
    return "the whole server"


def title(progress: Progress) -> str:
    """Above a message that shows how far a sweep is."""
    if progress.sweep.state is SweepState.PAUSED:
        return f"Paused: scan of {what(progress)}"
    if progress.sweep.state is SweepState.CANCELLED:
        return f"Cancelled: scanning the last pictures found in {what(progress)}"
    if broke_off(progress):
        return f"Broken off: scanning the last pictures found in {what(progress)}"
    if progress.all_read:
        return f"All read: scanning the last pictures found in {what(progress)}"
    return f"Scanning earlier posts in {what(progress)}"


def broke_off(progress: Progress) -> bool:
    """Whether nothing of it could be read to its end: that nothing was found means nothing then."""
    return progress.unreadable > 0 and not progress.channels


def lines(progress: Progress) -> list[str]:
    """How far a sweep that goes on is, a line each."""
    said = [] if broke_off(progress) else [f"`{bar(progress.percent)}` **{progress.percent} %** read"]
    if progress.sweep.kind is not SweepKind.CHANNEL:
        said.append(channels(progress))
    said.append(read(progress))
    if progress.sweep.counts.media:
        said.append(found(progress.sweep.counts))
    if progress.left is not None:
        said.append(left(progress.left))
    return said


def channels(progress: Progress) -> str:
    """How many channels are read, of how many."""
    some = f"{progress.read:,} of {number(progress.channels, 'channel')} read"
    return f"{some}; the bot may not read {progress.unreadable:,} more" if progress.unreadable else some


def read(progress: Progress) -> str:
    """What was read, and how many of the pictures are scanned."""
    counts = progress.sweep.counts
    if not counts.messages:
        return "No message read yet"
    pictures = number(counts.media, "picture")
    some = f"{number(counts.messages, 'message')} with {pictures}"
    return f"{some}, {counts.scanned:,} of them scanned" if counts.media else some


def found(counts: SweepCounts) -> str:
    """What came of the pictures that are scanned."""
    some = f"**{counts.removed:,}** removed · **{counts.review:,}** for review"
    return f"{some} · **{counts.unscannable:,}** could not be scanned" if counts.unscannable else some


def left(time: timedelta) -> str:
    """An estimate in words."""
    minutes = round(time / timedelta(minutes=1))
    if minutes < 120:
        return f"About {number(minutes, 'minute')} left"
    hours = round(minutes / 60)
    return f"About {number(hours, 'hour')} left" if hours < 48 else f"About {number(round(hours / 24), 'day')} left"


def origin(progress: Progress) -> str:
    """Under a message: how far back it goes, which a result says itself, and who asked for it."""
    parts = [f"Back to {exactly(progress.since)}"] if progress.since is not None and not progress.over else []
    if progress.sweep.requested_by is not None:
        parts.append(f"{'asked' if parts else 'Asked'} for by <@{progress.sweep.requested_by}>")
    return f"-# {' · '.join([*parts, f'scan {name(progress)}'])}"


def name(progress: Progress) -> str:
    """What a sweep is called."""
    return f"S-{progress.sweep.id}"


def result(progress: Progress) -> str:
    """What came of a sweep that is over, in one sentence."""
    counts = progress.sweep.counts
    place = what(progress)
    if progress.since is not None:
        place += f" back to {exactly(progress.since)}"
    begin = f"Scanned {place}"
    if progress.sweep.state is SweepState.CANCELLED:
        begin = f"The scan of {place} was cancelled at {progress.percent} %"
    elif broke_off(progress):
        why = "the bot may not read it (`/scan status` says what it lacks)"
        begin = f"The scan of {place} broke off, because {why}; read until then"
    return f"{begin}: {number(counts.messages, 'message')} with {number(counts.media, 'picture')}, {outcome(progress)}."


def outcome(progress: Progress) -> str:
    """What was found, and what could not be looked at."""
    counts = progress.sweep.counts
    parts = [f"**{counts.removed:,}** removed" if counts.removed else ""]
    parts.append(f"**{counts.review:,}** for review" if counts.review else "")
    if not any(parts):
        parts.append("nothing that matches a list")
    parts.append(f"{counts.unscannable:,} could not be scanned" if counts.unscannable else "")
    if progress.unreadable and not broke_off(progress):
        parts.append(f"{number(progress.unreadable, 'channel')} could not be read (`/scan status` says why)")
    return ", ".join(part for part in parts if part)


# -------------------------------------------------------------------------------- answers


def link(progress: Progress) -> str | None:
    """The address of the message that shows a sweep; None if there is none."""
    sweep = progress.sweep
    if sweep.message_id is None:
        return None
    return f"https://discord.com/channels/{sweep.guild_id}/{sweep.channel_id}/{sweep.message_id}"


def started(progress: Progress, address: str, now: datetime, per_second: int) -> list[str]:
    """A request was taken, and the message at ``address`` shows it."""
    back = "" if progress.since is None else f" back to {exactly(progress.since)}"
    said = [f"It reads {what(progress)}{back}, the newest posts first. [Its message]({address}) shows how far it is."]
    if progress.since is not None and now - progress.since > LONG:
        said.append(f"-# {cost(per_second)}")
    return said


def cost(per_second: int) -> str:
    """What reading far back takes."""
    minutes = max(1, round(1_000_000 / per_second / 60))
    return (
        f"The bot reads up to {per_second:,} messages a second, in all of its servers together, because Discord limits "
        f"what it may ask for and deleting comes first: a million take {number(minutes, 'minute')} or more."
    )


def already(progress: Progress) -> str:
    """Somebody asked before for what somebody asks for now."""
    address = link(progress)
    shown = "" if address is None else f" [Its message]({address}) goes on to show it."
    return f"That is being scanned already; this is how far it is now.{shown}"


def server_question(outlook: Outlook, since: datetime, per_second: int) -> list[str]:
    """What reading the whole server means."""
    some = f"{number(outlook.channels, 'channel')} and active threads"
    closed = ""
    if outlook.unreadable:
        closed = (
            f" The bot may not read {number(outlook.unreadable, 'channel')}; `/scan status` then says what it lacks."
        )
    return [
        f"{some} are read back to {exactly(since)}, and the threads that were archived since.{closed}",
        f"{cost(per_second)} New posts are scanned as they come meanwhile.",
    ]


def cannot_read(channel_id: int, lacking: Sequence[str]) -> str:
    """The bot lacks what it needs to read a channel."""
    return (
        f"The bot cannot read <#{channel_id}>: give its role {' and '.join(lacking)} there, in the channel's settings "
        "under Permissions, and use the command again."
    )


# -------------------------------------------------------------------------------- status


def status(told: Status, lacking: Mapping[int, Sequence[str] | None]) -> Iterable[str]:
    """All reading in a server, a line each.

    ``lacking``: what the bot lacks now in the channels that could not be read; None for one that it does not know.
    """
    if not told.running:
        yield NOTHING_RUNS
    for place, progress in enumerate(told.running):
        if place:
            yield ""
        yield from _running(progress)
    if told.unreadable:
        yield ""
        yield "**Could not be read**"
        for one in told.unreadable:
            yield _closed(one.channel_id, lacking.get(one.channel_id))
    if told.finished:
        yield ""
        yield "**Ended**"
        for progress in told.finished:
            yield _ended(progress)


def _running(progress: Progress) -> Iterable[str]:
    sweep = progress.sweep
    heading = "Catching up after an outage" if sweep.kind is SweepKind.CATCH_UP else title(progress)
    address = link(progress)
    yield f"**{heading}**{'' if address is None else f' · [message]({address})'}"
    yield from lines(progress)
    yield f"{origin(progress)} · begun {ago(sweep.created_at)}"


def _closed(channel_id: int, lacking: Sequence[str] | None) -> str:
    if lacking is None:
        return f"- <#{channel_id}>: the bot does not see it any more"
    if lacking:
        return f"- <#{channel_id}>: give the bot's role {' and '.join(lacking)} there, then `/scan channel`"
    return f"- <#{channel_id}>: the bot may read it now; use `/scan channel` there"


def _ended(progress: Progress) -> str:
    when = "" if progress.sweep.finished_at is None else f" {ago(progress.sweep.finished_at)}:"
    if progress.sweep.kind is SweepKind.CATCH_UP:
        counts = progress.sweep.counts
        some = f"{number(counts.messages, 'message')} with {number(counts.media, 'picture')}"
        return f"- {name(progress)},{when} caught up after an outage: {some}, {outcome(progress)}."
    return f"- {name(progress)},{when} {result(progress)}"
