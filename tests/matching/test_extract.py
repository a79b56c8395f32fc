"""What is taken of a picture: what is wanted, of distinct frames only, in the sizes that the rest relies on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.demo.pictures import bordered, picture
from bot.matching import features
from bot.matching.extract import PLANE_SIDE, Extraction, extract
from bot.matching.query import LEAST_FEATURES, Frame, Query, Wanted
from bot.matching.views.extraction import MOST_VIEWS
from bot.matching.views.kinds import ViewKind
from bot.model import GRID_BYTES, MOST_PDQ_HASHES, ORIENTATIONS, PHASH_BYTES, Form

SHA = bytes(32)
ALL = Wanted.FEATURES | Wanted.VIEWS | Wanted.REFERENCE
SIZE = (300, 400)


def of(*frames: Image.Image, wanted: Wanted = ALL) -> Query:
    extraction = Extraction(wanted)
    for number, frame in enumerate(frames):
        extraction.add(number, frame)
    return extraction.query(sha256=SHA, size=SIZE, total_frames=max(1, len(frames)))


def seen_through(colour: int) -> Image.Image:
    """A picture drawn in its transparency alone: on the ground of its own colour it is nothing."""
    drawn = Image.new("RGBA", SIZE, (colour, colour, colour, 0))
    drawn.putalpha(picture(5, SIZE).convert("L"))
    return drawn


@pytest.mark.parametrize("wanted", [Wanted(number) for number in range(16)])
def test_what_is_wanted_is_there_and_nothing_else(wanted: Wanted) -> None:
    found = of(picture(1, SIZE), wanted=wanted)
    assert len(found.fingerprint.views) == 1
    looked = bool(wanted & (Wanted.FEATURES | Wanted.VIEWS | Wanted.PLANES))
    assert len(found.frames) == looked
    for frame in found.frames:
        assert (frame.features is not None) == bool(wanted & Wanted.FEATURES)
        assert (frame.views is not None) == bool(wanted & Wanted.VIEWS)
    assert bool(found.references) == bool(wanted & Wanted.REFERENCE)
    assert bool(found.fingerprint.pdq) == bool(wanted & Wanted.REFERENCE)
    assert found.fingerprint.views == of(picture(1, SIZE), wanted=Wanted.NOTHING).fingerprint.views


def test_frames_that_show_the_same_are_looked_at_once() -> None:
    still, other = picture(1, SIZE), picture(2, SIZE)
    brighter = still.point(lambda value: min(255, value + 3))
    found = of(still, brighter, other, still)
    assert [view.frame for view in found.fingerprint.views] == [0, 2]
    assert [frame.number for frame in found.frames] == [0, 2]
    assert [reference.view for reference in found.references] == [0, 1]
    assert found.fingerprint.frames == 4


def test_every_view_of_an_entry_has_its_own_reference() -> None:
    image = bordered(picture(3, SIZE), fill=(255, 255, 255))
    found = of(image, picture(4, SIZE))
    forms = [view.form for view in found.fingerprint.views]
    assert forms[:2] == [Form.WHOLE, Form.TRIMMED]
    assert [reference.view for reference in found.references] == list(range(len(forms)))
    whole, trimmed = found.references[:2]
    assert max(whole.width, whole.height) == max(trimmed.width, trimmed.height) == 512
    assert trimmed.width / trimmed.height == pytest.approx(SIZE[0] / SIZE[1], abs=0.03)
    assert whole.width / whole.height == pytest.approx(image.width / image.height, abs=0.01)


def test_a_transparent_picture_is_looked_at_on_white_and_on_black() -> None:
    for colour in (0, 255):
        found = of(seen_through(colour))
        assert [frame.number for frame in found.frames] == [0, 0]
        assert sum(len(frame.features.points) >= LEAST_FEATURES for frame in found.frames) == 1
        assert not found.plain
        assert found.references


def test_a_plain_picture_with_enough_features_is_not_plain() -> None:
    """Too little in it as a whole for a hash, and yet a small picture somewhere in it can be found."""
    page = Image.new("L", (1200, 1600), 255)
    page.paste(picture(1, (150, 200)).convert("L"), (500, 700))
    found = of(page, wanted=Wanted.FEATURES)
    assert not any(view.form is Form.WHOLE for view in found.fingerprint.views)
    assert not found.plain
    assert of(page, wanted=Wanted.NOTHING).frames == ()


@pytest.mark.parametrize("image", [Image.new("RGB", SIZE), Image.linear_gradient("L"), Image.new("RGBA", (1, 1))])
def test_a_plain_picture_is_plain(image: Image.Image) -> None:
    found = of(image)
    assert found.plain
    assert found.references == ()
    assert found.fingerprint.pdq == ()
    assert of().plain


def test_the_digests_and_sizes_are_the_files() -> None:
    extraction = Extraction(Wanted.NOTHING)
    extraction.add(0, picture(1, SIZE), 4.0)
    found = extraction.query(sha256=b"s" * 32, md5=b"m" * 16, size=(1200, 1600), total_frames=7).fingerprint
    assert (found.sha256, found.md5, found.width, found.height, found.frames) == (b"s" * 32, b"m" * 16, 1200, 1600, 7)
    alone = extract(picture(1, SIZE), Wanted.NOTHING, sha256=b"s" * 32).fingerprint
    assert (alone.width, alone.height, alone.frames, alone.views) == (*SIZE, 1, found.views)


def check_frame(frame: Frame, wanted: Wanted) -> None:
    height, width = frame.plane.shape
    assert max(height, width) == PLANE_SIDE
    assert frame.plane.dtype == np.uint8
    assert frame.scale >= PLANE_SIDE / features.MOST_QUERY_SIDE
    if wanted & Wanted.FEATURES:
        assert frame.features is not None
        points = frame.features.points
        assert np.isfinite(points).all()
        assert ((points[:, :2] >= 0) & (points[:, :2] * frame.scale <= (width, height))).all()
    if wanted & Wanted.VIEWS:
        assert frame.views is not None
        count = len(frame.views.kinds)
        assert 1 <= count <= MOST_VIEWS
        assert frame.views.kinds[0] == ViewKind.WHOLE
        assert frame.views.pdq.shape == frame.views.phash.shape == (count, ORIENTATIONS, PHASH_BYTES)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 500),
    st.integers(1, 500),
    st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"]),
    st.sampled_from(list(map(Wanted, range(8)))),
    st.sampled_from([1, 6, 40]),
    st.integers(0, 2**32 - 1),
)
def test_any_picture_has_a_well_formed_query(
    width: int, height: int, mode: str, wanted: Wanted, grain: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-height // grain), -(-width // grain), 3)).astype(np.uint8)
    pixels = np.ascontiguousarray(coarse.repeat(grain, 0).repeat(grain, 1)[:height, :width])
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels[..., 0].astype(np.uint16) << 8) if mode == "I;16" else image.convert(mode)
    found = of(image, wanted=wanted)
    assert len(found.fingerprint.pdq) <= MOST_PDQ_HASHES
    for view in found.fingerprint.views:
        assert (len(view.hashes), len(view.grid)) == (ORIENTATIONS * PHASH_BYTES, GRID_BYTES)
    for frame in found.frames:
        check_frame(frame, wanted)
    for reference in found.references:
        assert reference.view < len(found.fingerprint.views)
        assert 0 < reference.width <= 512
        assert 0 < reference.height <= 512
        points = reference.features.points
        assert np.isfinite(points).all()
        assert ((points[:, :2] >= -0.5) & (points[:, :2] <= (reference.width, reference.height))).all()
