"""Features: exact symmetries, finding the same places in altered copies, and every shape of plane."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.matching import corners, descriptors, features
from bot.matching.features import Features

FULL_TURN = 2 * np.pi


def scene(seed: int = 0, width: int = 480, height: int = 360) -> np.ndarray:
    """A plane of overlapping shapes at many scales with a little grain."""
    rng = np.random.default_rng(seed)
    plane = np.full((height, width), 128, np.uint8)
    for _ in range(160):
        centre = int(rng.integers(width)), int(rng.integers(height))
        axes = int(rng.integers(4, 60)), int(rng.integers(4, 60))
        shade, angle = int(rng.integers(256)), float(rng.uniform(0, 180))
        if rng.random() < 0.5:
            cv2.ellipse(plane, centre, axes, angle, 0, 360, shade, -1)
        else:
            corners_of_box = cv2.boxPoints((centre, axes, angle)).astype(np.int32)
            cv2.fillPoly(plane, [corners_of_box], shade)
    plane = cv2.GaussianBlur(plane, (0, 0), 1.0)
    return np.clip(plane + rng.normal(0, 2, plane.shape), 0, 255).astype(np.uint8)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.bitwise_count(one[:, None] ^ other[None]).sum(2)


def nearest_gaps(one: Features, other: Features, expected: np.ndarray) -> np.ndarray:
    """For every feature of one, how far the feature of the nearest descriptor lies from the expected place (n, 2)."""
    found = distances(one.descriptors, other.descriptors).argmin(1)
    return np.hypot(*(other.points[found, :2] - expected).T)


def same_places(one: Features, other: Features, x_of_other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of features at the same place and of the same size, given the x of the others in the frame of one."""
    gap = np.abs(one.points[:, None, 0] - x_of_other) + np.abs(one.points[:, None, 1] - other.points[:, 1])
    return np.nonzero((gap < 0.01) & (np.abs(one.points[:, None, 2] - other.points[:, 2]) < 0.01))


def angle_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(np.angle(np.exp(1j * (one.astype(float) - other))))


def assert_well_formed(found: Features, plane: np.ndarray, count: int) -> None:
    n = len(found.descriptors)
    assert n <= count
    assert found.descriptors.shape == (n, 4)
    assert found.descriptors.dtype == np.uint64
    assert found.points.shape == (n, 4)
    assert found.points.dtype == np.float32
    assert found.mirrored.shape == found.doubtful.shape == (n,)
    assert found.mirrored.dtype == found.doubtful.dtype == np.uint8
    assert set(np.unique(found.mirrored)) | set(np.unique(found.doubtful)) <= {0, 1}
    height, width = plane.shape
    assert ((found.points[:, :2] >= 0) & (found.points[:, :2] <= (width - 1, height - 1))).all()
    assert (found.points[:, 2] >= features.PATCH * 0.98).all()
    assert (np.abs(found.points[:, 3]) <= np.pi + 1e-6).all()


MOST_OF_A_QUERY = features.FEATURES_PER_SIDE * features.MOST_QUERY_SIDE
MOST_OF_A_REFERENCE = sum(count for _, count in features.REFERENCE_SIDES)


class TestExtract:
    def test_yields_as_many_as_asked_and_the_same_every_time(self):
        plane = scene()
        first, second = features.extract(plane, 300), features.extract(plane.copy(), 300)
        assert len(first.descriptors) == 300
        assert_well_formed(first, plane, 300)
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one, other)

    def test_fewer_are_the_first_of_more(self):
        plane = scene(1)
        few, many = features.extract(plane, 100), features.extract(plane, 400)
        assert np.array_equal(few.descriptors, many.descriptors[:100])

    def test_spread_over_the_whole_plane_though_one_part_has_more_contrast(self):
        plane = scene(2)
        plane[:, 240:] = 128 + (plane[:, 240:].astype(int) - 128) // 5
        x = features.extract(plane, 300).points[:, 0]
        assert 0.3 < (x < 240).mean() < 0.7

    @pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (38, 38), (39, 39), (12, 300), (40, 3000)])
    def test_small_and_narrow_planes_are_no_error(self, shape):
        plane = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        assert_well_formed(features.extract(plane, 50), plane, 50)
        assert len(features.query(features.query_plane(plane)).descriptors) <= MOST_OF_A_QUERY
        assert len(features.reference(plane)[0].descriptors) <= MOST_OF_A_REFERENCE

    @pytest.mark.parametrize("shade", [0, 128, 255])
    def test_flat_planes_have_none(self, shade):
        found = features.extract(np.full((200, 300), shade, np.uint8), 100)
        assert_well_formed(found, np.zeros((200, 300)), 0)
        assert features.inverted(found).descriptors.shape == (0, 4)

    def test_takes_none_when_asked_for_none(self):
        assert len(features.extract(scene(), 0).descriptors) == 0

    def test_reads_any_layout_of_memory(self):
        plane = scene(3)
        expected = features.extract(plane, 100)
        padded = np.zeros((plane.shape[0], plane.shape[1] + 7), np.uint8)
        padded[:, :-7] = plane
        for layout in (np.asfortranarray(plane), padded[:, :-7], plane[::-1, ::-1].copy()[::-1, ::-1]):
            assert np.array_equal(features.extract(layout, 100).descriptors, expected.descriptors)

    @pytest.mark.parametrize("plane", [np.zeros((5, 5, 3), np.uint8), np.zeros((50, 50)), np.zeros(9, np.uint8)])
    def test_refuses_what_is_no_plane(self, plane):
        with pytest.raises(ValueError, match="two-dimensional"):
            features.extract(plane, 10)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 130), st.integers(1, 130), st.integers(0, 2**32), st.sampled_from([0, 1, 2, 255]))
    def test_any_plane_gives_well_formed_features(self, height, width, seed, amplitude):
        plane = np.random.default_rng(seed).integers(0, amplitude + 1, (height, width)).astype(np.uint8)
        assert_well_formed(features.extract(plane, 40), plane, 40)


class TestCorners:
    def test_are_the_corners_of_a_square(self):
        plane = np.full((120, 120), 40, np.uint8)
        plane[45:75, 45:75] = 200
        points = features.extract(plane, 40).points
        reach = 3 * points[:, 2] / features.PATCH
        for place in points[:, :2].T:
            assert (np.minimum(np.abs(place - 44.5), np.abs(place - 74.5)) <= reach).all()
        assert {(x > 60, y > 60) for x, y in points[:, :2]} == {
            (False, False), (False, True), (True, False), (True, True),
        }  # fmt: skip

    def test_agree_with_the_segment_test_of_opencv(self):
        """Every corner passes the segment test at the threshold, checked against OpenCV's own detector."""
        plane = scene(4)
        levels = corners.pyramid(plane)
        found = corners.corners(levels, 500)
        detector = cv2.FastFeatureDetector.create(5, True, cv2.FAST_FEATURE_DETECTOR_TYPE_9_16)
        for level in range(len(levels.tops)):
            top, height, width = levels.tops[level], levels.heights[level], levels.widths[level]
            passed = {
                (round(p.pt[0]), round(p.pt[1])) for p in detector.detect(levels.sharp[top : top + height, :width])
            }
            own = found.level == level
            assert {(int(x), int(y)) for x, y in zip(found.x[own], found.y[own], strict=True)} <= passed

    def test_keep_their_distance_from_the_border(self):
        levels = corners.pyramid(scene(5))
        found = corners.corners(levels, 800)
        for place, lengths in ((found.x, levels.widths), (found.y, levels.heights)):
            assert (place >= corners.MARGIN).all()
            assert (place < lengths[found.level] - corners.MARGIN).all()

    def test_at_most_two_in_any_small_square(self):
        """A square of 4 pixels touches at most four cells of 8 pixels."""
        plane = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
        points = features.extract(plane, 5000).points
        assert len(points) > 500
        _, number = np.unique(np.floor(points[:, :2] / 8), axis=0, return_counts=True)
        assert number.max() <= 8
        assert len(points) <= 2 * 25 * 25


class TestMirror:
    @settings(max_examples=50)
    @given(st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4))
    def test_twice_is_the_same_and_commutes_with_inversion(self, words):
        one = np.array([words], np.uint64)
        assert np.array_equal(features.mirror(features.mirror(one)), one)
        assert np.array_equal(descriptors.invert(descriptors.invert(one)), one)
        assert np.array_equal(features.mirror(descriptors.invert(one)), descriptors.invert(features.mirror(one)))

    @settings(max_examples=50)
    @given(st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4))
    def test_both_forms_have_one_canonical_form(self, words):
        one = np.array([words], np.uint64)
        here, there = descriptors.canonical(one), descriptors.canonical(features.mirror(one))
        assert here.doubtful[0] == there.doubtful[0]
        if np.array_equal(here.descriptors, there.descriptors):
            assert (
                here.mirrored[0] != there.mirrored[0] or np.array_equal(features.mirror(one), one) or here.doubtful[0]
            )
        else:  # exactly between both forms, and said to be
            assert here.doubtful[0] == 1

    @pytest.mark.parametrize("width", [480, 475])
    def test_the_mirrored_picture_has_the_same_descriptors(self, width):
        plane = scene(6, width)
        here, there = features.extract(plane, 300), features.extract(np.ascontiguousarray(plane[:, ::-1]), 300)
        one, other = same_places(here, there, width - 1 - there.points[:, 0])
        assert len(one) > 240
        equal = (here.descriptors[one] == there.descriptors[other]).all(1)
        clear = here.doubtful[one] == 0
        assert equal[clear].mean() > 0.97
        assert (here.mirrored[one] != there.mirrored[other])[clear & equal].all()
        assert (angle_between(np.pi - here.points[one, 3], there.points[other, 3]) < 0.02).mean() > 0.97

    def test_refuses_what_are_no_descriptors(self):
        with pytest.raises(ValueError, match="uint64"):
            descriptors.canonical(np.zeros((5, 3), np.uint64))

    def test_refuses_corners_beyond_the_margin(self):
        levels = corners.pyramid(scene())
        place = np.array([corners.MARGIN - 1], np.int64)
        with pytest.raises(ValueError, match="border"):
            descriptors.describe(levels, corners.Corners(np.zeros(1, np.int64), place + 9, place))


class TestInverted:
    def test_equals_what_the_inverted_picture_yields(self):
        plane = scene(7)
        here, there = features.inverted(features.extract(plane, 300)), features.extract(255 - plane, 300)
        one, other = same_places(here, there, there.points[:, 0])
        assert len(one) > 200
        turned = angle_between(here.points[one, 3], there.points[other, 3]) < 0.05
        assert turned.mean() > 0.9
        clear = (here.doubtful[one] == 0) & turned
        flips = np.bitwise_count(here.descriptors[one] ^ there.descriptors[other]).sum(1)[clear]
        assert np.median(flips) <= 4
        assert (flips < 40).mean() > 0.95
        assert (here.mirrored[one] == there.mirrored[other])[clear].mean() > 0.95

    def test_twice_is_the_same(self):
        found = features.extract(scene(8), 200)
        again = features.inverted(features.inverted(found))
        clear = found.doubtful == 0
        assert np.array_equal(again.descriptors[clear], found.descriptors[clear])
        assert np.array_equal(again.mirrored[clear], found.mirrored[clear])
        assert angle_between(again.points[:, 3], found.points[:, 3]).max() < 1e-5
        assert np.array_equal(again.points[:, :3], found.points[:, :3])


class TestMatching:
    """Nearest descriptors lie at the right place of an altered copy."""

    def right(self, here: Features, there: Features, expected: np.ndarray, tolerance: float) -> int:
        return int((nearest_gaps(here, there, expected) < tolerance).sum())

    def test_in_a_turned_copy(self):
        plane = scene(9)
        turn = cv2.getRotationMatrix2D((239.5, 179.5), 25, 0.8)
        here = features.extract(plane, 400)
        there = features.extract(cv2.warpAffine(plane, turn, (480, 360)), 400)
        expected = here.points[:, :2] @ turn[:, :2].T + turn[:, 2]
        assert self.right(here, there, expected, 4) > 90

    def test_in_a_compressed_copy_of_other_tones(self):
        plane = scene(10)
        _, data = cv2.imencode(".jpg", (plane * 0.6 + 60).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 40])
        here, there = features.extract(plane, 400), features.extract(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), 400)
        assert self.right(here, there, here.points[:, :2], 3) > 160

    def test_in_a_small_copy_inset_in_another_picture(self):
        plane, host = scene(11), scene(12, 640, 480)
        host[100:235, 200:380] = cv2.resize(plane, (180, 135), interpolation=cv2.INTER_AREA)
        found, (width, height) = features.reference(plane)
        expected = (found.points[:, :2] + 0.5) * (180 / width, 135 / height) - 0.5 + (200, 100)
        there = features.query(features.query_plane(host))
        assert (width, height) == (512, 384)
        assert self.right(found, there, expected, 4) > 10

    def test_points_give_the_turn_and_the_scale(self):
        plane = scene(13)
        plane = features.query_plane(plane)
        here, there = features.query(plane), features.query(np.ascontiguousarray(np.rot90(plane)))
        pairs = distances(here.descriptors, there.descriptors)
        found = pairs.argmin(1)
        sure = pairs.min(1) < 20
        assert sure.sum() > 300
        turn = np.angle(np.exp(1j * (there.points[found, 3] - here.points[:, 3]).astype(float)))[sure]
        assert abs(np.median(turn) + np.pi / 2) < 0.02
        assert abs(np.median(np.log(there.points[found, 2] / here.points[:, 2])[sure])) < 0.02


class TestSizes:
    def test_a_query_has_its_long_side(self):
        assert features.query_plane(scene(0, 200, 100)).shape == (160, 320)
        assert features.query_plane(scene(0, 500, 250)).shape == (320, 640)
        assert features.query_plane(scene(0, 350, 700)).shape == (700, 350)
        assert features.query_plane(scene(0, 300, 900)).shape == (800, 267)
        assert features.query_plane(np.zeros((1, 5000), np.uint8)).shape == (1, 800)

    def test_a_reference_is_expressed_in_its_frame(self):
        found, (width, height) = features.reference(scene(1, 1000, 700))
        assert (width, height) == (512, 358)
        assert_well_formed(found, np.zeros((height, width)), MOST_OF_A_REFERENCE)
        sides = [side for side, count in features.REFERENCE_SIDES for _ in range(count)]
        finest = [512 / side * features.PATCH for side in sides[: len(found.points)]]
        assert len(found.points) > features.REFERENCE_SIDES[0][1] + features.REFERENCE_SIDES[1][1]
        assert (found.points[:, 2] > 0.95 * np.array(finest)).all()

    def test_parts_are_joined_in_order(self):
        one, other = features.extract(scene(2), 30), features.extract(scene(3), 20)
        both = features.concatenated([one, features.empty(), other])
        assert np.array_equal(both.points, np.concatenate([one.points, other.points]))
        assert len(features.concatenated([]).descriptors) == 0


def test_the_tests_stay_within_the_margin_and_are_distinct():
    points = [descriptors.turned(ends) for ends in (np.array([[18, 0]], np.int8), np.array([[-13, 12]], np.int8))]
    assert all(np.abs(turned).max() <= corners.MARGIN for turned in points)
    quarter = descriptors.TURNS // 4
    for turned in points:
        x, y = turned[:, 0], turned[:, 1]
        assert np.array_equal(x, np.roll(y, -quarter, axis=0))  # a right angle further, y is what x was
        assert np.array_equal(np.roll(x, quarter * 2, axis=0), -x)
