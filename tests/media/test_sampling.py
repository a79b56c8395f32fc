"""Which frames of a video are looked at."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bot.media.sampling import POINTS, RATE, Timeline, distinct, spread

times = st.lists(st.floats(0, 600, allow_nan=False), min_size=1, max_size=200)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    seconds = draw(times)
    keys = draw(st.sets(st.integers(0, len(seconds) - 1)))
    return Timeline(seconds, sorted(keys))


def steady(count: int, rate: int, key_every: int) -> Timeline:
    return Timeline([number / rate for number in range(count)], range(0, count, key_every))


@given(timelines())
def test_frames_are_numbered_as_they_are_shown(timeline: Timeline) -> None:
    assert timeline.seconds == sorted(timeline.seconds)
    assert sorted(timeline.numbers) == list(range(len(timeline)))


@given(timelines(), st.integers(1, 64))
def test_a_sparse_look_is_bounded(timeline: Timeline, most: int) -> None:
    chosen = timeline.sparse(most)
    assert 1 <= len(chosen) <= most
    assert chosen == sorted(set(chosen))
    assert all(0 <= number < len(timeline) for number in chosen)
    if len(timeline) <= most:
        assert len(chosen) == len(timeline)


@given(timelines())
def test_a_dense_look_has_at_most_so_many_frames_a_second(timeline: Timeline) -> None:
    chosen = timeline.dense()
    assert chosen[0] == 0
    seconds = [timeline.seconds[number] for number in chosen]
    assert all(after - before > 0.4 / RATE for before, after in itertools.pairwise(seconds))


def test_a_dense_look_keeps_its_rate() -> None:
    for rate in (12, 24, 25, 30, 60):
        assert RATE * 9 <= len(steady(10 * rate, rate, 250).dense()) <= RATE * 10 + 1


@given(timelines(), st.integers(1, 64), st.floats(0.01, 1))
def test_runs_cover_what_is_wanted_and_begin_at_key_frames(timeline: Timeline, most: int, share: float) -> None:
    wanted = timeline.sparse(most)
    runs = timeline.runs(wanted)
    assert sorted(itertools.chain.from_iterable(run.numbers for run in runs)) == wanted
    for run in (*runs, *timeline.runs(wanted, share)):
        assert run.start in timeline.keys
        assert set(run.numbers) <= set(timeline.numbers[run.start : run.stop])
    assert all(before.stop < after.start for before, after in itertools.pairwise(runs))
    assert sum(run.stop - run.start for run in timeline.runs(wanted, share)) <= sum(
        run.stop - run.start for run in runs
    )


def test_a_short_video_is_seen_at_places_spread_over_it() -> None:
    timeline = steady(300, 30, 250)
    chosen = timeline.sparse(16)
    assert (chosen[0], chosen[-1]) == (0, 299)
    assert max(after - before for before, after in itertools.pairwise(chosen)) <= 1.5 * 300 / (POINTS - 1)


def test_of_a_long_video_key_frames_are_enough() -> None:
    timeline = steady(18_000, 30, 250)
    chosen = timeline.sparse(16)
    assert len(chosen) == 16
    assert all(run.stop - run.start == 1 for run in timeline.runs(chosen))


def test_of_every_group_only_a_share_is_decoded() -> None:
    timeline = steady(1000, 30, 100)
    halves = timeline.runs(timeline.dense(), 0.5)
    assert len(halves) == 10
    assert all(run.stop - run.start <= 50 for run in halves)


def test_frames_shown_for_long_do_not_hide_those_shown_briefly() -> None:
    timeline = Timeline([0.0, 0.1, 0.2, 0.3, 500.0, 590.0], [0])
    assert timeline.sparse(16) == [0, 1, 2, 3, 4, 5]


@given(st.integers(0, 300), st.integers(0, 64))
def test_spread(total: int, most: int) -> None:
    chosen = spread(total, most)
    assert len(chosen) == min(total, most) == len(set(chosen))
    assert chosen == sorted(chosen)


@given(st.lists(st.integers(0, 2**256 - 1), max_size=30), st.integers(0, 256))
def test_what_is_dropped_is_near_what_is_kept(hashes: list[int], apart: int) -> None:
    kept = distinct(hashes, apart)
    for before, after in itertools.pairwise([*kept, len(hashes)]):
        assert all((hashes[at] ^ hashes[before]).bit_count() <= apart for at in range(before, after))
        assert after == len(hashes) or (hashes[after] ^ hashes[before]).bit_count() > apart
    assert kept[:1] == ([0] if hashes else [])
