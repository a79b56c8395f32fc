"""Every word of /takedown, for members, in their language. It never asks for the picture itself."""

from __future__ import annotations

from collections.abc import Iterator

from discord import app_commands

from bot.language import mark, say
from bot.model import Category, GuildSettings, Language
from bot.reports.takedowns import Acting, Answer, Outcome

from . import report_texts, texts

COMMAND = mark("Ask for a picture of you to be taken down, by link or fingerprint. Never send the picture itself")
OPTION_FOR = mark("Whether you are the person shown, or act for them")
OPTION_LINK = mark("A link to the message with the picture (Copy Message Link)")
OPTION_FINGERPRINT = mark("Or the SHA-256 of the file, made on your own device; the picture stays with you")
OPTION_CATEGORY = mark("What it is, if you want to say so")
OPTION_WORDS = mark("What the moderators should know, if you want to say more. You need no proof")

SELF = mark("I am the person shown")
FOR_THEM = mark("I act for them")
ACTING_CHOICES = [
    app_commands.Choice(name=SELF, value=Acting.SELF.value),
    app_commands.Choice(name=FOR_THEM, value=Acting.FOR_THEM.value),
]

FORM_TITLE = mark("Take a picture down")
FORM_WHAT = mark("Link to the message, or fingerprint")
FORM_WHAT_HINT = mark("Copy Message Link, or the SHA-256 of the file. Please never send the picture itself.")
FORM_CATEGORY = mark("What is it?")
FORM_CATEGORY_HINT = mark("You may leave this empty.")
FORM_WORDS = mark("What should the moderators know?")
FORM_WORDS_HINT = mark("You may leave this empty. You need no proof.")
FORM_CHOOSE = mark("Choose")

ONE_OF_THE_TWO = mark("Please give either a link to a message or a fingerprint of a file, one of the two.")

TITLE = mark("Your request")
WAITS = mark(
    "Thank you for telling us. Your request is at the top of the moderators' queue, and they have been called."
)
REMOVED = mark(
    "Thank you for telling us. The picture matches the server's blocklist and is being removed now; the moderators "
    "have been called to check it."
)
AGAIN = mark("You have asked for this already. It is at the top of the moderators' queue.")
REFUSED = mark(
    "The moderators have looked at your request about this picture and set it aside. If you think that this is wrong, "
    "please write to them; the official ways below do not depend on this server."
)
LISTED = mark(
    "The server's blocklist has this very file already: a post of it is removed when it comes, and whatever of it "
    "still stands here is being removed now."
)
NEXT = mark(
    "**What happens next:** a moderator looks at it; the target is one hour. You will hear once what came of it, and "
    "`/report status` shows it at any time. Nobody will ask you for the picture or for a proof of who you are."
)
BY_FILE = mark(
    "**About the fingerprint:** it finds the exact file alone. Where the picture stands in a message here, give the "
    "link to that message, too, so that edited copies can be found."
)
OWN = mark(
    "This is your own message, so you can also delete it yourself, at once. Copies of others are looked for here."
)

WAYS = mark("**Outside this server** you can ask as well:")
DISCORD = mark(
    "- Discord itself: *Report Message* in the menu of the message, or the form at <https://discord.com/report>. Under "
    "the US Take It Down Act it has to remove an intimate picture, a fake one too, within 48 hours after the person "
    "shown or somebody who acts for them asked."
)
STOPNCII = mark(
    "- <https://stopncii.org>, from 18: makes a fingerprint on your own device and passes it on to large platforms."
)
TAKE_IT_DOWN = mark("- <https://takeitdown.ncmec.org>, for pictures of somebody under 18: the same, free of charge.")
HOTLINE = mark("- Help in your country, as this server names it: {hotline}")


def category(language: Language, of: Category) -> str:
    """What a category is called in a form."""
    return say(language, report_texts.CATEGORIES[of])


def answer(language: Language, guild: GuildSettings, of: Answer, about: Category, *, by_file: bool) -> Iterator[str]:
    """What whoever asked is told, in paragraphs: what happened, what happens next, and the ways outside."""
    yield say(language, _SAID[of.outcome])
    if of.outcome in (Outcome.WAITS, Outcome.REMOVED, Outcome.AGAIN):
        yield say(language, NEXT)
    if by_file and of.outcome is not Outcome.LISTED:
        yield say(language, BY_FILE)
    if of.own:
        yield say(language, OWN)
    if about is Category.MINOR_SUSPECTED:
        yield say(language, texts.MINOR_GUIDANCE)
    ways = [say(language, way) for way in (WAYS, DISCORD, STOPNCII, TAKE_IT_DOWN)]
    if guild.hotline:
        ways.append(say(language, HOTLINE, hotline=guild.hotline))
    yield "\n".join(ways)


_SAID: dict[Outcome, str] = {
    Outcome.WAITS: WAITS,
    Outcome.REMOVED: REMOVED,
    Outcome.AGAIN: AGAIN,
    Outcome.REFUSED: REFUSED,
    Outcome.LISTED: LISTED,
}
