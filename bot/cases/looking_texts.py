"""Why a rendering is not shown, and when a break would be good; in neutral words."""

from __future__ import annotations

from datetime import datetime

LANE = "Nothing is kept or shown of a suspected minor, however coarse; decide by the facts on the card."
REVEAL_OFF = (
    "This server shows no renderings of pictures; decide by the card, or ask somebody with Manage Server about "
    "/setup-review."
)
NOTHING_KEPT = (
    "There is no rendering of this case: none is made of the very file of an entry, of an upload or of what could not "
    "be read, and it is forgotten when a case ends."
)
OPTED_OUT = "You asked to be shown nothing of this category; /wellbeing opt-out changes that."
NONE_ALLOWED = (
    "Whoever runs the bot allows no renderings at all; decide by the card, or leave the case to somebody else."
)


def limit_reached(hour: int, day: int, free: datetime) -> str:
    """To a moderator who looked at as many renderings as is allowed."""
    when = f"<t:{int(free.timestamp()) + 1}:R>"
    return (
        f"You have looked at {_pictures(hour)} within an hour and {_pictures(day)} within a day, which is the limit; "
        f"you can look again {when}, and decide by the card before."
    )


def take_a_break(cases: int) -> str:
    """To a moderator who faced many cases within a short time."""
    many = "1 case" if cases == 1 else f"{cases} cases"
    return f"You have dealt with {many} within 20 minutes. This is a good moment for a break: the queue can wait."


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"
