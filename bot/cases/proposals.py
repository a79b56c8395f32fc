"""What a moderator is asked before a picture is listed: whether it is the picture itself that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.matching.likeness import alike, nearest_sightings
from bot.model import Fingerprint, Sighting, Thresholds, Verdict

SHARED_MESSAGES = 5
SHARED_FILES = 3
"""Messages and different files among them that look like a picture before it may be a template that many use."""


@dataclass(frozen=True, slots=True)
class Resembling:
    """Recent posts that nobody listed and that look like a picture: messages, and different files among them."""

    messages: int = 0
    files: int = 0

    @property
    def shared(self) -> bool:
        """Whether they are so many that the picture may have its frame from a template."""
        return self.messages >= SHARED_MESSAGES and self.files >= SHARED_FILES

    def sentence(self, days: int) -> str:
        """How many there are, and what that means."""
        return (
            f"{self.messages} posts of the last {days} days that nobody listed look like it ({self.files} different "
            "files): if they are no copies, such posts would come up for review."
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a moderator is asked before a picture is listed.

    ``doubts`` are sentences about why listing it as it is may be a mistake; ``has_border``: it can be listed with its
    border or without.
    """

    fingerprint: Fingerprint
    doubts: tuple[str, ...] = ()
    has_border: bool = False

    @property
    def clear(self) -> bool:
        """Whether there is nothing to ask."""
        return not self.doubts and not self.has_border


def lookalikes(fingerprint: Fingerprint, sightings: Sequence[Sighting], limits: Thresholds) -> list[Sighting]:
    """The ordinary ones among sightings that would reach the review tier if the picture were an entry.

    Those of the very file are left out: they are copies.
    """
    found: list[Sighting] = []
    prints = [sighting.fingerprint for sighting in sightings if sighting.fingerprint is not None]
    ordinary = [sighting for sighting in sightings if sighting.fingerprint is not None]
    for sighting, other, distance in zip(ordinary, prints, nearest_sightings(fingerprint, prints), strict=True):
        if sighting.verdict is not Verdict.CLEAR or other.sha256 == fingerprint.sha256:
            continue
        likeness = alike(fingerprint, other) if distance <= limits.review.distance else None
        if likeness is None or likeness.evidence is None:
            continue
        if limits.review.met_by(likeness.evidence, likeness.distance):
            found.append(sighting)
    return found
