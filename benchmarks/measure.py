"""What is measured of a process: the memory of its whole tree, and how late its event loop is."""

from __future__ import annotations

import array
import asyncio
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAG_INTERVAL = 0.005
MEMORY_INTERVAL = 0.2


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank); NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else float("nan")


class LagProbe:
    """How much later than asked for a timer of 5 ms fires in the loop that it runs in.

    The selector rounds to whole milliseconds, so up to one of them is the clock's and not the loop's.
    """

    def __init__(self, path: Path) -> None:
        """``path``: where the samples go, pairs of time (perf_counter) and lag in seconds."""
        self._samples = array.array("d")
        self._path = path

    async def run(self) -> None:
        """Sample until cancelled. Samples leave the process a thousand at a time, so that they do not fill it."""
        self._path.write_bytes(b"")
        try:
            while True:
                before = time.perf_counter()
                await asyncio.sleep(LAG_INTERVAL)
                self._samples.extend((before, time.perf_counter() - before - LAG_INTERVAL))
                if len(self._samples) >= 2000:
                    self._leave()
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._path.open("ab") as file:
            file.write(self._samples.tobytes())
        del self._samples[:]


def read_lag(path: Path, since: float, until: float) -> list[float]:
    """The lags of a probe in a span of time; perf_counter is one clock for all processes of a machine.

    While the loop stands still the probe's next timers do not even start. They are filled in as they would have
    fired, because otherwise a loop that stands still for ten seconds has one bad sample among thousands of good ones.
    """
    samples = array.array("d")
    samples.frombytes(path.read_bytes())
    lags: list[float] = []
    for at, lag in zip(samples[::2], samples[1::2], strict=True):
        if since <= at <= until:
            lags.append(lag)
            missed = lag - LAG_INTERVAL
            while missed > 0:
                lags.append(missed)
                missed -= LAG_INTERVAL
    return lags


@dataclass(slots=True)
class Memory:
    """The most that a tree of processes held at once, in bytes; ``pss`` counts shared pages once."""

    pss: int = 0
    rss: int = 0
    processes: int = 0
    own: int = 0
    """Resident size of the first process alone."""


class MemoryProbe:
    """Samples the memory of a process and everything that descends from it, in a thread."""

    def __init__(self, pid: int) -> None:
        self.peak = Memory()
        self.series: list[tuple[float, int]] = []
        """Resident size of the first process over time (perf_counter)."""
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def stop(self) -> Memory:
        """End sampling; the peak."""
        self._ended.set()
        self._thread.join()
        return self.peak

    def _run(self) -> None:
        while not self._ended.wait(MEMORY_INTERVAL):
            tree = _tree(self._pid)
            sizes = [_size(pid) for pid in tree]
            self.peak.pss = max(self.peak.pss, sum(pss for pss, _ in sizes))
            self.peak.rss = max(self.peak.rss, sum(rss for _, rss in sizes))
            self.peak.processes = max(self.peak.processes, len(tree))
            if sizes:
                self.peak.own = max(self.peak.own, sizes[0][1])
                self.series.append((time.perf_counter(), sizes[0][1]))


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(found for child in children for found in _tree(child))]


def _size(pid: int) -> tuple[int, int]:
    """Proportional and resident size of a process, in bytes; zero when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss:", "Rss:"))}
    return sizes.get("Pss", 0), sizes.get("Rss", 0)


def slope(series: Sequence[tuple[float, float]]) -> float:
    """By how much values grow in a second, by least squares; NaN of fewer than two."""
    if len(series) < 2:
        return float("nan")
    middle = sum(at for at, _ in series) / len(series)
    mean = sum(value for _, value in series) / len(series)
    spread = sum((at - middle) ** 2 for at, _ in series)
    return sum((at - middle) * (value - mean) for at, value in series) / spread


def open_files(pid: int) -> int:
    """How many file descriptors a process has open; 0 when it is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0
