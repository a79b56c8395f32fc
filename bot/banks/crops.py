"""Which forms of a picture an entry keeps: with its border, without it, or both.

A screenshot or a meme template has a border that harmless pictures share; what is inside of it is what was meant.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from bot.matching.likeness import same_picture
from bot.model import Fingerprint, Form, Thresholds


class Crop(StrEnum):
    """What of a picture becomes an entry."""

    BOTH = "both"
    INSIDE = "inside"
    AS_POSTED = "as_posted"


def has_border(fingerprint: Fingerprint, limits: Thresholds) -> bool:
    """Whether there is a choice: in some frame the picture without its border is another one than with it.

    A border so thin that either form finds the other leaves nothing to choose.
    """
    whole, inside = (_alone(fingerprint, form) for form in (Form.WHOLE, Form.TRIMMED))
    return any(not same_picture(whole[frame], inside[frame], limits) for frame in whole.keys() & inside.keys())


def _alone(fingerprint: Fingerprint, form: Form) -> dict[int, Fingerprint]:
    """Each frame's view of one form, as a picture of its own without a file."""
    return {
        view.frame: replace(fingerprint, sha256=b"", views=(view,)) for view in fingerprint.views if view.form is form
    }


def cropped(fingerprint: Fingerprint, crop: Crop) -> Fingerprint:
    """The fingerprint with the forms that were chosen. The exact file is kept in every case.

    Frames of an animation that have no border keep their only form. A PDQ hash is that of the picture as posted.
    """
    if crop is Crop.BOTH:
        return fingerprint
    unwanted = Form.WHOLE if crop is Crop.INSIDE else Form.TRIMMED
    wanted = {view.frame for view in fingerprint.views if view.form is not unwanted}
    views = tuple(view for view in fingerprint.views if view.form is not unwanted or view.frame not in wanted)
    return replace(fingerprint, views=views, pdq=() if crop is Crop.INSIDE else fingerprint.pdq)
