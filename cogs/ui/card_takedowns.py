"""The lines of a card about a request to take its picture down."""

from __future__ import annotations

from bot.cases import takedowns
from bot.model import CaseView
from bot.reports.takedowns import BY_FILE, EVENT

from . import texts

NAMED_ALONE = (
    "**Named by its fingerprint alone.** No post of this file is known here, so nobody here has seen the picture."
)


def lines(view: CaseView) -> list[str]:
    """Since when a request waits for a decision, and until when; nothing once the case is decided."""
    since = takedowns.waiting_since(view.case)
    if since is None:
        return []
    whose = next((event.detail for event in reversed(view.events) if event.kind == EVENT), "")
    asked = f"**Takedown requested** {texts.ago(since)}{f' {whose}' if whose else ''}"
    target, law = texts.ago(since + takedowns.TARGET), texts.ago(since + takedowns.LAW)
    return [f"{asked} · target {target} · the law's 48 hours end {law}"]


def file_alone(view: CaseView) -> bool:
    """Whether nothing but the digest of the file is known, and no copy shows more."""
    fingerprint = view.case.fingerprint
    if fingerprint is None or not fingerprint.file_alone:
        return False
    return not any(sighting.fingerprint is not None and sighting.fingerprint.width for sighting in view.sightings)


def named_alone(view: CaseView) -> bool:
    """Whether a file was named by its fingerprint, and no post of it is known."""
    by_file = any(event.kind == EVENT and event.detail.endswith(BY_FILE) for event in view.events)
    return by_file and not view.sighting_count
