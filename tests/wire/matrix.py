"""The cells of the fault matrix: which fault, at which step of a picture's way, and what comes of it."""

from __future__ import annotations

from enum import StrEnum

from .steps import Step


class Fault(StrEnum):
    """What goes wrong."""

    SIGKILL = "SIGKILL, restart"
    SIGTERM = "SIGTERM, restart"
    REST_503 = "REST answers 503"
    REST_RESET = "REST resets the connection"
    REST_BANNED = "REST answers 429 without Via"
    REST_SILENT = "REST does not answer"
    SESSION = "the session becomes invalid"
    CDN = "the media host is down, then up"
    DECODERS = "all decoders are killed"
    BLIND = "no decoder can be started for a while"
    LOCKED = "SQLite is locked by another program"
    DISK = "the disk is full, logs included"
    POSTGRES = "PostgreSQL drops all connections"


class Outcome(StrEnum):
    """What a cell of the table says."""

    KEPT = "✓"
    CATCH_UP = "c"
    """What was only in memory, or never delivered, is read again from the channel after the restart."""


REST = (Fault.REST_503, Fault.REST_RESET, Fault.REST_BANNED, Fault.REST_SILENT)
BEFORE_FETCHED = (Step.ARRIVED, Step.QUEUED, Step.FETCHING)
BEFORE_DECODED = (*BEFORE_FETCHED, Step.DECODING)
BEFORE_WRITTEN = (*BEFORE_DECODED, Step.WRITING)


def outcome(fault: Fault, step: Step) -> Outcome | str:
    """What must come of a fault at a step; a sentence where the cell makes no sense."""
    if fault in REST and step in BEFORE_WRITTEN:
        return "No call to REST is made before the plan is written."
    if fault is Fault.CDN and step not in BEFORE_FETCHED:
        return "The media host has delivered and is not asked again."
    if fault is Fault.BLIND and step not in BEFORE_DECODED:
        return "The picture is decoded and no decoder is asked again."
    if fault is Fault.SIGKILL and step in BEFORE_WRITTEN:
        return Outcome.CATCH_UP
    if fault in {Fault.SIGTERM, Fault.SESSION} and step is Step.ARRIVED:
        return Outcome.CATCH_UP
    return Outcome.KEPT


CELLS = [(fault, step) for fault in Fault for step in Step if isinstance(outcome(fault, step), Outcome)]


def table() -> str:
    """The matrix as it stands in docs/reliability.md, without its reasons."""
    lines = ["| Fault | " + " | ".join(Step) + " |", "| --- |" + " :-: |" * len(Step)]
    for fault in Fault:
        found = [outcome(fault, step) for step in Step]
        marks = [one if isinstance(one, Outcome) else "-" for one in found]
        lines.append(f"| {fault} | " + " | ".join(marks) + " |")
    return "\n".join(lines)
