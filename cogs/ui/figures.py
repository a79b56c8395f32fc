"""What was measured about the comparison, each number with what it counts. Texts take their numbers from here alone.

Recalls are means over EDITS kinds of edits of PHOTOGRAPHS listed photographs; see docs/matching.md for the benchmark.
"""

from __future__ import annotations

EDITS = 74
"""Kinds of edits: recompression, crops, turns, borders, screenshots, captions, stickers, collages and others."""

PHOTOGRAPHS = 60
"""Listed photographs that were edited."""

FOUND_FOR_REVIEW = 0.996
"""Share of the edited copies that reach the review tier."""

FOUND_FOR_REMOVAL = 0.972
"""Share of the edited copies that reach the standard tier of removal."""

FOUND_FOR_STRICT_REMOVAL = 0.949
"""Share of the edited copies that reach the strict tier of removal."""

FOUND_BY_WHOLE_PICTURES = 0.667
"""Share of the edited copies that reach the review tier without local features."""

FOUND_BY_FOREIGN_HASHES = 0.782
"""Share of the edited copies that reach the review tier where the entry is a PDQ hash and nothing else."""

REMOVED_BY_FOREIGN_HASHES = 0.660
"""Share of the edited copies that reach removal where the entry is a PDQ hash and nothing else."""

UNRELATED_PAIRS = 7_050_248
"""Pairs of a posted and a listed picture that have nothing to do with each other."""

WRONG_UNRELATED_PAIRS = 0
"""Unrelated pairs that reach any tier."""

BURST_FRAMES = 60
"""Frames of a burst of which another frame is listed: moved a little, with a third of the area changed."""

BURST_FRAMES_REVIEWED = 40
"""Burst frames that reach the review tier."""

BURST_FRAMES_REMOVED = 2
"""Burst frames that reach the standard tier of removal."""

BURST_FRAMES_STRICTLY_REMOVED = 2
"""Burst frames that reach the strict tier of removal."""

TEMPLATE_PICTURES = 180
"""Memes on the template of a listed meme, with another photograph in it."""

TEMPLATE_REVIEWED = 111
"""Memes of the same template that reach the review tier."""

TEMPLATE_REMOVED = 0
"""Memes of the same template that reach the standard tier of removal."""

TEMPLATE_STRICTLY_REMOVED = 0
"""Memes of the same template that reach the strict tier of removal."""

ORIGINALS = 480
"""Edited copies of innocent originals that differ from the listed picture in 15 % of their area."""

ORIGINALS_REMOVED = 0.688
"""Share of the originals that reach the standard tier of removal when they are not known to be good."""

ORIGINALS_REMOVED_WHEN_KNOWN = 0.0
"""Share of the originals that are still flagged when the original is on the known-good list."""


def percent(share: float) -> str:
    """A share in percent, as exact as it was measured: ``97.5 %``."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"
