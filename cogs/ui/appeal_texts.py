"""Words of appeals, as the authors of removed messages see them."""

from __future__ import annotations

from datetime import datetime

from bot.cases.appeals import Appealable
from bot.cases.notice_texts import OTHER_RULE, RULES

COMMAND = "Ask for another look at a removed message or a penalty; only the moderators read it"
MENU_TITLE = "Appeal"
MENU_HOW = (
    "Choose what you want to appeal. A moderator who did not decide it reads what you write, and you will hear once "
    "how it was answered."
)
MENU = "Choose what to appeal"
NOTHING = (
    "There is nothing that you can appeal here. Each decision about a message of yours can be appealed once, within 30 "
    "days."
)
FORM_STATEMENT = "What should the moderators know?"
FORM_HINT = "Up to 1000 characters, read by the deciding moderators alone."
UNDECIDED = "Removed; nobody has decided yet"
DECIDED = "Decided by a moderator"
SENT_UNDECIDED = "Thank you. Whoever decides about it reads what you wrote, and you will hear once how it was answered."
SENT_DECIDED = (
    "Thank you. Another moderator than the one who decided looks at it again, and you will hear once how it was "
    "answered."
)


def form_title(case_id: int) -> str:
    """The title of the form."""
    return f"Appeal in case {case_id}"


def option(what: Appealable) -> tuple[str, str]:
    """One of several things to appeal: its label, and what it is. A suspected minor is named without any detail."""
    verb = "decided" if what.decided else "removed"
    label = f"Case {what.case_id} · {verb} {_day(what.at)}"
    if not what.decided:
        return label, UNDECIDED
    return label, DECIDED if what.reason is None else f"{DECIDED}: {RULES.get(what.reason, OTHER_RULE)}"


def sent(what: Appealable) -> str:
    """The appeal arrived."""
    return SENT_DECIDED if what.decided else SENT_UNDECIDED


def _day(time: datetime) -> str:
    """A date where Discord renders none of its own: in the options of a menu."""
    return f"{time:%Y-%m-%d}"
