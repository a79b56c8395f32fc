"""What a member is told of the end of a case that they reported: what was done, and never who else was involved.

Every text names the number of its report. It is the member's handle, and it tells two messages of one member apart: a
call whose end is unknown is looked for by its words.
"""

from __future__ import annotations

from bot.language import mark, say, say_count
from bot.model import Case, CaseState, Decision, Language, Report, ReportKind

HOW = mark("`/report status` shows all that you reported; `/report messages` switches these messages off.")

BLOCKED = mark(
    "Thank you for report {report}. A moderator confirmed it: the picture is on the server's blocklist now, so it is "
    "removed if somebody posts it here."
)
BLOCKED_AS_ASKED = mark(
    "A moderator granted your request {report}: the picture is on the server's blocklist now, so it is removed if "
    "somebody posts it here."
)
CONFIRMED = mark("Thank you for report {report}. A moderator confirmed it, and what you reported is being removed.")
GRANTED = mark("A moderator granted your request {report}, and what you named is being removed.")
NOT_CONFIRMED = mark(
    "Thank you for report {report}. A moderator looked at it and found that it does not break the rules on abusive "
    "pictures."
)
REFUSED = mark(
    "A moderator looked at what you named in request {report} and decided not to remove it. If you disagree, write to "
    "the moderators; you can also report it to Discord itself: <https://discord.com/report>."
)
NO_ACTION = mark("Thank you for report {report}. A moderator looked at it and closed it without doing anything.")
NO_ACTION_AS_ASKED = mark(
    "A moderator looked at what you named in request {report} and closed it without doing anything. If you disagree, "
    "write to the moderators; you can also report it to Discord itself: <https://discord.com/report>."
)
UNDECIDED = mark(
    "Thank you for report {report}. The moderators did not get to it in time, so nothing was decided. If the picture "
    "still stands, please report it again."
)
UNDECIDED_AS_ASKED = mark(
    "The moderators did not get to your request {report} in time, so nothing was decided. Please ask again, or write "
    "to them; you can also report it to Discord itself: <https://discord.com/report>."
)


def outcome(case: Case, report: Report, *, copies: int, left_out: bool) -> str:
    """The message to a member. ``copies``: of the picture in this server; ``left_out``: not the one they reported."""
    text = _outcome(case, report, copies, left_out=left_out)
    return f"{text}\n-# {say(report.language, HOW)}"


def _outcome(case: Case, report: Report, copies: int, *, left_out: bool) -> str:
    language, asked = report.language, report.kind is ReportKind.TAKEDOWN
    if case.decision is Decision.CONFIRM and not left_out:
        return _confirmed(language, report.id, copies, listed=case.entry_id is not None, asked=asked)
    if case.state is CaseState.EXPIRED:
        text = UNDECIDED_AS_ASKED if asked else UNDECIDED
    elif case.decision is Decision.NO_ACTION:
        text = NO_ACTION_AS_ASKED if asked else NO_ACTION
    else:
        text = REFUSED if asked else NOT_CONFIRMED
    return say(language, text, report=report.id)


def _confirmed(language: Language, report: int, copies: int, *, listed: bool, asked: bool) -> str:
    if not listed:  # a file that the bot could not read
        return say(language, GRANTED if asked else CONFIRMED, report=report)
    if not copies:
        return say(language, BLOCKED_AS_ASKED if asked else BLOCKED, report=report)
    if asked:
        return say_count(
            language,
            "A moderator granted your request {report}: the picture is on the server's blocklist now, and its one copy "
            "here is being removed.",
            "A moderator granted your request {report}: the picture is on the server's blocklist now, and its {number} "
            "copies here are being removed.",
            copies,
            report=report,
        )
    return say_count(
        language,
        "Thank you for report {report}. A moderator confirmed it: the picture is on the server's blocklist now, and "
        "its one copy here is being removed.",
        "Thank you for report {report}. A moderator confirmed it: the picture is on the server's blocklist now, and "
        "its {number} copies here are being removed.",
        copies,
        report=report,
    )
