"""What listing a picture says and asks."""

from __future__ import annotations

from collections.abc import Sequence

from discord import app_commands

from bot.banks.crops import Crop
from bot.banks.service import CROP
from bot.cases.hunt import Blocked
from bot.cases.proposals import Proposal
from bot.model import BankLevel, Entry, Mode

from .texts import CATEGORIES, count

BLOCKED_TITLE = "Blocked"
KNOWN_GOOD_TITLE = "Known-good"
QUESTION_TITLE = "Before it is listed"
LIST_ANYWAY = "List it anyway"
CANCEL = "Cancel"
CANCELLED = "Nothing was listed."
TOO_LATE = "Nobody answered for ten minutes, so nothing was listed; use the command again."
CROPS: dict[Crop, str] = {
    Crop.BOTH: "With and without its border (recommended)",
    Crop.INSIDE: "Only the inside of the border",
    Crop.AS_POSTED: "Only as posted",
}
BORDER = (
    "It has a border. *With and without* finds copies with any border and with none. *Only the inside* is right for a "
    "screenshot or a template, whose frame harmless pictures have as well."
)

LEVELS: dict[BankLevel, str] = {
    BankLevel.OBSERVE: "observe: only write down what would happen",
    BankLevel.REVIEW: "review: ask the moderators, remove nothing alone",
    BankLevel.STRICT: "strict: remove alone only by the strict tier",
    BankLevel.REMOVE: "remove: whatever the server's mode and strictness allow",
}
LEVEL_CHOICES = [app_commands.Choice(name=words, value=level.value) for level, words in LEVELS.items()]

ONLY_OBSERVING = "This server only observes, so nothing is removed; change the mode with /setup."
ONLY_REVIEWING = "This server reviews everything: copies go to the moderators from now on, and stay until they decide."
_FROM_NOW_ON: dict[BankLevel, str] = {
    BankLevel.OBSERVE: "This list is only observed: copies are written down, and stay (`/blocklist level`).",
    BankLevel.REVIEW: "This list only flags: copies go to the moderators, and stay until they decide.",
    BankLevel.STRICT: "Copies that reach the strict tier are removed from now on; others go to the moderators.",
    BankLevel.REMOVE: "Clear copies are removed from now on; near ones go to the moderators.",
}


def question(proposal: Proposal, name: str | None) -> Sequence[str]:
    """Why it is asked, and what the choices mean. ``name`` tells the picture from others of the same message."""
    found = [f"**{name}**"] if name is not None else []
    if proposal.doubts:
        found += [*(f"⚠️ {doubt}" for doubt in proposal.doubts), f"{CROP} `/blocklist add` takes an upload."]
    return [*found, BORDER] if proposal.has_border else found


def blocked(result: Blocked) -> str:
    """What blocking one picture did."""
    words = CATEGORIES[result.entry.category]
    if result.existing:
        lines = [f"This very file is on the blocklist already, as **E-{result.entry.id}** ({words})."]
    else:
        lines = [f"Listed as **E-{result.entry.id}** ({words}), case #{result.case.id}."]
    if result.earlier.removed:
        lines.append(f"{count(result.earlier.removed, 'earlier copy', 'earlier copies')} found and being removed.")
    if result.earlier.review:
        lines.append(f"{count(result.earlier.review, 'earlier post')} found that only looks like it: see its case.")
    return "\n".join((*lines, *result.warnings))


def from_now_on(mode: Mode, level: BankLevel, *, strict: bool) -> str:
    """What becomes of copies by a list of this level, in a server of this mode and, if ``strict``, of that tier."""
    if mode is Mode.OBSERVE:
        return ONLY_OBSERVING
    removing = level in (BankLevel.STRICT, BankLevel.REMOVE)
    if removing and mode is Mode.REVIEW:
        return ONLY_REVIEWING
    return _FROM_NOW_ON[BankLevel.STRICT if removing and strict else level]


def level_set(level: BankLevel, now: str) -> str:
    """The level of the server's own list was changed; ``now`` is what that means."""
    return f"The blocklist of this server is at level {LEVELS[level]}. {now}"


def known_good_listed(entry: Entry, *, existing: bool) -> str:
    """What listing a harmless picture did."""
    if existing:
        return f"This very file is on the known-good list already, as **E-{entry.id}**."
    if entry.fingerprint.plain:
        return f"Listed as **E-{entry.id}**: this very file stays up from now on."
    return f"Listed as **E-{entry.id}**. What lies nearer to it than to a blocked picture stays up from now on."
