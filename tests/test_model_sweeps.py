import pytest

from bot.model import Stretch, StretchState


@pytest.mark.parametrize(
    ("cursor", "state", "share"),
    [
        (900 << 22, StretchState.WAITING, 0.0),
        (700 << 22, StretchState.WAITING, 0.25),
        (100 << 22, StretchState.WAITING, 1.0),
        (900 << 22, StretchState.UNREADABLE, 1.0),
    ],
)
def test_how_much_of_a_stretch_is_done_is_told_in_time(cursor, state, share):
    assert Stretch(1, 1, 10, 20, 100 << 22, 900 << 22, cursor, state).share == share


def test_a_stretch_without_a_length_is_no_division_by_zero():
    assert Stretch(1, 1, 10, 20, 5, 6, 6).share == 0.0
