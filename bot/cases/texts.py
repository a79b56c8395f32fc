"""What the bot writes to members and logs about a case; the card's own words are in cogs/ui."""

from __future__ import annotations

from bot.model import Case, Category, Decision, MessageRef, Plan, Verdict

OWN_MESSAGE = "A message of yours is part of this case, so somebody else has to decide it."
OWN_DECISION = "The appeal is against a decision of yours, so another moderator has to answer it."
NOT_YOURS = "You have not claimed this case, so there is nothing to give back."
OTHERS_WERE_FASTER = "Others took every case that was free for you just now; please ask again."
TOO_LATE_TO_UNDO = (
    "This decision was made more than a day ago, so only a member with Manage Server can take it back, with /case undo."
)

DECIDED: dict[Decision, str] = {
    Decision.CONFIRM: "confirmed",
    Decision.NOT_A_MATCH: "called not a match",
    Decision.HARMLESS_EDIT: "called a harmless edit",
    Decision.DUPLICATE: "called a duplicate",
    Decision.NO_ACTION: "closed without action",
}


def observed(message: MessageRef, plan: Plan) -> str:
    """One line for the review channel of a guild that only observes. Holds a link, no text and no picture.

    In the lane of suspected minors it says what to do instead of why.
    """
    would = "removed" if plan.verdict is Verdict.REMOVE else "put up for review"
    if plan.match is not None and plan.match.category is Category.MINOR_SUSPECTED:
        return (
            f"Observe mode, **suspected minor**: {message.link} would be {would}. **Do not open, save, copy or forward "
            "the picture, and do not ask others to look.** One of you reports the message to Discord, once (*Report "
            "Message* in its menu), and removes it then."
        )
    return f"Observe mode: {message.link} would be {would}. {' '.join(plan.reasons)}"


def stale(case: Case) -> str:
    """To the moderator who lost a race."""
    if case.decision is not None and case.decided_by is not None and case.decided_at is not None:
        when = f"<t:{int(case.decided_at.timestamp())}:R>"
        what = DECIDED[case.decision]
        return f"<@{case.decided_by}> was faster: case {case.id} was {what} {when}. Nothing was done twice."
    return f"Case {case.id} changed since this card was drawn; it is drawn anew, please look again."


def claimed(case: Case) -> str:
    """To a moderator who wanted a case that somebody else holds."""
    if case.claimed_until is None:
        return f"<@{case.claimed_by}> has been given case {case.id}; ask them, or leave it to them."
    free = f"<t:{int(case.claimed_until.timestamp())}:R>"
    return f"<@{case.claimed_by}> is working on case {case.id}; unless they go on, it is free {free}."


def escalated(case: Case) -> str:
    """To those who decide escalated cases. Says nothing about what the case is."""
    return f"Case {case.id} was escalated and waits for you: its card has the buttons."


def appealed(case: Case) -> str:
    """To the moderators, when the first author appeals a decision. Says nothing about what the case is."""
    return (
        f"The decision on case {case.id} is appealed: somebody else than <@{case.decided_by}> answers it, with the "
        "buttons of its card."
    )


def copies(number: int) -> str:
    """A number of copies of a picture."""
    return "1 copy" if number == 1 else f"{number} copies"


def no_case(case_id: int) -> str:
    """There is no such case, or none that whoever asks may know of."""
    return f"There is no case {case_id}; it may have been erased after its time."
