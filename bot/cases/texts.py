"""What the bot writes to members and logs about a case; the card's own words are in cogs/ui."""

from __future__ import annotations

from bot.model import Case, Category, Decision, MessageRef, Plan, Verdict

OWN_MESSAGE = "A message of yours is part of this case, so somebody else has to decide it."


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


def restored(case: Case) -> str:
    """To the author of a message that was removed by mistake."""
    del case
    return (
        "A message of yours with a picture was removed automatically because the picture looked like one on the "
        "server's blocklist. A moderator looked at it and it was a mistake: nothing is held against you, and you may "
        "post the picture again. A removed message cannot be put back. We are sorry."
    )


def outcome(case: Case) -> str:
    """To a member who reported, once. Says what was done, never who else was involved."""
    if case.decision is Decision.CONFIRM:
        return (
            "Thank you for your report. A moderator confirmed it: the picture is on the server's blocklist now and "
            "its copies are removed."
        )
    return (
        "Thank you for your report. A moderator looked at it and found that it does not break the rules on abusive "
        "pictures, so it stays."
    )


def stale(case: Case) -> str:
    """To the moderator who lost a race."""
    if case.decided_by is not None and case.decided_at is not None:
        decision = "confirmed" if case.decision is Decision.CONFIRM else "called not a match"
        when = f"<t:{int(case.decided_at.timestamp())}:R>"
        return f"<@{case.decided_by}> was faster: case {case.id} was {decision} {when}. Nothing was done twice."
    return f"Case {case.id} changed since this card was drawn; it is drawn anew, please look again."
