from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bot.demo.pictures import picture
from bot.matching.pdq import pdq
from bot.matching.views.extraction import MOST_VIEWS, BoxedViews, query_views
from bot.matching.views.kinds import REMOVE_LIMIT, REVIEW_LIMIT, ViewKind
from bot.matching.views.patches import plane_of
from bot.model import Orientation
from tests.matching.turns import bits_apart, brought_into

FOUND = (ViewKind.PANEL, ViewKind.RECTANGLE, ViewKind.TRIMMED)


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    return picture(seed, (600, 600)).convert("L").resize(size)


def views_of(image: Image.Image) -> BoxedViews:
    return query_views(*plane_of(np.array(image.convert("L"))))


def near(views: BoxedViews, entry: Image.Image, limits: NDArray[np.int16]) -> set[tuple[ViewKind, Orientation]]:
    """The kinds and orientations that match the entry's hash within the limits of their kind."""
    hash_ = pdq(entry).hash
    return {
        (ViewKind(kind), Orientation(j))
        for kind, hashes in zip(views.kinds, views.pdq, strict=True)
        for j, one in enumerate(hashes)
        if bits_apart(one, hash_) <= limits[kind]
    }


def has_box(views: BoxedViews, box: tuple[int, int, int, int], within: int) -> bool:
    boxes = views.boxes[np.isin(views.kinds, FOUND)]
    return bool((np.abs(boxes - np.array(box)).max(axis=1) <= within).any())


def page(image: Image.Image, size: tuple[int, int], place: tuple[int, int], ground: int = 255) -> Image.Image:
    canvas = Image.new("L", size, ground)
    canvas.paste(image, place)
    return canvas


def test_the_first_view_is_the_whole_picture() -> None:
    views = views_of(photo(0))

    assert views.kinds[0] == ViewKind.WHOLE
    assert tuple(views.boxes[0]) == (0, 0, 320, 240)
    assert bits_apart(views.pdq[0, 0], pdq(photo(0)).hash) <= 2


@pytest.mark.parametrize("orientation", Orientation)
def test_a_turned_picture_matches_in_its_orientation(orientation: Orientation) -> None:
    views = views_of(brought_into(photo(1), orientation))

    assert (ViewKind.WHOLE, orientation) in near(views, photo(1), REMOVE_LIMIT)


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_on_a_page_with_text_is_found_as_a_box(seed: int) -> None:
    canvas = page(photo(seed), (512, 480), (60, 130))
    draw = ImageDraw.Draw(canvas)
    for line in range(6):
        draw.text((40, 10 + 18 * line), "a line of text above the picture", fill=40)
    views = views_of(canvas)

    assert has_box(views, (60, 130, 380, 370), within=2)
    assert near(views, photo(seed), REMOVE_LIMIT)


def test_a_mirrored_picture_on_a_page_says_so() -> None:
    mirrored = brought_into(photo(2), Orientation.MIRRORED)
    views = views_of(page(mirrored, (512, 400), (90, 90)))

    assert {orientation for _, orientation in near(views, photo(2), REMOVE_LIMIT)} == {Orientation.MIRRORED}


@pytest.mark.parametrize("gap", [0, 8])
@pytest.mark.parametrize("place", range(4))
def test_every_cell_of_a_collage_is_found(gap: int, place: int) -> None:
    cells = [photo(seed, (240, 180)) for seed in range(4)]
    canvas = Image.new("L", (480 + gap, 360 + gap), 255)
    for number, cell in enumerate(cells):
        canvas.paste(cell, ((240 + gap) * (number % 2), (180 + gap) * (number // 2)))

    assert near(views_of(canvas), cells[place], REVIEW_LIMIT)


@pytest.mark.parametrize("degrees", [6, -9, 14])
def test_a_turned_picture_on_a_plain_ground_is_turned_back(degrees: int) -> None:
    turned = photo(4, (400, 300)).rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255)

    assert (ViewKind.UPRIGHTED, Orientation.UPRIGHT) in near(views_of(turned), photo(4, (400, 300)), REMOVE_LIMIT)


@pytest.mark.parametrize("degrees", [-17, 5, 11])
def test_a_tilted_print_on_a_grained_table_is_turned_back(degrees: int) -> None:
    grain = np.random.default_rng(3).normal(110, 9, (440, 512))
    table = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(1))
    image = photo(2)
    tilted = image.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True)
    mask = Image.new("L", image.size, 255).rotate(degrees, expand=True)
    table.paste(tilted, (70, 40), mask)

    assert (ViewKind.UPRIGHTED, Orientation.UPRIGHT) in near(views_of(table), image, REVIEW_LIMIT)


@pytest.mark.parametrize("gap", [0, 6])
def test_every_cell_of_a_grid_of_nine_is_seen(gap: int) -> None:
    canvas = Image.new("L", (480 + 2 * gap, 480 + 2 * gap), 255)
    places = [(left, top) for left in range(0, 480, 160 + gap) for top in range(0, 480, 160 + gap)]
    for seed, place in enumerate(places):
        canvas.paste(photo(seed, (160, 160)), place)
    views = views_of(canvas)

    for left, top in places:
        assert has_box(views, (left, top, left + 160, top + 160), within=5)


@pytest.mark.parametrize("ground", [0, 255])
def test_bars_are_trimmed(ground: int) -> None:
    views = views_of(page(photo(5, (360, 270)), (360, 480), (0, 100), ground))

    assert has_box(views, (0, 100, 360, 370), within=2)
    assert near(views, photo(5, (360, 270)), REMOVE_LIMIT)


def test_a_caption_in_a_bar_is_left_out() -> None:
    canvas = page(photo(3, (480, 320)), (480, 400), (0, 80))
    ImageDraw.Draw(canvas).text((30, 20), "WHEN THE PICTURE HAS WORDS ABOVE IT", fill=0, font_size=22)

    assert near(views_of(canvas), photo(3, (480, 320)), REMOVE_LIMIT)


def test_bands_filled_with_the_blurred_picture_are_left_out() -> None:
    image = photo(6, (360, 240))
    canvas = image.resize((360, 480)).filter(ImageFilter.GaussianBlur(20))
    canvas.paste(image, (0, 120))

    assert near(views_of(canvas), image, REMOVE_LIMIT)


def test_a_card_with_round_corners_on_a_gradient_is_found() -> None:
    image = photo(2)
    canvas = Image.fromarray(np.tile(np.linspace(30, 220, 500), (420, 1)).astype(np.uint8))
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 319, 239), 14, fill=255)
    canvas.paste(image, (90, 90), mask)

    assert near(views_of(canvas), image, REMOVE_LIMIT)


def test_a_window_with_a_title_bar_and_margins_is_opened() -> None:
    window = page(photo(2, (280, 210)), (330, 290), (25, 50), 40)
    ImageDraw.Draw(window).rectangle((0, 0, 330, 24), fill=90)
    canvas = page(window, (512, 400), (100, 60), 200)

    assert near(views_of(canvas), photo(2, (280, 210)), REMOVE_LIMIT)


def test_a_slightly_cropped_picture_is_shown_but_not_removed() -> None:
    image = photo(2, (400, 300))
    views = views_of(image.crop((0, 0, 400 - 36, 300)))

    assert not near(views, image, REMOVE_LIMIT)
    assert near(views, image, REVIEW_LIMIT)


def test_guesses_never_remove() -> None:
    guesses = [ViewKind.SPLIT, ViewKind.UNTURNED, ViewKind.ZOOMED_OUT, ViewKind.WIDENED]

    assert (REMOVE_LIMIT[guesses] < 0).all()
    assert (REVIEW_LIMIT >= REMOVE_LIMIT).all()
    assert len(REMOVE_LIMIT) == len(REVIEW_LIMIT) == len(ViewKind)


@pytest.mark.parametrize("seed", range(8))
def test_unrelated_pictures_match_nothing(seed: int) -> None:
    others = [photo(other, (400, 300)) for other in range(8, 16)]
    canvas = page(photo(seed), (512, 400), (70, 70))
    for views in (views_of(photo(seed, (400, 300))), views_of(canvas)):
        assert not any(near(views, other, REVIEW_LIMIT) for other in others)


def test_the_same_plane_gives_the_same_views() -> None:
    plane = np.array(page(photo(0), (512, 400), (70, 70)))

    for one, other in zip(query_views(plane), query_views(plane.copy()), strict=True):
        assert np.array_equal(one, other)


def test_the_plane_is_left_as_it_was() -> None:
    plane = np.array(page(photo(0), (512, 400), (70, 70)))
    before = plane.copy()
    query_views(plane)

    assert np.array_equal(plane, before)


SIDES = st.one_of(st.integers(1, 40), st.integers(1, 300))


@st.composite
def planes(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Flat, noisy, striped and blocky planes, down to a single pixel."""
    height, width = draw(SIDES), draw(SIDES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    plane = np.full((height, width), draw(st.integers(0, 255)), np.uint8)
    for _ in range(draw(st.integers(0, 6))):
        top, left = rng.integers(0, height), rng.integers(0, width)
        part = plane[top : top + rng.integers(1, height + 1), left : left + rng.integers(1, width + 1)]
        part[:] = rng.integers(0, 256, part.shape if draw(st.booleans()) else (1, 1))
    return plane


@settings(max_examples=120, deadline=None)
@given(planes(), st.floats(1, 30))
def test_any_plane_gives_valid_views(plane: NDArray[np.uint8], factor: float) -> None:
    views = query_views(plane, factor)
    count = len(views.kinds)

    assert 1 <= count <= MOST_VIEWS
    assert views.kinds.dtype == views.pdq.dtype == views.phash.dtype == np.uint8
    assert views.pdq.shape == views.phash.shape == (count, 8, 32)
    assert views.boxes.shape == (count, 4)
    assert views.boxes.dtype == np.int32
    assert views.kinds.max() < len(ViewKind)
    boxes = views.boxes[views.boxes[:, 0] >= 0]
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes[:, 2:] <= (plane.shape[1], plane.shape[0])).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 1024), (1024, 1), (2, 700), (16, 1024), (1024, 1024), (64, 64)])
def test_extreme_shapes_give_valid_views(shape: tuple[int, int]) -> None:
    for plane in (np.zeros(shape, np.uint8), np.random.default_rng(1).integers(0, 256, shape, np.uint8)):
        views = query_views(plane)
        assert views.kinds[0] == ViewKind.WHOLE
        assert len(views.kinds) <= MOST_VIEWS


@pytest.mark.parametrize("wrong", [np.zeros((0, 5), np.uint8), np.zeros((5, 5), np.float32), np.zeros(5, np.uint8)])
def test_only_grey_planes_are_taken(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="plane"):
        query_views(wrong)


@pytest.mark.parametrize("size", [(97, 131), (150, 129), (300, 201)])
def test_a_small_picture_is_hashed_as_it_would_be_in_every_orientation(size: tuple[int, int]) -> None:
    """Sampling is not symmetric, so that flipping the hash of a small picture is not hashing the flipped picture."""
    image = photo(5, size)
    whole = views_of(image)
    for orientation in Orientation:
        turned = views_of(brought_into(image, orientation))
        for hashes, found in ((whole.pdq, turned.pdq), (whole.phash, turned.phash)):
            apart = np.bitwise_count(found[0, orientation] ^ hashes[0, Orientation.UPRIGHT]).sum()
            assert apart <= 2
