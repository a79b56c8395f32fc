"""What the bot writes to authors of removed messages. Never who decided, no detail where a minor is suspected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.model import Case, CaseState, Category, Decision, PolicyReason, Sanction, SanctionKind, Sighting

from .states import APPEAL_WINDOW

RULES: dict[PolicyReason, str] = {
    PolicyReason.SEXUAL_DEEPFAKE: "the rule against sexual deepfakes",
    PolicyReason.INTIMATE_PICTURE: "the rule against intimate pictures shared without consent",
    PolicyReason.HARASSMENT: "the rule against harassment",
    PolicyReason.SCAM: "the rule against scams",
}
OTHER_RULE = "the rules of this server"

LISTED: dict[Category, str] = {
    Category.NCII_SYNTHETIC: " as a sexual deepfake",
    Category.NCII_REAL: " as an intimate picture shared without consent",
    Category.HARASSMENT: " as harassment",
    Category.SCAM: " as a scam",
}

GUIDE = (
    "-# `/deepfakes` in the server explains how to recognise manipulated pictures, why not to pass them on, and where "
    "to find help."
)
GUIDED = (Category.NCII_SYNTHETIC, Category.NCII_REAL, Category.HARASSMENT)
GUIDED_RULES = (PolicyReason.SEXUAL_DEEPFAKE, PolicyReason.INTIMATE_PICTURE, PolicyReason.HARASSMENT)
"""What the guide of /deepfakes is about: by the category of a case, and by the rule that a decision named."""

NO_PENALTY = "No penalty was applied."
ANOTHER = "Another moderator answers it."
NOT_PUT_BACK = "A removed message cannot be put back."

_LIFTED: dict[SanctionKind, str] = {
    SanctionKind.WARN: "The warning is taken back.",
    SanctionKind.TIMEOUT: "Your timeout is lifted.",
    SanctionKind.KICK: "You may join the server again.",
    SanctionKind.BAN: "Your ban is lifted, so you may join the server again.",
}


@dataclass(frozen=True, slots=True)
class Posted:
    """What of a member's a notice is about: how many messages, and where."""

    messages: int = 1
    channel_id: int | None = None
    elsewhere: bool = False

    @classmethod
    def of(cls, sightings: Sequence[Sighting]) -> Posted:
        """The messages of these sightings; without any, just one somewhere."""
        if not sightings:
            return cls()
        channels = {sighting.message.channel_id for sighting in sightings}
        messages = {sighting.message.message_id for sighting in sightings}
        return cls(len(messages), sightings[0].message.channel_id, len(channels) > 1)

    @property
    def words(self) -> str:
        """``your message with a picture in #fan-art``, in Discord's markup."""
        what = "your message with a picture" if self.messages == 1 else f"your {self.messages} messages with a picture"
        place = "" if self.channel_id is None else f" in <#{self.channel_id}>"
        return f"{what}{place}{' and elsewhere' if self.elsewhere else ''}"

    @property
    def was(self) -> str:
        """The same as the beginning of a sentence, with its verb."""
        return f"{self.words[0].upper()}{self.words[1:]} {'was' if self.messages == 1 else 'were'}"


def rule(case: Case) -> str:
    """The rule that a confirmed case is about."""
    if case.in_lane or case.policy_reason is None:
        return OTHER_RULE
    return RULES.get(case.policy_reason, OTHER_RULE)


def removed(case: Case, posted: Posted, at: datetime, *, seen_at: datetime, held: bool = False) -> str:
    """After a removal at this time of what was posted at ``seen_at``: what happened, and who looks at it.

    ``held``: members reported it. How many or who they were is nobody's business but the moderators'.
    """
    if case.state is CaseState.EXPIRED:
        return expired(posted)
    if case.decision is not None and case.decision.mistaken:
        return restored(case, posted)
    if case.decision is Decision.CONFIRM and case.decided_at is not None:
        if seen_at <= case.decided_at:
            return confirmed(case, posted, None)
        found = f"because a moderator had already confirmed that the picture breaks {rule(case)}"
        return f"{posted.was} removed automatically, {found}.{_then(NO_PENALTY, case.decided_at)}{_guide(case)}"
    if case.decision_number:
        return (
            f"{posted.was} removed. Moderators are looking at the picture again.{_then(NO_PENALTY, at)}{_guide(case)}"
        )
    if case.in_lane:
        return f"{posted.was} removed automatically until a person has checked it.{_then(NO_PENALTY, at)}"
    if held:
        why = "because members of this server reported the picture"
        return f"{posted.was} removed until a moderator has looked at it, {why}.{_then(NO_PENALTY, at)}"
    listed = f"because the picture matches one that this server's blocklist lists{LISTED.get(case.category, '')}"
    checked = f"{posted.was} removed automatically, {listed}. A moderator checks it."
    return f"{checked}{_then(NO_PENALTY, at)}{_guide(case)}"


def confirmed(case: Case, posted: Posted, sanction: Sanction | None) -> str:
    """A moderator decided that the picture breaks a rule."""
    assert case.decided_at is not None
    goes = "the message is" if posted.messages == 1 else "the messages are"
    return (
        f"A moderator decided about {posted.words}: the picture breaks {rule(case)}, and {goes} removed."
        f"{_then(penalty(sanction), case.decided_at)} {ANOTHER}{_guide(case)}"
    )


def taken_back(posted: Posted, sanctions: Sequence[Sanction]) -> str:
    """The moderators took a decision back."""
    return (
        f"The moderators took their decision about {posted.words} back and look at it again. {_lifts(sanctions)}"
        "You do not have to do anything, and you will hear how it ends."
    )


def restored(case: Case, posted: Posted, sanctions: Sequence[Sanction] = ()) -> str:
    """A moderator decided that it was a mistake; ``sanctions`` are lifted with that."""
    found = "found that it was a mistake: nothing is held against you, and you may post the picture again"
    if case.decision is Decision.NO_ACTION:  # nothing was learnt from it: posted again, it would be removed again
        found = "found nothing that has to be done: nothing is held against you"
    return (
        f"{posted.was} removed. A moderator looked at it and {found}. {_lifts(sanctions)}{NOT_PUT_BACK} We are sorry."
    )


def expired(posted: Posted) -> str:
    """Nobody decided in time."""
    return (
        f"{posted.was} removed, and nobody confirmed in time that it breaks a rule. The case is closed and nothing is "
        f"held against you. {NOT_PUT_BACK}"
    )


def appeal_refused(case: Case, posted: Posted, sanction: Sanction | None) -> str:
    """The first decision of a person answers an appeal against the removal: it was right."""
    assert case.decided_at is not None
    told_apart = sanction is not None and sanction.kind is SanctionKind.WARN
    return (
        f"A moderator read your appeal about {posted.words} and decided: the picture breaks {rule(case)}, so it stays "
        f"removed.{_then('' if told_apart else penalty(sanction), case.decided_at)} {ANOTHER}"
    )


def appeal_upheld(case: Case, posted: Posted, sanction: Sanction | None) -> str:
    """Another moderator answers an appeal against a decision: it stays."""
    stays = "The decision and its penalty stay." if sanction is not None else f"The decision stays. {NO_PENALTY}"
    return (
        f"Your appeal about {posted.words} was answered: another moderator looked at it and found, too, that the "
        f"picture breaks {rule(case)}.\n**{stays}**\nThis decision cannot be appealed again."
    )


def appeal_granted(case: Case, posted: Posted, sanctions: Sequence[Sanction]) -> str:
    """An appeal was right; ``sanctions`` are lifted with that."""
    again = "" if case.decision is Decision.NO_ACTION else ", and you may post the picture again"
    return (
        f"Your appeal about {posted.words} was granted: nothing is held against you{again}. {_lifts(sanctions)}"
        f"{NOT_PUT_BACK} We are sorry."
    )


def appeal_expired(posted: Posted) -> str:
    """Nobody answered an appeal against a removal in time."""
    return (
        f"Your appeal about {posted.words} is granted, because nobody confirmed in time that the picture breaks a "
        f"rule. The case is closed and nothing is held against you. {NOT_PUT_BACK}"
    )


def penalty(sanction: Sanction | None) -> str:
    """Which penalty a decision brought, if any."""
    if sanction is None:
        return NO_PENALTY
    match sanction.kind:
        case SanctionKind.WARN:
            return "This is a warning; there is no other penalty."
        case SanctionKind.TIMEOUT:
            until = "" if sanction.until is None else f" until <t:{int(sanction.until.timestamp())}:f>"
            return f"The penalty is a timeout{until}."
        case SanctionKind.KICK:
            return "The penalty is that you are removed from the server; you may join again."
        case SanctionKind.BAN:
            return "The penalty is a ban from the server."


def how(since: datetime) -> str:
    """How to appeal against what happened at this time."""
    until = int((since + APPEAL_WINDOW).timestamp())
    return (
        f"If you think that this is a mistake, you can appeal until <t:{until}:D>: press the button below, or use "
        "`/appeal` in the server."
    )


def _then(said: str, since: datetime) -> str:
    """After what happened: the penalty, if it is told here, and how to appeal."""
    return f"\n**{said}**\n{how(since)}" if said else f"\n{how(since)}"


def _guide(case: Case) -> str:
    """The last line of a notice of a removal: the guide, if it is about such pictures. Never of suspected minors."""
    if case.in_lane:
        return ""
    about = case.category in GUIDED if case.policy_reason is None else case.policy_reason in GUIDED_RULES
    return f"\n{GUIDE}" if about else ""


def _lifts(sanctions: Sequence[Sanction]) -> str:
    """What is lifted, as sentences that end in a space; nothing at all without sanctions."""
    return "".join(f"{_LIFTED[sanction.kind]} " for sanction in sanctions)
