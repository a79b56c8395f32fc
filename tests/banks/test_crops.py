"""What of a picture becomes an entry."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image, ImageOps

from bot.banks.crops import Crop, cropped, has_border
from bot.demo import pictures
from bot.matching.extract import extract
from bot.matching.query import Wanted
from bot.model import Fingerprint, Form, Thresholds

LIMITS = Thresholds()


def fingerprint(picture: Image.Image) -> Fingerprint:
    return extract(picture, Wanted.NOTHING, sha256=b"\1" * 32).fingerprint


@pytest.fixture(scope="module")
def framed() -> Fingerprint:
    made = fingerprint(ImageOps.expand(pictures.picture(3, (320, 400)), 60, "white"))
    return replace(made, md5=b"\2" * 16, pdq=(b"\3" * 32,))


def test_a_picture_in_a_wide_frame_has_a_border(framed: Fingerprint) -> None:
    assert has_border(framed, LIMITS)


def test_a_border_too_thin_to_matter_is_none() -> None:
    thin = fingerprint(ImageOps.expand(pictures.picture(3, (320, 400)), 3, "white"))
    assert not has_border(thin, LIMITS)
    assert not has_border(fingerprint(pictures.picture(3, (320, 400))), LIMITS)


def test_both_is_everything(framed: Fingerprint) -> None:
    assert cropped(framed, Crop.BOTH) == framed


def test_only_what_was_chosen_is_kept(framed: Fingerprint) -> None:
    inside, posted = cropped(framed, Crop.INSIDE), cropped(framed, Crop.AS_POSTED)
    assert [view.form for view in inside.views] == [Form.TRIMMED]
    assert [view.form for view in posted.views] == [Form.WHOLE]
    assert (inside.pdq, posted.pdq) == ((), framed.pdq)


def test_the_exact_file_is_always_kept(framed: Fingerprint) -> None:
    for crop in Crop:
        assert (cropped(framed, crop).sha256, cropped(framed, crop).md5) == (framed.sha256, framed.md5)


def test_a_frame_without_a_border_keeps_its_only_form(framed: Fingerprint) -> None:
    whole = framed.views[0]
    animation = replace(framed, views=(*framed.views, replace(whole, frame=1)), frames=2)
    kept = [(view.form, view.frame) for view in cropped(animation, Crop.INSIDE).views]
    assert kept == [(Form.TRIMMED, 0), (Form.WHOLE, 1)]
