"""Every word that the bot shows in Discord and that is not already a service's sentence, in one place."""

from __future__ import annotations

from datetime import datetime

from discord import app_commands

from bot.language import mark
from bot.model import BankKind, CaseOrigin, Category, MediaRef, Mode, Surface

# -------------------------------------------------------------------------------- words

CATEGORIES: dict[Category, str] = {
    Category.NCII_SYNTHETIC: "sexual deepfake",
    Category.NCII_REAL: "intimate picture shared without consent",
    Category.MINOR_SUSPECTED: "suspected minor",
    Category.HARASSMENT: "harassment",
    Category.SCAM: "scam",
    Category.OTHER: "other",
}
CATEGORY_HINTS: dict[Category, str] = {
    Category.NCII_SYNTHETIC: "A real person, made to look naked or sexual by a program",
    Category.NCII_REAL: "A real intimate picture that the person did not agree to share",
    Category.MINOR_SUSPECTED: "Somebody who may be under 18, shown sexually; goes to a lane of its own",
    Category.HARASSMENT: "Made to humiliate, threaten or hurt somebody",
    Category.SCAM: "Made to cheat people",
    Category.OTHER: "Against the rules in another way",
}
MODES: dict[Mode, str] = {
    Mode.OBSERVE: "observe: only write down what would happen",
    Mode.REVIEW: "review: ask the moderators, remove nothing alone",
    Mode.REMOVE: "remove: remove clear matches at once, then ask",
}
SURFACES: dict[Surface, str] = {
    Surface.ATTACHMENT: "picture",
    Surface.EMBED_IMAGE: "picture of a link",
    Surface.EMBED_THUMBNAIL: "preview of a link",
    Surface.EMBED_VIDEO: "video of a link",
    Surface.EMBED_ICON: "icon of a link",
    Surface.STICKER: "sticker",
    Surface.EMOJI: "emoji",
    Surface.COMPONENT: "picture of an app",
    Surface.AVATAR: "avatar",
    Surface.COMMAND: "upload",
    Surface.FILE: "file",
}
ORIGINS: dict[CaseOrigin, str] = {
    CaseOrigin.MATCH: "found by the scan",
    CaseOrigin.REPORT: "reported by a member",
    CaseOrigin.BLOCK: "blocked by a moderator",
    CaseOrigin.HUNT: "found among earlier posts",
}

MODE_CHOICES = [app_commands.Choice(name=words, value=mode.value) for mode, words in MODES.items()]
CATEGORY_CHOICES = [app_commands.Choice(name=words, value=category.value) for category, words in CATEGORIES.items()]

POSTED_NOWHERE = "**Posted** nowhere that the bot knows of"
UPLOADED = (
    "**Uploaded with a report.** The bot keeps no picture, so you cannot look at it here; if it stands in this server, "
    "ask for a report of the message itself."
)


def ago(time: datetime) -> str:
    """Markup that every reader's client turns into their own words, such as "2 minutes ago"."""
    return f"<t:{int(time.timestamp())}:R>"


def exactly(time: datetime) -> str:
    """Markup that every reader's client turns into their own date and time."""
    return f"<t:{int(time.timestamp())}:f>"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its word: ``1 copy``, ``3 copies``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


# -------------------------------------------------------------------------------- refusals and errors

SERVER_ONLY = mark("This works in a server only.")
NOT_A_MODERATOR = (
    "Only this server's moderators can do that. Somebody with Manage Server can name the moderators' role with /setup."
)
NOT_AN_ADMIN = "Only members with the permission Manage Server can change the settings."
NOT_CHILD_SAFETY = (
    "Cases and entries of suspected minors are for the child-safety role alone. Somebody with Manage Server can name "
    "it with /setup."
)
ESCALATED_CASE = (
    "This case was escalated, so it is for those who decide such cases. Somebody with Manage Server can name their "
    "role with /setup-review."
)
FOREIGN_CASE = "That case belongs to another server."
OLD_FORM = mark("That form is too old, or from before a restart; open it again.")
OLD_QUESTION = mark("That question was answered, or is from before a restart; use the command again.")
BAD_COMMAND = mark("Discord showed you an older form of this command; reload Discord (Ctrl+R) and try again.")


UNEXPECTED = mark(
    "Something went wrong here, and it was written down as `{reference}`. Please try again; if it stays, tell whoever "
    "runs the bot that reference."
)
"""For a failure that nobody expected. The reference finds the line in the log."""

# -------------------------------------------------------------------------------- pictures and messages

NO_PICTURE = mark("There is no picture in that message that the bot can see.")
NOT_A_LINK = mark("That is not a link to a message; copy one with Copy Message Link in the message's menu.")
OTHER_SERVER = mark("That message is in another server; report it there.")
NO_SUCH_MESSAGE = mark("There is no message there that both of us can see; it may have been removed already.")
PICTURE_OR_LINK = mark("Please give either a picture or a link to a message, one of the two.")

CHILD_SAFETY_CARE = "**Do not open, save, copy or forward this picture, and do not ask others to look.**"
CHILD_SAFETY_REPORT = (
    "One of you reports it to Discord, once: *Report Message* in the menu of a message that still stands; for one that "
    "is gone, <https://discord.com/report> with the ids below. Report first, then remove what still stands."
)
CHILD_SAFETY_DECIDE = (
    "Only the child-safety role decides here: *Confirm* removes it and keeps it away, *Not a match* says that it is "
    "harmless."
)

MINOR_GUIDANCE = mark(
    "If this may show a minor: do not open, save or send it again. Report the message to Discord itself "
    "(Report Message in its menu); that keeps the evidence for those who can act on it."
)


def unscannable(reasons: list[str]) -> str:
    """No picture of a message can be read; why."""
    return " ".join(("The bot cannot read the picture.", *dict.fromkeys(reasons)))


# -------------------------------------------------------------------------------- forms and lists

CHOOSE = "Choose"
BLOCK_TITLE = "Block this picture"
FORM_CATEGORY = "What is it?"
FORM_PICTURES = "Which of the pictures?"
FORM_NOTE = "Note for the other moderators"
FORM_NOTE_HINT = "Optional. Please no names of the people shown."


def picture(item: MediaRef) -> str:
    """One of several pictures of a message, in a list to choose from."""
    where = f"forwarded {SURFACES[item.surface]}" if item.forwarded else SURFACES[item.surface]
    return f"{where}: {item.filename}" if item.filename else where


EMPTY_LIST = "Nothing is listed yet."
NOT_AN_ENTRY = "Entries have numbers such as E-5; see the list for them."


def revoked(entry_id: int, kind: BankKind) -> str:
    """An entry was taken out."""
    effect = "matches nothing" if kind is BankKind.BLOCK else "protects nothing"
    return f"E-{entry_id} is revoked and {effect} any more. Cases and messages stay as they are."


def revoked_before(entry_id: int, at: datetime) -> str:
    """An entry had been taken out before."""
    return f"E-{entry_id} was revoked already, {ago(at)}."


def other_list(entry_id: int, command: str) -> str:
    """An entry stands on the other list."""
    return f"E-{entry_id} is on the other list; use {command} for it."


def no_such_page(page: int, pages: int) -> str:
    """A list is shorter than somebody thought."""
    return f"There is no page {page}; the list has {count(pages, 'page')}."


def page_footer(page: int, pages: int, total: int, command: str) -> str:
    """Where in a list a page is, and how to get to the next one."""
    more = f" · next: {command} list page:{page + 1}" if page < pages else ""
    return f"-# {count(total, 'entry', 'entries')} · page {page} of {pages}{more}"
