"""The demo's sentences about what happened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from bot.model import CaseEvent, Sighting, Verdict

_CARD_BUTTON = re.compile(r"stanguard:case:(\d+):")
_MENTION = re.compile(r"<(?:@[!&]?|#)(\d+)>")
_TIME = re.compile(r"<t:(\d+)(?::\w)?>")
_MARKS = re.compile(r"\*\*|__|`|^(?:-#|#{1,3}) ", re.MULTILINE)
_EVENTS = {
    "opened": "Opened {case}. {detail}",
    "reported": "Took a report into {case}.",
    "held": "Deleted what {case} is about until somebody decides: members who were right before reported it. {detail}",
    "report_withdrawn": "Noted that a report in {case} was taken back.",
    "confirm": "{actor} confirmed {case}.",
    "not_a_match": "{actor} decided that {case} is not a match.",
    "harmless_edit": "{actor} decided that {case} is a harmless edit.",
    "duplicate": "{actor} decided that {case} is a duplicate.",
    "no_action": "{actor} closed {case} without action.",
    "claimed": "{actor} is working on {case} now.",
    "released": "{actor} gave {case} back.",
    "skipped": "{actor} left {case} to the others.",
    "escalated": "{actor} escalated {case}.",
    "suspected_minor": "{case} went into the lane of suspected minors.",
    "excepted": "{actor} changed what {case} is about. {detail}",
    "sanctioned": "{actor} ordered for {case}: {detail}",
    "note": "{actor} wrote a note on {case}.",
    "undone": "{actor} took the decision on {case} back. {detail}",
    "blocked": "{actor} blocked the picture of {case}: it is entry {detail} of the blocklist now.",
    "entry_added": "The picture of {case} is on the blocklist now, as {detail}.",
    "known_good_added": "The picture of {case} is known-good now, as {detail}.",
    "entry_revoked": "Entry {detail} was wrong and matches nothing any more.",
    "hunted": "Looked for earlier copies for {case}. {detail}",
    "reopened": "Opened {case} again. {detail}",
    "appealed": "{actor} appealed in {case}, {detail}.",
    "upheld": "{actor} answered the appeal in {case}: the decision stays.",
    "overturned": "{actor} answered the appeal in {case}: the decision is taken back. {detail}",
    "not_told": "Could not tell a member about {case}. {detail}",
    "call_failed": "Something for {case} could not be done. {detail}",
}


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its word: ``1 copy``, ``3 copies``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def count_pictures(number: int) -> str:
    """What a message holds."""
    return {0: "a message", 1: "a picture"}.get(number, f"{number} pictures")


def case_event(event: CaseEvent, actor: str) -> str:
    """A line of a case's history as a sentence."""
    template = _EVENTS.get(event.kind, f"{{case}}: {event.kind.replace('_', ' ')}. {{detail}}")
    sentence = template.format(case=f"case {event.case_id}", detail=event.detail, actor=actor).strip()
    return sentence[:1].upper() + sentence[1:]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the bot found in one picture. ``clear``: it may stay."""

    text: str
    clear: bool


def finding(sighting: Sighting, why_clear: str) -> Finding:
    """What the bot found in one picture; ``why_clear`` says why it stays although it is near an entry."""
    if sighting.unscannable is not None:
        return Finding(f"Could not be read: {sighting.unscannable.sentence}", clear=False)
    near = f"E-{sighting.entry_id} ({sighting.distance} of 256 bits differ)"
    match sighting.verdict:
        case Verdict.REMOVE:
            return Finding(f"Matches entry {near}", clear=False)
        case Verdict.REVIEW if sighting.entry_id is not None:
            return Finding(f"May be entry {near}", clear=False)
        case _ if sighting.entry_id is not None:
            return Finding(f"On the blocklist since then, as {near}", clear=False)
        case _:
            return Finding(why_clear.removesuffix(".") or "Nothing near it on the blocklist", clear=True)


def joined(findings: Iterable[Finding]) -> str:
    """Several findings as one text, none of them twice."""
    return "; ".join(dict.fromkeys(finding.text for finding in findings))


def plain(text: str, names: Mapping[int, str]) -> str:
    """Discord's markup without its marks; ``names`` is what people and channels are called, by their ids."""
    text = _MENTION.sub(lambda match: names.get(int(match[1]), "…"), text)
    text = _TIME.sub(lambda match: f"{datetime.fromtimestamp(int(match[1])).astimezone():%Y-%m-%d}", text)
    return " ".join(_MARKS.sub("", text).split())


def duration(milliseconds: float) -> str:
    """A time that passed, in the unit that people would choose."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 60_000:.0f} min"


def case_of_card(payload: Mapping[str, Any]) -> int | None:
    """The number of the case whose card a message is; None for any other message."""
    waiting: list[Any] = [payload.get("components")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            component = cast("Mapping[str, Any]", part)
            found = _CARD_BUTTON.match(str(component.get("custom_id") or ""))
            if found is not None:
                return int(found[1])
            waiting += [component.get("components"), component.get("accessory")]
        elif isinstance(part, Sequence) and not isinstance(part, str):
            waiting.extend(cast("Sequence[Any]", part))
    return None
