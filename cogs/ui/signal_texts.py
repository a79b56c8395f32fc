"""What the files of a case say about themselves, in neutral words. What it is worth stands in docs/moderators.md."""

from __future__ import annotations

from bot.model import Case, Signal, SignalKind, SignalSource

SAYS = "**The file says of itself:**"

_KINDS = {
    SignalKind.AI_MADE: ("AI-made", "AI-made with {tool}"),
    SignalKind.AI_EDITED: ("edited with AI", "edited with AI: {tool}"),
    SignalKind.CAMERA: ("taken with a camera", "taken with a camera of {tool}"),
    SignalKind.SOFTWARE: ("made or changed with a program", "saved with {tool}"),
    SignalKind.REMOTE: ("its manifest lies elsewhere and was not fetched", "its manifest lies elsewhere: {tool}"),
}
"""Without and with the name of a program or maker."""

_SOURCES = {
    SignalSource.PNG_TEXT: "PNG text",
    SignalSource.EXIF: "EXIF",
    SignalSource.IPTC: "IPTC",
    SignalSource.XMP: "XMP",
    SignalSource.C2PA: "C2PA",
}


def lines(case: Case) -> list[str]:
    """One line about a case whose files say something; of suspected minors no card says it."""
    if not case.signals or case.in_lane:
        return []
    said: dict[str, list[str]] = {}
    for signal in case.signals:
        said.setdefault(_statement(signal), []).append(_SOURCES[signal.source])
    return [f"{SAYS} " + " · ".join(f"{what} ({', '.join(places)})" for what, places in said.items())]


def _statement(signal: Signal) -> str:
    plain, named = _KINDS[signal.kind]
    what = named.format(tool=signal.tool) if signal.tool else plain
    return f"signed by whoever says so: {what}" if signal.signed else what
