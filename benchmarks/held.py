"""What processes hold and have spent, as Linux tells it, and what an entry of a list takes in an index."""

from __future__ import annotations

import gc
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot.demo import pictures as drawn
from bot.matching import features, stored
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature, pack
from bot.matching.words import vocabulary
from bot.model import Bank, BankKind, BankLevel, Category, Entry, Fingerprint, Form, Thresholds, View

SIGNATURE = Signature.derived(b"benchmark")
TICKS = os.sysconf("SC_CLK_TCK")
HASHES, RAW = 8 * 32, 8 * 32 + 136
"""Bytes of the hashes of an entry, and with its grid."""


def made_up(raw: bytes, packed: bytes = b"") -> Fingerprint:
    """An entry that no picture comes near: random bits, with local features if they are given."""
    view = View(Form.WHOLE, 0, raw[:HASHES], raw[HASHES:], packed)
    return Fingerprint(hashlib.sha256(raw).digest(), (view,), 1000, 1000, 1, 100)


def bytes_of_an_entry(listed: list[Entry]) -> float:
    """Bytes of memory that an entry takes in the index of a process."""
    gc.collect()
    before = size(os.getpid())
    matcher = Matcher(Thresholds(), SIGNATURE)
    matcher.load([Bank(1, "bank", BankKind.BLOCK, None, BankLevel.REMOVE)], listed)
    gc.collect()
    return max(0, size(os.getpid()) - before) / len(listed)


def entries_with_hashes(count: int) -> list[Entry]:
    """Entries without local features."""
    noise = np.random.default_rng(3).integers(0, 256, (count, RAW), np.uint8)
    return [_entry(number, made_up(row.tobytes())) for number, row in enumerate(noise, start=1)]


def entries_with_features(count: int) -> list[Entry]:
    """Entries with the local features of real pictures, of which some bits are turned."""
    random = np.random.default_rng(4)
    real = [features.reference(np.asarray(drawn.picture(seed, (384, 480)).convert("L"))) for seed in range(12)]
    listed: list[Entry] = []
    for number in range(1, count + 1):
        found, frame = real[number % len(real)]
        turned = found.descriptors ^ (random.integers(0, 2**64, found.descriptors.shape, np.uint64) & np.uint64(0x1111))
        packed = stored.to_bytes(pack(turned, found.points, found.mirrored, frame, SIGNATURE, vocabulary()))
        listed.append(_entry(number, made_up(random.integers(0, 256, RAW, np.uint8).tobytes(), packed)))
    return listed


def _entry(number: int, fingerprint: Fingerprint) -> Entry:
    return Entry(number, 1, Category.OTHER, fingerprint, "", None, datetime.now(UTC), "benchmark")


def seconds(pid: int) -> tuple[float, float, float]:
    """Processor seconds of a process: of all its threads, of the first, and of its children that are gone."""
    try:
        whole = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        first = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0, 0.0
    own, in_first = (int(one[11]) + int(one[12]) for one in (whole, first))
    return own / TICKS, in_first / TICKS, (int(whole[13]) + int(whole[14])) / TICKS


def descendants(pid: int) -> list[int]:
    """Everything that a process started, and what that started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [found for child in children for found in (child, *descendants(child))]


def size(pid: int, name: str = "Pss:") -> int:
    """Bytes that a process holds, with its share of what several share; ``Rss:`` counts all of that."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)
