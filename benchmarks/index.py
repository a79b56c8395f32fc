"""How the look-up of local features grows with the number of entries, from 1,000 to 50,000, and that of hashes beyond.

Entries are those of the photographs of a folder (without one, of pictures made by code), and beyond them their features
with 16 to 25 % of the bits flipped: as far from the real ones as features of other pictures in the same word are. The
queries are crops of the pictures, recompressed, at the size and with the features that a posted picture is given. All
on one thread. "Look-up" is words, signatures and nearest features; "search" has the votes and the candidates too, so
it is all that happens between the features of a picture and the geometry.

    uv run python -m benchmarks.index [--photos FOLDER] [--entries 1000 10000 50000] [--no-hashes] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bot.demo.pictures import picture
from bot.matching import features
from bot.matching.features import Features
from bot.matching.local import SEARCH, Addition, LocalIndex, Rows, probes
from bot.matching.packing import Signature, pack
from bot.matching.words import vocabulary

from . import hashes
from .photos import photographs

SEED = 20261122
ENTRIES = (1_000, 10_000, 50_000)
BANKS = 20
MADE_PICTURES = 60
QUERIES = 40
ROUNDS = 9
INVERTED = 300
CHANGES = 50
QUALITY = 70
SIGNATURE = Signature.derived(b"benchmark")

Plane = NDArray[np.uint8]


class Entry(NamedTuple):
    """The features of one picture, in a frame of (width, height)."""

    features: Features
    frame: tuple[int, int]


class Query(NamedTuple):
    """What a crop of a picture looks up, and the entry that it was cut from."""

    entry: int
    rows: Rows


def section(console: Console, *, photos: Path | None, entries: Sequence[int] = ENTRIES) -> dict[str, Any]:
    """Measure indexes of so many entries, print a table, and return the figures."""
    rng = np.random.default_rng(SEED)
    planes = [(number, plane) for number, plane in enumerate(_planes(photos))]
    real = {number: Entry(*features.reference(plane)) for number, plane in planes}
    real = {number: entry for number, entry in real.items() if len(entry.features.points)}
    queries = [_query(number, planes[number][1], rng) for number in _some(sorted(real), QUERIES, rng)]
    additions = _additions(real, max(entries), rng, console)
    rows = np.mean([len(query.rows.features) for query in queries])
    console.print(f"{len(real)} pictures; {len(queries)} queries of {rows:.0f} rows on average")
    warm = LocalIndex(SIGNATURE, vocabulary(), additions[:2])
    warm.put(additions[2:3])
    warm.drop([additions[0].entry])
    warm.search(queries[0].rows, None)
    results = [_measured(additions[:count], queries) for count in entries]
    console.print(_table(results))
    return {"pictures": len(real), "queries": len(queries), "sizes": results}


def _planes(photos: Path | None) -> list[Plane]:
    if photos is None:
        return [np.asarray(picture(seed).convert("L")) for seed in range(MADE_PICTURES)]
    planes = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in photographs(photos))
    return [np.asarray(plane, np.uint8) for plane in planes if plane is not None]


def _some(numbers: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    return rng.choice(numbers, min(count, len(numbers)), replace=False).tolist()


def _query(number: int, plane: Plane, rng: np.random.Generator) -> Query:
    """Half of the area of a picture, as a posted picture of it is looked up: inverted and doubtful features twice."""
    share = 0.5**0.5
    top, left = (int(rng.uniform(0, 1 - share) * side) for side in plane.shape)
    crop = plane[top : top + int(share * plane.shape[0]), left : left + int(share * plane.shape[1])]
    _, file = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    found = features.query(features.query_plane(np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)))
    negative = features.inverted(Features(*(column[:INVERTED] for column in found)))
    both = features.concatenated([found, negative])
    doubtful = np.flatnonzero(both.doubtful)
    numbers = np.concatenate((np.arange(len(both.points)), doubtful)).astype(np.int32)
    forms = np.concatenate((both.descriptors, features.mirror(both.descriptors[doubtful])))
    return Query(number, Rows(forms, numbers, np.concatenate((both.mirrored, 1 - both.mirrored[doubtful]))))


def _additions(real: dict[int, Entry], count: int, rng: np.random.Generator, console: Console) -> list[Addition]:
    """As many entries as asked for: the real ones first, then such with flipped bits."""
    numbers = sorted(real)
    additions: list[Addition] = []
    for place in track(range(count), "making entries", console=console, transient=True):
        entry = real[numbers[place % len(numbers)]]
        found = entry.features
        number = numbers[place] if place < len(numbers) else numbers[-1] + 1 + place
        if place >= len(numbers):
            found = found._replace(descriptors=_flipped(found.descriptors, rng))
        view = pack(found.descriptors, found.points, found.mirrored, entry.frame, SIGNATURE, vocabulary())
        additions.append(Addition(number, place % BANKS, [view]))
    return additions


def _flipped(descriptors: NDArray[np.uint64], rng: np.random.Generator) -> NDArray[np.uint64]:
    """Every bit flipped at odds of 5, 6 or 8 in 32, the same for all bits of a descriptor."""
    one, two, three, four, five = rng.integers(0, 2**64, (5, *descriptors.shape), np.uint64)
    odds = rng.integers(0, 3, (len(descriptors), 1))
    third = np.select([odds == 0, odds == 1], [three | four & five, three | four], np.uint64(2**64 - 1))
    return descriptors ^ (one & two & third)


def _measured(additions: Sequence[Addition], queries: Sequence[Query]) -> dict[str, Any]:
    started = time.perf_counter()
    index = LocalIndex(SIGNATURE, vocabulary(), additions)
    built = time.perf_counter() - started
    size = sum(len(view.words) for addition in additions for view in addition.views)
    cells, words = probes(size)

    def look_up(query: Query) -> None:
        found = vocabulary().nearest(query.rows.descriptors, cells, words)
        index.snapshot.neighbours(SIGNATURE.sign(query.rows.descriptors), found, None, SEARCH)

    listed = {addition.entry for addition in additions}
    known = [query for query in queries if query.entry in listed]
    first = [query.entry in {one.entry for one in index.search(query.rows, None)} for query in known]
    figures = {
        "entries": len(additions),
        "features": size,
        "build_s": built,
        "bytes": index.bytes,
        "bytes_per_feature": index.bytes / size,
        "look_up_ms": _timed(look_up, queries),
        "search_ms": _timed(lambda query: index.search(query.rows, None), queries),
        "search_one_bank_ms": _timed(lambda query: index.search(query.rows, [0]), queries),
        "candidate_share": sum(first) / len(first),
    }
    return figures | _changes(index, additions, queries)


def _timed(search: Callable[[Query], object], queries: Sequence[Query]) -> float:
    """Milliseconds: the median over the queries of the least of the rounds, so that other programs count less."""
    times: list[float] = []
    for query in queries:
        of_query: list[float] = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            search(query)
            of_query.append(time.perf_counter() - started)
        times.append(min(of_query))
    return 1e3 * median(times)


def _changes(index: LocalIndex, additions: Sequence[Addition], queries: Sequence[Query]) -> dict[str, Any]:
    """Milliseconds to add and to revoke an entry, to search beside what was added, and to merge."""
    fresh = [addition._replace(entry=-1 - number) for number, addition in enumerate(additions[:CHANGES])]
    added = [_once(lambda one=one: index.put([one])) for one in fresh]
    beside = _timed(lambda query: index.search(query.rows, None), queries)
    revoked = [_once(lambda one=one: index.drop([one.entry])) for one in fresh]
    old = [_once(lambda one=one: index.drop([one.entry])) for one in additions[:: max(1, len(additions) // 10)]]
    return {
        "add_ms": median(added),
        "search_beside_added_ms": beside,
        "revoke_recent_ms": median(revoked),
        "revoke_ms": median(old),
        "merge_ms": _once(index.merge),
    }


def _once(change: Callable[[], object]) -> float:
    started = time.perf_counter()
    change()
    return 1e3 * (time.perf_counter() - started)


ROWS = {
    "features": ("{:,.0f}", "features"),
    "built, s": ("{:.2f}", "build_s"),
    "memory, MB": ("{:.0f}", "megabytes"),
    "bytes a feature": ("{:.1f}", "bytes_per_feature"),
    "look-up, ms": ("{:.2f}", "look_up_ms"),
    "search, ms": ("{:.2f}", "search_ms"),
    "search of one bank in 20, ms": ("{:.2f}", "search_one_bank_ms"),
    f"search beside {CHANGES} added, ms": ("{:.2f}", "search_beside_added_ms"),
    "times the smallest": ("{:.2f}", "ratio"),
    "slope (log time by log entries)": ("{:.2f}", "slope"),
    "entry among the candidates": ("{:.3f}", "candidate_share"),
    "add, ms": ("{:.2f}", "add_ms"),
    "revoke a recent one, ms": ("{:.2f}", "revoke_recent_ms"),
    "revoke an old one, ms": ("{:.2f}", "revoke_ms"),
    "merge, ms": ("{:.0f}", "merge_ms"),
}


def _table(results: Sequence[dict[str, Any]]) -> Table:
    for place, result in enumerate(results):
        before = results[max(0, place - 1)]
        growth = np.log(result["entries"] / before["entries"])
        result["megabytes"] = result["bytes"] / 1e6
        result["ratio"] = result["search_ms"] / results[0]["search_ms"]
        result["slope"] = float(np.log(result["search_ms"] / before["search_ms"]) / growth) if growth else 0.0
    table = Table(title="Local features, one thread, medians")
    table.add_column("entries")
    for result in results:
        table.add_column(f"{result['entries']:,}", justify="right")
    for name, (form, key) in ROWS.items():
        table.add_row(name, *(form.format(result[key]) for result in results))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.index", description="Growth of the look-ups.")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    parser.add_argument("--entries", type=int, nargs="+", default=ENTRIES, help="entries with features")
    parser.add_argument("--no-hashes", action="store_true", help="leave the entries without features out")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    if min(options.entries) < 1:
        parser.error("an index of no entries has no figures")
    console = Console()
    cv2.setNumThreads(1)
    figures: dict[str, Any] = {"features": section(console, photos=options.photos, entries=options.entries)}
    if not options.no_hashes:
        figures["hashes"] = hashes.section(console, photos=options.photos)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
