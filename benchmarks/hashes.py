"""The look-up of hashes without features: how long it takes, and whether it finds what a comparison of all pairs finds.

    uv run --group bench python -m benchmarks.hashes [--photos FOLDER] [--rows 10000 100000 1000000] [--json FILE]

The rows are PDQ hashes of crops of the photographs (without a folder, of pictures made by code), and beyond them such
hashes with 20 to 50 % of their bits flipped; evenly random ones would flatter an index. The queries are all views of
other crops, each in eight orientations, and the inverted picture where the views say so. Beside the index stand numpy
and, where installed, faiss, on the same queries in the same run, all on one thread. Times are the processor's for this
thread, so that other work on the machine counts less. Where one finds another number of pairs than the comparison of
all of them does, it is said.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from rich.console import Console
from rich.table import Table

from bot.demo.pictures import picture
from bot.matching.hashes import NOT_WANTED, HashIndex
from bot.matching.views.extraction import query_views
from bot.matching.views.hashing import hash_squares
from bot.matching.views.kinds import INVERTIBLE, REMOVE_LIMIT, REVIEW_LIMIT, ViewKind
from bot.matching.views.patches import plane_of
from bot.matching.views.patches import square_of as reduced

SEED = 20261122
ROWS = (10_000, 100_000, 1_000_000)
REMOVE = int(REMOVE_LIMIT.max())
MOST_PHOTOS = 400
CROPS = 20
QUERIES = 25
MADE_PICTURES = 40
VIEW_ROWS = 520_000
VIEW_LIMIT = 76
_NUMPY_BLOCK = 1 << 14

Planes = list[NDArray[np.uint8]]
Hashes = NDArray[np.uint64]
Seconds = float


@dataclass(frozen=True)
class Query:
    """All views of one picture: their hashes in eight orientations, and the limits at which they are asked for."""

    hashes: Hashes
    remove: NDArray[np.int64]
    remove_inverted: NDArray[np.int64]
    review: NDArray[np.int64]
    review_inverted: NDArray[np.int64]


def section(console: Console, *, photos: Path | None, rows: Sequence[int] = ROWS) -> dict[str, Any]:
    """Measure lists of so many rows, print a table, and return the figures."""
    rng = np.random.default_rng(SEED)
    planes = _planes(photos)
    real = _crops(planes, rng)
    queries = [_query(_crop(plane, rng)) for plane in _some(planes, QUERIES, rng)]
    console.print(
        f"{len(real):,} hashes of {len(planes)} pictures; queries of "
        f"{sum(len(query.hashes) for query in queries) / len(queries):.0f} hashes on average"
    )
    results = [_measured(_listed(real, count, rng), queries) for count in rows]
    views = _views(_listed(real, VIEW_ROWS, rng), rng)
    console.print(_table(results), _view_table(views))
    for result in results:
        for name, one in result["methods"].items():
            if not one["exact"]:
                console.print(f"[red]{name} does not find the same pairs among {result['rows']:,} rows[/red]")
    return {"photos": len(planes), "lists": results, "views": views}


def _planes(photos: Path | None) -> Planes:
    if photos is None:
        return [np.asarray(picture(seed).convert("L")) for seed in range(MADE_PICTURES)]
    planes: Planes = []
    for path in sorted(photos.iterdir())[:MOST_PHOTOS]:
        try:
            with Image.open(path) as image:
                image.draft("L", (512, 512))
                planes.append(plane_of(np.asarray(image.convert("L")))[0])
        except (UnidentifiedImageError, IsADirectoryError):
            continue
    return planes


def _some(planes: Planes, count: int, rng: np.random.Generator) -> Planes:
    return [planes[number] for number in rng.choice(len(planes), min(count, len(planes)), replace=False)]


def _crop(plane: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = plane.shape
    share = rng.uniform(0.4, 1)
    top, left = (int(rng.uniform(0, 1 - share) * side) for side in (height, width))
    return plane[top : top + int(height * share), left : left + int(width * share)]


def _crops(planes: Planes, rng: np.random.Generator) -> Hashes:
    squares = [reduced(_crop(plane, rng).astype(np.float32)) for plane in planes for _ in range(CROPS)]
    pdq, _ = hash_squares(np.asarray(squares))
    return np.ascontiguousarray(pdq[:, 0]).view(np.uint64)


def _query(plane: NDArray[np.uint8]) -> Query:
    views = query_views(np.ascontiguousarray(plane))
    kinds = np.repeat(views.kinds, 8)
    invertible = np.isin(kinds, [int(kind) for kind in INVERTIBLE])
    review = REVIEW_LIMIT[kinds].astype(np.int64)
    remove = np.full(len(kinds), REMOVE)
    return Query(
        np.ascontiguousarray(views.pdq.reshape(-1, 32)).view(np.uint64),
        remove,
        np.where(invertible, remove, NOT_WANTED),
        review,
        np.where(invertible, REVIEW_LIMIT[ViewKind.WHOLE], NOT_WANTED),
    )


def _listed(real: Hashes, count: int, rng: np.random.Generator) -> Hashes:
    """Real hashes first, then flipped ones."""
    if count <= len(real):
        return real[:count]
    made = real[rng.integers(0, len(real), count - len(real))]
    block = 1 << 15
    for start in range(0, len(made), block):
        part = made[start : start + block]
        flips = rng.random((len(part), 256), np.float32) < rng.uniform(0.2, 0.5, (len(part), 1))
        part ^= np.packbits(flips, axis=1).view(np.uint64)
    return np.concatenate((real, made))


def _measured(hashes: Hashes, queries: list[Query]) -> dict[str, Any]:
    owners = np.arange(len(hashes))
    started = time.thread_time()
    index = HashIndex(owners, hashes)
    built = time.thread_time() - started
    snapshot = index.snapshot
    first = queries[0]
    for limits in (first.remove, first.review):  # compiles, or loads what was compiled
        snapshot.within(first.hashes, limits, first.remove_inverted)

    def remove(query: Query) -> int:
        return len(snapshot.within(query.hashes, query.remove, query.remove_inverted).owners)

    def review(query: Query) -> int:
        return len(snapshot.within(query.hashes, query.review, query.review_inverted).owners)

    columns = np.ascontiguousarray(hashes.T)
    plain = {
        "remove": _timed(lambda query: _compared(columns, query, query.remove, query.remove_inverted), queries[:3], 1),
        "review": _timed(lambda query: _compared(columns, query, query.review, query.review_inverted), queries[:3], 1),
    }
    methods = {
        "index, 31 bits": _timed(remove, queries, 5),
        "index, review limits": _timed(review, queries, 3),
        "numpy, 31 bits": plain["remove"],
        "numpy, review limits": plain["review"],
        **_faiss(hashes, queries),
    }
    for name, one in methods.items():
        one["exact"] = one["pairs"][:3] == plain["review" if "review" in name else "remove"]["pairs"]
    added = _adding(index, hashes[:100])
    return {
        "rows": len(hashes),
        "build_s": built,
        "bytes_per_row": snapshot.nbytes / len(hashes),
        "add_us": 1e6 * added,
        "methods": methods,
    }


def _timed(search: Callable[[Query], int], queries: list[Query], rounds: int) -> dict[str, Any]:
    """The median over the pictures of the median over the rounds, and how many pairs each picture has.

    A round goes through all pictures, so that what one needs is not still in the cache from the round before.
    """
    times: list[list[Seconds]] = [[] for _ in queries]
    pairs: list[int] = []
    for _ in range(rounds):
        pairs = []
        for of_query, query in zip(times, queries, strict=True):
            started = time.thread_time()
            pairs.append(search(query))
            of_query.append(time.thread_time() - started)
    typical = [median(of_query) for of_query in times]
    return {"ms": 1e3 * median(typical), "most_ms": 1e3 * max(typical), "pairs": pairs}


def _compared(columns: Hashes, query: Query, limits: NDArray[np.int64], inverted: NDArray[np.int64]) -> int:
    """How many pairs numpy counts: the XOR and popcount of all, in blocks that stay in cache."""
    found = 0
    for start in range(0, columns.shape[1], _NUMPY_BLOCK):
        part = columns[:, start : start + _NUMPY_BLOCK]
        for number, hash_ in enumerate(query.hashes):
            away = np.bitwise_count(part ^ hash_[:, None]).sum(axis=0, dtype=np.uint16)
            found += int(np.count_nonzero(away <= limits[number])) if limits[number] >= 0 else 0
            if inverted[number] >= 0:
                found += int(np.count_nonzero(away >= 256 - inverted[number]))
    return found


def _faiss(hashes: Hashes, queries: list[Query]) -> dict[str, Any]:
    """Without the inverted ones faiss would be asked for less, so their complements are queries as well."""
    if importlib.util.find_spec("faiss") is None:
        return {}
    faiss: Any = importlib.import_module("faiss")
    faiss.omp_set_num_threads(1)
    rows = hashes.view(np.uint8)
    flat, multi = faiss.IndexBinaryFlat(256), faiss.IndexBinaryMultiHash(256, 16, 16)
    multi.nflip = 1
    results: dict[str, Any] = {}
    for name, index in (("faiss flat, 31 bits", flat), ("faiss multi-hash, 31 bits", multi)):
        index.add(rows)

        def search(query: Query, index: Any = index) -> int:
            complements = ~query.hashes[query.remove_inverted >= 0]
            asked = np.concatenate((query.hashes, complements)).view(np.uint8)
            return int(index.range_search(asked, REMOVE + 1)[0][-1])

        results[name] = _timed(search, queries[:5], 1)
    return results


def _adding(index: HashIndex, hashes: Hashes) -> Seconds:
    times: list[Seconds] = []
    for number, hash_ in enumerate(hashes):
        started = time.thread_time()
        index.add(10_000_000 + number, hash_[None])
        times.append(time.thread_time() - started)
    return median(times)


def _views(hashes: Hashes, rng: np.random.Generator) -> dict[str, Any]:
    """Eight rows a view, all scanned: the whole picture's and its complement's distance within 76 bits."""
    index = HashIndex(
        np.repeat(np.arange(len(hashes) // 8), 8), hashes, np.tile(np.arange(8, dtype=np.uint8), len(hashes) // 8),
        scan_up_to=None,
    )  # fmt: skip
    snapshot = index.snapshot
    result: dict[str, Any] = {"rows": len(hashes), "bytes_per_row": snapshot.nbytes / len(hashes), "ms_per_hash": {}}
    for count in (2, 8, 32):
        asked = hashes[rng.integers(0, len(hashes), count)]
        limits = np.full(count, VIEW_LIMIT)
        times: list[Seconds] = []
        for _ in range(15):
            started = time.thread_time()
            snapshot.within(asked, limits, limits).nearest(16)
            times.append(time.thread_time() - started)
        result["ms_per_hash"][count] = 1e3 * median(times) / count
    return result


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table(title="Hash-only entries: all views of a picture, median (worst picture), ms")
    table.add_column("")
    for result in results:
        table.add_column(f"{result['rows']:,} rows", justify="right")
    for name in results[0]["methods"]:
        cells = [result["methods"][name] for result in results]
        table.add_row(name, *(f"{cell['ms']:.2f} ({cell['most_ms']:.2f})" for cell in cells))
    table.add_row("building, s", *(f"{result['build_s']:.3f}" for result in results))
    table.add_row("adding one, µs", *(f"{result['add_us']:.0f}" for result in results))
    table.add_row("bytes a row", *(f"{result['bytes_per_row']:.0f}" for result in results))
    return table


def _view_table(views: dict[str, Any]) -> Table:
    table = Table(
        title=f"Entries with features: {views['rows']:,} hashes scanned at {VIEW_LIMIT} bits, ms a query hash"
    )
    for count in views["ms_per_hash"]:
        table.add_column(f"{count} at once", justify="right")
    table.add_row(*(f"{ms:.3f}" for ms in views["ms_per_hash"].values()))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = section(Console(), photos=arguments.photos, rows=arguments.rows)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
