"""Words of reporting, as members see them: all of them are translated where they are shown."""

from __future__ import annotations

from discord import app_commands
from discord.app_commands import locale_str

from bot.language import mark, say
from bot.model import Category, Language, MediaRef, ReportKind, Surface
from bot.reports.follow_up import Became, Followed

from .texts import ago

# -------------------------------------------------------------------------------- commands

MENU = mark("Report picture")
GROUP = mark("Report an abusive picture to the moderators, and see what became of it")
PICTURE = mark("Report an abusive picture to the moderators; nobody else sees it")
PICTURE_CATEGORY = mark("What it is")
PICTURE_LINK = mark("A link to the message with the picture (Copy Message Link)")
PICTURE_UPLOAD = mark("Or the picture itself; it is fingerprinted and not kept")
PICTURE_WORDS = mark("What the moderators should know; nobody else reads it")
STATUS = mark("Your reports in this server, what became of them, and taking them back")
MESSAGES = mark("Whether the bot writes to you what became of your reports")
MESSAGES_WANTED = mark("On or off")
ON = mark("On")
OFF = mark("Off")

CATEGORIES: dict[Category, str] = {
    Category.NCII_SYNTHETIC: mark("Sexual deepfake"),
    Category.NCII_REAL: mark("Real intimate picture"),
    Category.MINOR_SUSPECTED: mark("May be a minor"),
    Category.HARASSMENT: mark("Harassment or false news"),
    Category.SCAM: mark("Scam"),
    Category.OTHER: mark("Something else"),
}
CATEGORY_HINTS: dict[Category, str] = {
    Category.NCII_SYNTHETIC: mark("A real person, made to look naked or sexual"),
    Category.NCII_REAL: mark("Shared without the consent of the person shown"),
    Category.MINOR_SUSPECTED: mark("Somebody who may be under 18, shown sexually"),
    Category.HARASSMENT: mark("Made to hurt or threaten somebody, or to deceive about them"),
    Category.SCAM: mark("Made to cheat people"),
    Category.OTHER: mark("Against the rules in another way"),
}
CATEGORY_CHOICES = [
    app_commands.Choice(name=locale_str(words), value=category.value) for category, words in CATEGORIES.items()
]
MESSAGES_CHOICES = [
    app_commands.Choice(name=locale_str(ON), value=1),
    app_commands.Choice(name=locale_str(OFF), value=0),
]

# -------------------------------------------------------------------------------- the form

FORM_TITLE = mark("Report a picture")
FORM_CHOOSE = mark("Choose")
FORM_CATEGORY = mark("What is it?")
FORM_PICTURES = mark("Which pictures?")
FORM_LINK = mark("Link to the message")
FORM_LINK_HINT = mark("Copy Message Link in the message's menu. Or upload it below.")
FORM_UPLOADS = mark("Or the pictures themselves")
FORM_UPLOADS_HINT = mark("Up to ten. They are fingerprinted and not kept.")
FORM_WORDS = mark("What should the moderators know?")
FORM_WORDS_HINT = mark("Optional. Nobody else reads it.")
NAMED_NOTHING = mark("Please give a link to the message with the picture, or upload the picture.")

SURFACES: dict[Surface, str] = {
    Surface.ATTACHMENT: mark("Picture"),
    Surface.EMBED_IMAGE: mark("Picture of a link"),
    Surface.EMBED_THUMBNAIL: mark("Preview of a link"),
    Surface.EMBED_VIDEO: mark("Video of a link"),
    Surface.EMBED_ICON: mark("Icon of a link"),
    Surface.STICKER: mark("Sticker"),
    Surface.EMOJI: mark("Emoji"),
    Surface.COMPONENT: mark("Picture of an app"),
    Surface.AVATAR: mark("Avatar"),
    Surface.COMMAND: mark("Upload"),
    Surface.FILE: mark("File"),
}
FORWARDED = mark("{what}, forwarded")


def picture(language: Language, number: int, item: MediaRef) -> tuple[str, str]:
    """One of several pictures of a message, in a list to choose from: its label, and what it is."""
    what = say(language, SURFACES[item.surface])
    if item.forwarded:
        what = say(language, FORWARDED, what=what)
    return f"{number}. {item.filename or what}", what


# -------------------------------------------------------------------------------- status

STATUS_TITLE = mark("Your reports in this server")
NO_REPORTS = mark("You have reported nothing here, or it was erased after its time.")
REPORT = mark("**Report {number}** · {category} · {when}")
TAKEDOWN = mark("**Request {number}** to take a picture down · {when}")
REPORT_LINK = mark("[The message]({link})")
TAKE_BACK = mark("Take a report back")
TAKE_BACK_REPORT = mark("Report {number}: {category}")
TAKE_BACK_TAKEDOWN = mark("Request {number}")
MESSAGES_ON = mark("From now on the bot writes to you once about each report, when it is decided.")
MESSAGES_OFF = mark("The bot writes to you about your reports no more. `/report status` shows what becomes of them.")

BECAME: dict[Became, str] = {
    Became.WAITING: mark("It waits for a moderator."),
    Became.REMOVED_FIRST: mark("The message is removed already; a moderator still decides about it."),
    Became.AGAIN: mark("It was decided once, and is being looked at again."),
    Became.CONFIRMED: mark("Confirmed by a moderator: it is removed, and kept away from now on."),
    Became.WITHIN_RULES: mark("A moderator looked at it: it does not break the rules on abusive pictures."),
    Became.NOTHING_DONE: mark("It was looked at, and nothing was done."),
    Became.UNDECIDED: mark("Nobody decided in time. If the picture still stands, please report it again."),
    Became.TAKEN_BACK: mark("You took it back."),
}


def head(language: Language, of: Followed) -> str:
    """What a report was, and when."""
    report, when = of.report, ago(of.report.created_at)
    if report.kind is ReportKind.TAKEDOWN:
        text = say(language, TAKEDOWN, number=report.id, when=when)
    else:
        category = say(language, CATEGORIES[report.category])
        text = say(language, REPORT, number=report.id, category=category, when=when)
    return text if of.link is None else f"{text} · {say(language, REPORT_LINK, link=of.link)}"


def take_back(language: Language, of: Followed) -> str:
    """A report in the menu of those that can be taken back."""
    report = of.report
    if report.kind is ReportKind.TAKEDOWN:
        return say(language, TAKE_BACK_TAKEDOWN, number=report.id)
    return say(language, TAKE_BACK_REPORT, number=report.id, category=say(language, CATEGORIES[report.category]))
