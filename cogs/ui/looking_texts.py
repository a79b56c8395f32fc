"""The words about looking at renderings. None of them says that a coarse picture protects whoever looks."""

from __future__ import annotations

from collections.abc import Collection

from discord import app_commands

from bot.cases.looking import OwnCounts, Reveal
from bot.model import Category

from . import texts

LOOK = "Look"
DONE = "Done"
SHOW = "Show it"
LEAVE = "Leave it"
DESCRIPTION = "A coarse grey rendering"

QUESTION_TITLE = "Show a coarse grey rendering of this picture?"
QUESTION = (
    (
        "It is made of about 25 bytes: grey, at most 32 by 32 points, scaled up. Only you see it, for a minute, behind "
        "a spoiler. It is counted for you, and the history of the case says that you looked."
    ),
    (
        "You do not have to look: the card is made to be decided by, and you may leave the case to somebody else "
        "without giving a reason. Coarse and grey is not known to make looking easier to bear."
    ),
)
LEFT = "Nothing was shown, and nothing was counted."
TOO_LATE = "Nobody answered, so nothing was shown; press Look again."
PUT_AWAY = "The rendering is put away."

COUNTS_TITLE = "What you have faced here"
COUNTS_NOTE = (
    "-# Only you are shown these numbers. *Looked at* are renderings; *decided* are cases in severe categories, which "
    "weigh without a look, too."
)

OPT_OUT_TITLE = "What you want to be shown"
OPT_OUT_CHOICES = [
    app_commands.Choice(name=texts.CATEGORIES[category], value=category.value)
    for category in Category
    if category is not Category.MINOR_SUSPECTED
]
SHOWN_CHOICES = [app_commands.Choice(name="nothing", value="nothing"), app_commands.Choice(name="ask me", value="ask")]
NO_OPT_OUT = "You have opted out of no category. A rendering is shown only after a question, whatever it is of."
BOTH_OR_NEITHER = (
    "Name a category and what to show of it, both of them; without either, the command tells what you chose."
)

SUPPORT_TITLE = "Looking after yourself"
SUPPORT = (
    (
        "**You never have to look**, and you may skip any case without giving a reason. What is known to weigh is how "
        "much one sees, and for how long: take turns, and stop when it is enough for today. `/wellbeing opt-out` keeps "
        "renderings of a category away from you."
    ),
    "**Take breaks** before you need them: away from the screen, with something that has nothing to do with this.",
    (
        "**Tell somebody.** Your fellow moderators and admins know what this work is; you can talk about how it is for "
        "you without describing a picture. Sleeping badly, pictures that come back, or being numb are reasons to stop "
        "for a while, and to talk to a doctor or a counsellor."
    ),
    (
        "**If it is too much now:** <https://findahelpline.com> lists free and confidential help lines by country. If "
        "you or somebody else is in danger, call your local emergency number."
    ),
)


def title(case_id: int) -> str:
    """Over the rendering of a case."""
    return f"Case #{case_id}"


def looked(reveal: Reveal) -> str:
    """Under a rendering: how many it were by now, and whether that is worth a word."""
    line = f"-# You have looked at {reveal.hour} within an hour and {reveal.day} within a day."
    if reveal.soft_limit:
        line += " That is many: the next case can be somebody else's."
    return line


def counts(own: OwnCounts) -> str:
    """What somebody faced, a line for each stretch of time."""
    stretches = (("Last hour", own.hour), ("Last 24 hours", own.day), ("Last 30 days", own.month))
    return "\n".join(
        f"{name}: **{number.revealed}** looked at · **{number.decided}** decided" for name, number in stretches
    )


def opted_out(categories: Collection[Category]) -> str:
    """What somebody wants to be shown nothing of."""
    if not categories:
        return NO_OPT_OUT
    names = ", ".join(texts.CATEGORIES[category] for category in Category if category in categories)
    return f"You are shown nothing of: {names}. `/wellbeing opt-out` with *ask me* changes that."
