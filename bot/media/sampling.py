"""Which frames of a video are looked at, from the times and kinds of its packets alone.

A post is looked at sparsely and an entry densely, because two copies of a clip never show the same frames: if both
took one frame a second, copies that are offset by half a second had hardly a frame in common.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

POINTS = 8
"""Places, spread evenly over the time of a posted video, that are looked at besides frames that stand alone."""

RATE = 10
"""Frames a second of a video that becomes an entry."""

SAME_SCENE = 10
"""Bits, of 256, up to which a frame of an entry adds nothing to the one kept before it."""

COARSER = 2
"""Bits by which that grows until the frames fit."""


class Run(NamedTuple):
    """Packets to decode one after another, ``start`` to before ``stop``, and the frames wanted of them, ascending."""

    start: int
    stop: int
    numbers: tuple[int, ...]


class Timeline:
    """A video's frames: numbered by when they are shown, and the packets that they come from.

    ``numbers`` has the number of the frame of each packet, ``seconds`` the time of each number (ascending), and
    ``keys`` the packets at which decoding can begin (ascending, the first one is packet 0).
    """

    def __init__(self, times: Sequence[float], keys: Sequence[int]) -> None:
        """``times``: seconds of each packet, in the order of decoding."""
        shown = sorted(range(len(times)), key=lambda packet: (times[packet], packet))
        self.seconds = [times[packet] for packet in shown]
        self.keys = sorted({0, *keys})
        self._packets = shown
        self.numbers = [0] * len(times)
        for number, packet in enumerate(shown):
            self.numbers[packet] = number

    def __len__(self) -> int:
        return len(self.seconds)

    def sparse(self, most: int) -> list[int]:
        """At most ``most`` numbers: all, or places spread evenly over the time, and key frames spread over the whole.

        A place for which a key frame lies nearer than half the way to the next place is moved there: key frames can be
        decoded alone, and the places of a short video are still about evenly spread. The first and the last frame count
        as places: they are what a client shows before and after.
        """
        if len(self) <= most:
            return list(range(len(self)))
        alone = sorted(self.numbers[key] for key in self.keys)
        points = min(POINTS, most)
        first, length = self.seconds[0], self.seconds[-1] - self.seconds[0]
        step = length / max(1, points - 1)
        chosen = {self._place(first + step * point, alone, step / 2) for point in range(points)}
        further = [number for number in alone if number not in chosen]
        chosen.update(further[at] for at in spread(len(further), most - len(chosen)))
        return sorted(chosen)

    def dense(self) -> list[int]:
        """Numbers at most :data:`RATE` times a second."""
        chosen: list[int] = []
        due = self.seconds[0]
        for number, at in enumerate(self.seconds):
            if at >= due:
                chosen.append(number)
                due = max(due + 1 / RATE, at + 0.5 / RATE)
        return chosen

    def key_frames(self, most: int) -> list[int]:
        """The numbers of at most ``most`` key frames, spread over the whole."""
        alone = sorted(self.numbers[key] for key in self.keys)
        return [alone[at] for at in spread(len(alone), most)]

    def runs(self, numbers: Sequence[int], share: float = 1.0) -> list[Run]:
        """What has to be decoded for these frames, in order; of each group of frames only the first ``share``.

        A group begins with a key frame. What has to be decoded in one go is one run.
        """
        wanted = sorted(self._packets[number] for number in numbers)
        runs: list[Run] = []
        at = 0
        for start, end in pairwise([*self.keys, len(self)]):
            stop = start + max(1, round(share * (end - start)))
            packets: list[int] = []
            while at < len(wanted) and wanted[at] < end:
                packets.append(wanted[at])
                at += 1
            packets = [packet for packet in packets if packet < stop]
            if not packets:
                continue
            found = tuple(self.numbers[packet] for packet in packets)
            run = Run(start, packets[-1] + 1, tuple(sorted(found)))
            if runs and runs[-1].stop == start:
                run = Run(runs[-1].start, run.stop, tuple(sorted((*runs[-1].numbers, *found))))
                runs.pop()
            runs.append(run)
        return runs

    def _place(self, seconds: float, alone: Sequence[int], reach: float) -> int:
        at = bisect_left(alone, seconds, key=self.seconds.__getitem__)
        near = min(alone[max(0, at - 1) : at + 1], key=lambda number: abs(self.seconds[number] - seconds))
        if abs(self.seconds[near] - seconds) <= reach:
            return near
        return min(len(self) - 1, bisect_left(self.seconds, seconds))


def spread(total: int, most: int) -> list[int]:
    """Numbers of at most ``most`` of ``total`` things: evenly over the whole, the first and the last included."""
    if total <= most:
        return list(range(total))
    if most <= 1:
        return [total // 2] * max(0, most)
    return [round(step * (total - 1) / (most - 1)) for step in range(most)]


def distinct(hashes: Sequence[int], apart: int) -> list[int]:
    """Places in a row of hashes, without those that are at most ``apart`` bits from the one kept before them."""
    kept: list[int] = []
    for at, value in enumerate(hashes):
        if not kept or (value ^ hashes[kept[-1]]).bit_count() > apart:
            kept.append(at)
    return kept
