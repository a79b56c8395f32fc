"""Words of ``/privacy``, as members see them: all of them are translated where they are shown."""

from __future__ import annotations

from collections.abc import Iterator

from bot.language import mark, say, say_count
from bot.model import (
    MOST_WORDS,
    Appeal,
    Category,
    Language,
    Report,
    ReportKind,
    ReportState,
    Sanction,
    SanctionKind,
)
from bot.reports.privacy import Deletion, Holdings, Periods

from .card_people import plain
from .pages import ROOM, Page, pack
from .report_texts import CATEGORIES
from .texts import exactly

# -------------------------------------------------------------------------------- commands and buttons

GROUP = mark("What the bot holds on you in this server")
SHOW = mark("See what the bot holds on you in this server; only you see it")
DELETE = mark("Delete what the bot holds on you in this server; you are asked first")

SHOW_TITLE = mark("What is held on you in this server")
QUESTION_TITLE = mark("Delete what is held on you in this server?")
DELETED_TITLE = mark("Deleted")
YES = mark("Delete it")
NO = mark("Keep it")
KEPT = mark("Nothing was deleted.")
TOO_LATE = mark("Nobody answered, so nothing was deleted; use the command again.")

SANCTIONS: dict[SanctionKind, str] = {
    SanctionKind.WARN: mark("warning"),
    SanctionKind.TIMEOUT: mark("timeout"),
    SanctionKind.KICK: mark("kick"),
    SanctionKind.BAN: mark("ban"),
}
WORDS = 2 * MOST_WORDS
"""Characters of a member's own words on a line: all that they could write, with everything in it escaped."""

# -------------------------------------------------------------------------------- show


def page(language: Language, held: Holdings, periods: Periods, number: int) -> Page:
    """One page of all that is held on a member; the last one for a number that is too high."""
    title = f"### {say(language, SHOW_TITLE)}"
    pages = pack(_shown(language, held, periods), ROOM - len(title))
    number = min(number, len(pages))
    return Page([title, pages[number - 1]], number, len(pages), language=language)


def _shown(language: Language, held: Holdings, periods: Periods) -> Iterator[str]:
    """The lines. How long a thing is kept stands under it."""
    yield say(
        language, "Only you see this. It is about this server alone, and `/privacy delete` deletes what can be deleted."
    )
    yield from _reports(language, held, periods)
    yield from _choices(language, held)
    yield from _posted(language, held, periods)
    yield from _appeals(language, held, periods)
    yield from _moderator(language, held, periods)
    yield ""
    yield say(language, "**Not held:** pictures, texts of messages, names, and who posted what nobody objected to.")


def _reports(language: Language, held: Holdings, periods: Periods) -> Iterator[str]:
    number = len(held.reports)
    yield ""
    yield say_count(language, "**{number} report of yours**", "**{number} reports of yours**", number)
    for report in held.reports:
        yield f"- {_report(language, report)}"
    if held.reports:
        yield say(language, "How often your reports were right is worked out of them, and moderators see it.")
        yield say_count(
            language,
            "That it was you is kept for {number} day after a report, sealed, so that you can be told the outcome.",
            "That it was you is kept for {number} days after a report, sealed, so that you can be told the outcome.",
            periods.identity,
        )
        yield say(language, "Then only a keyed digest is left, by which you find your own reports.")
        yield say(language, "Thirty days after you left this server, nothing leads to you any more.")
        yield _with_case(language, periods)


def _report(language: Language, report: Report) -> str:
    values = {"time": exactly(report.created_at), "category": say(language, CATEGORIES[report.category])}
    if report.kind is ReportKind.TAKEDOWN:
        line = say(language, "{time}: a request to take a picture down ({category}).", **values)
    elif report.state is ReportState.WITHDRAWN:
        line = say(language, "{time}: {category}. You took it back.", **values)
    else:
        line = say(language, "{time}: {category}.", **values)
    known = (
        say(language, "That it was you is known to the bot.")
        if report.reporter_id is not None
        else say(language, "That it was you is forgotten; a keyed digest is left.")
    )
    return " ".join([line, known, *_own_words(language, report.words)])


def _own_words(language: Language, words: str | None) -> Iterator[str]:
    if words is None:
        yield say(language, "What you wrote cannot be opened any more.")
    elif words:
        yield say(language, "You wrote: “{words}”", words=plain(words, WORDS))


def _choices(language: Language, held: Holdings) -> Iterator[str]:
    yield ""
    yield say(language, "**What you chose, and what applies to you**")
    if held.reporter.silent:
        yield say(language, "- You want no messages about your reports. Kept until you change it.")
    else:
        yield say(language, "- You hear what became of your reports. That is so for everybody, so nothing is kept.")
    if held.muted_until is not None:
        yield say(language, "- You cannot report here until {time}. Kept until then.", time=exactly(held.muted_until))
    if held.reporter.erase_at is not None:
        yield _until(language, held)


def _posted(language: Language, held: Holdings, periods: Periods) -> Iterator[str]:
    if not held.traces.messages and not held.sanctions:
        return
    yield ""
    yield say(language, "**Messages of yours that matched or were reported**")
    yield say_count(
        language,
        "- {number} message, with its place and time and the fingerprint of its picture.",
        "- {number} messages, with their places and times and the fingerprints of their pictures.",
        held.traces.messages,
    )
    for sanction in held.sanctions:
        yield f"- {_sanction(language, sanction)}"
    yield say(language, "Kept so that decisions can be explained, appealed and taken back.")
    yield _with_case(language, periods)


def _sanction(language: Language, sanction: Sanction) -> str:
    return say(
        language,
        "A penalty of {time}: {penalty}.",
        time=exactly(sanction.ordered_at),
        penalty=say(language, SANCTIONS[sanction.kind]),
    )


def _appeals(language: Language, held: Holdings, periods: Periods) -> Iterator[str]:
    if not held.appeals:
        return
    yield ""
    number = len(held.appeals)
    yield say_count(language, "**{number} appeal of yours**", "**{number} appeals of yours**", number)
    for appeal in held.appeals:
        yield f"- {_appeal(language, appeal)}"
    yield _with_case(language, periods)


def _appeal(language: Language, appeal: Appeal) -> str:
    made = say(language, "{time}, in case {case}.", time=exactly(appeal.created_at), case=appeal.case_id)
    return " ".join([made, *_own_words(language, appeal.statement)])


def _moderator(language: Language, held: Holdings, periods: Periods) -> Iterator[str]:
    traces = held.traces
    if not (traces.exposures or held.opted_out or traces.events or traces.entries or traces.sweeps):
        return
    yield ""
    yield say(language, "**What you did and faced as a moderator**")
    if traces.exposures:
        yield say_count(
            language,
            "- {number} time that you faced a case, of which only you see the number.",
            "- {number} times that you faced a case, of which only you see the number.",
            traces.exposures,
        )
        yield say_count(language, "Kept for {number} day.", "Kept for {number} days.", periods.exposures)
    if held.opted_out:
        names = ", ".join(say(language, CATEGORIES[each]) for each in Category if each in held.opted_out)
        yield say(
            language, "- What you do not want to be shown: {categories}. Kept until you change it.", categories=names
        )
    if traces.events:
        yield say_count(
            language,
            "- {number} line in the histories of cases says what you did.",
            "- {number} lines in the histories of cases say what you did.",
            traces.events,
        )
        yield _with_case(language, periods)
        yield say(
            language, "The audit log says it under a pseudonym, for good: else a history could be changed unseen."
        )
    if traces.entries:
        yield say_count(
            language,
            "- {number} picture on the lists of this server was listed by you. Kept as long as the list.",
            "- {number} pictures on the lists of this server were listed by you. Kept as long as the lists.",
            traces.entries,
        )
    if traces.sweeps:
        yield say_count(
            language,
            "- {number} check of older messages was asked for by you.",
            "- {number} checks of older messages were asked for by you.",
            traces.sweeps,
        )
        yield say_count(language, "Kept for {number} day.", "Kept for {number} days.", periods.sightings)


def _with_case(language: Language, periods: Periods) -> str:
    return say_count(
        language,
        "What belongs to a case goes {number} day after the case was decided.",
        "What belongs to a case goes {number} days after the case was decided.",
        periods.cases,
    )


# -------------------------------------------------------------------------------- delete


def question(language: Language, held: Holdings) -> list[str]:
    """What is asked before anything is deleted, with what it means."""
    asked = [
        say(
            language,
            "Deleted is who made your reports, what you wrote with them and in appeals, and what you chose. For "
            "moderators also what they faced and what they do not want to be shown.",
        ),
        say(
            language,
            "Your reports stay as reports of somebody. You do not find them here any more and cannot take them back.",
        ),
    ]
    if held.waiting:
        asked.append(
            say_count(
                language,
                "**{number} report of yours has no outcome yet: nobody can tell you then what became of it.**",
                "**{number} reports of yours have no outcome yet: nobody can tell you then what became of them.**",
                held.waiting,
            )
        )
    asked.append(say(language, "It cannot be undone."))
    return asked


def deleted(language: Language, deletion: Deletion, periods: Periods) -> list[str]:
    """What was deleted, then what stays and why."""
    traces = deletion.left.traces
    paragraphs = ["\n".join(_gone(language, deletion))]
    stays = [f"- {line}" for line in _stays(language, deletion.left, periods)]
    if stays:
        paragraphs.append("\n".join([say(language, "**What stays, and why**"), *stays]))
    if traces.messages or traces.events or traces.entries:
        paragraphs.append(say(language, "For what is left, ask whoever runs this bot; its privacy policy says how."))
    return paragraphs


def _gone(language: Language, deletion: Deletion) -> list[str]:
    gone: list[str] = []
    if deletion.reports:
        gone.append(
            say_count(
                language,
                "The bot does not know any more that {number} report was yours, nor what you wrote with it.",
                "The bot does not know any more that {number} reports were yours, nor what you wrote with them.",
                deletion.reports,
            )
        )
    if deletion.appeals:
        gone.append(
            say_count(
                language,
                "What you wrote in {number} appeal is deleted.",
                "What you wrote in {number} appeals is deleted.",
                deletion.appeals,
            )
        )
    if deletion.exposures:
        gone.append(
            say_count(
                language,
                "That you faced a case {number} time is deleted.",
                "That you faced a case {number} times is deleted.",
                deletion.exposures,
            )
        )
    return [
        *gone,
        say(language, "What you chose is deleted, too.") if gone else say(language, "What you chose is deleted."),
    ]


def _stays(language: Language, left: Holdings, periods: Periods) -> Iterator[str]:
    if left.reporter.erase_at is not None:
        yield _until(language, left)
    if left.muted_until is not None:
        yield say(
            language,
            "That you cannot report here until {time} stays until then: else anybody could shake it off.",
            time=exactly(left.muted_until),
        )
    if left.traces.messages or left.sanctions or left.appeals:
        yield say(
            language,
            "Messages of yours that matched or were reported, penalties, and that you appealed stay with their cases: "
            "they explain decisions.",
        )
        yield _with_case(language, periods)
    if left.traces.exposures:
        yield say(
            language,
            "That you faced cases within the last 24 hours stays, because it counts for your limits. Use the command "
            "again later to delete that, too.",
        )
    if left.traces.events or left.traces.entries:
        yield say(language, "What you did as a moderator stays in the histories of cases and on the lists.")


def _until(language: Language, held: Holdings) -> str:
    assert held.reporter.erase_at is not None, "asked for only where something is to go later"
    return say(
        language,
        "A keyed digest stays on reports that you made within a day: else one could report without limit by deleting. "
        "It goes by itself after {time}.",
        time=exactly(held.reporter.erase_at),
    )
