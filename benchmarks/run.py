"""Carrying a plan out: worker processes describe and search, the counting is done in one place and in one order."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from .hard import EDIT_TAGS
from .peers import Contender, Hits
from .photos import Picture, edited
from .plans import SHARES, Plan, Task
from .scores import Relations, Score

Given = TypeVar("Given")
Made = TypeVar("Made")
Spread = Callable[[Callable[[Any], Made], Sequence[Any]], Iterator[Made]]

Timed = tuple[str, list[tuple[Hits, float]]]
"""The edit of a query, and for every contender what it found and in how many milliseconds."""

MIB = 1 << 20


@dataclass
class Shared:
    """What worker processes inherit from the one that they are forked from."""

    contenders: Sequence[Contender]
    partners: Sequence[Path]


_shared = Shared((), ())


def _inherit(shared: Shared) -> None:
    global _shared
    _shared = shared


@contextmanager
def workers(jobs: int, shared: Shared) -> Iterator[Spread[Any]]:
    """A function like ``map`` over processes that are forked now; with one job it stays in this process."""
    if jobs == 1:
        _inherit(shared)
        yield lambda function, items: map(function, items)
        return
    with multiprocessing.get_context("fork").Pool(jobs, _inherit, (shared,)) as pool:
        yield lambda function, items: pool.imap(function, items)


def _describe(picture: Picture) -> Any:
    return _shared.contenders[0].describe(picture.file())


def _search(task: Task) -> list[Timed]:
    image = task.picture.image()
    results: list[Timed] = []
    for edit in task.edits:
        data = edited(task.picture, image, edit, _shared.partners)
        found: list[tuple[Hits, float]] = []
        for contender in _shared.contenders:
            start = time.perf_counter()
            hits = contender.search(contender.read(data))
            found.append((hits, 1000 * (time.perf_counter() - start)))
        results.append((edit, found))
    return results


@dataclass
class Tampered:
    """What one contender made of tampered copies and of their innocent originals, by share and tier."""

    label: str
    originals: Counter[tuple[int, int]] = field(default_factory=Counter)
    copies: Counter[tuple[int, int]] = field(default_factory=Counter)
    original_queries: int = 0
    copy_queries: Counter[int] = field(default_factory=Counter)

    def count(self, number: int, hits: Hits, photos: int) -> None:
        """Count one query for picture ``number`` of the copies and, after them, the originals."""
        copies = photos * len(SHARES)
        if number < copies:
            share = SHARES[number % len(SHARES)]
            self.copy_queries[share] += 1
            self.copies.update((share, tier) for tier in range(1, hits.get(number, 0) + 1))
            return
        self.original_queries += 1
        for place, share in enumerate(SHARES):
            reached = hits.get((number - copies) * len(SHARES) + place, 0)
            self.originals.update((share, tier) for tier in range(1, reached + 1))


@dataclass
class Outcome:
    """Everything measured of one contender."""

    contender: Contender
    score: Score
    refused: int = 0
    refused_references: int = 0
    mib: float = float("nan")
    tampered: list[Tampered] = field(default_factory=list)


def run(plan: Plan, makers: Sequence[Callable[[], Contender]], jobs: int, console: Console) -> list[Outcome]:
    """Measure all contenders. The figures, but for times and memory, do not depend on ``jobs``."""
    cv2.setNumThreads(1)
    outcomes = [_enrol(make(), plan, jobs, console) for make in makers]
    relations = Relations(plan.entries)
    with workers(jobs, Shared([outcome.contender for outcome in outcomes], plan.partners)) as spread:
        found = spread(_search, plan.tasks)
        for task, results in zip(plan.tasks, _track(found, "searching", len(plan.tasks), console), strict=True):
            for edit, per_contender in results:
                related = relations.of(task.picture, task.right, task.family, EDIT_TAGS.get(edit, ()))
                for outcome, (hits, milliseconds) in zip(outcomes, per_contender, strict=True):
                    outcome.score.count(edit, related, relations.families, hits)
                    outcome.score.milliseconds.append(milliseconds)
    _run_tampered(plan, makers, outcomes, jobs, console)
    return outcomes


def _enrol(contender: Contender, plan: Plan, jobs: int, console: Console) -> Outcome:
    """List all entries; what the process grows by meanwhile is the memory that they take."""
    outcome = Outcome(contender, Score(len(contender.tiers), np.zeros(len(plan.entries), bool)))
    contender.read(plan.entries[0].file())
    with workers(jobs, Shared([contender], plan.partners)) as spread:
        before = resident()
        described = spread(_describe, plan.entries)
        what = f"listing for {contender.name}"
        for number, one in enumerate(_track(described, what, len(plan.entries), console)):
            if one is not None:
                contender.enrol(number, one)
                outcome.score.listed[number] = True
    contender.seal()
    outcome.mib = (resident() - before) / MIB
    outcome.refused = int((~outcome.score.listed).sum())
    outcome.refused_references = int((~outcome.score.listed[: plan.references]).sum())
    return outcome


def _run_tampered(
    plan: Plan, makers: Sequence[Callable[[], Contender]], outcomes: Sequence[Outcome], jobs: int, console: Console
) -> None:
    """The tampered copies are blocked; where a contender knows them, their originals are known-good the second time."""
    if not plan.originals:
        return
    contenders: list[Contender] = []
    for make, outcome in zip(makers, outcomes, strict=True):
        for guarded in (False, True) if outcome.contender.knows_good else (False,):
            contenders.append(_tampered_list(make(), plan, jobs, guarded=guarded))
            label = "with known-good" if guarded else "alone"
            outcome.tampered.append(Tampered(label))
    tallies = [tampered for outcome in outcomes for tampered in outcome.tampered]
    with workers(jobs, Shared(contenders, plan.partners)) as spread:
        found = _track(spread(_search, plan.tampered_tasks), "tampered", len(plan.tampered_tasks), console)
        for number, results in enumerate(found):
            for _, per_contender in results:
                for tally, (hits, _) in zip(tallies, per_contender, strict=True):
                    tally.count(number, hits, len(plan.originals))


def _tampered_list(contender: Contender, plan: Plan, jobs: int, *, guarded: bool) -> Contender:
    pictures = [*plan.tampered, *(plan.originals if guarded else ())]
    with workers(jobs, Shared([contender], plan.partners)) as spread:
        for number, described in enumerate(spread(_describe, pictures)):
            if described is not None:
                contender.enrol(number, described, known_good=number >= len(plan.tampered))
    contender.seal()
    return contender


def _track(items: Iterable[Made], what: str, total: int, console: Console) -> Iterable[Made]:
    return track(items, what, total, console=console, transient=True, disable=not console.is_terminal)


def resident() -> float:
    """Resident bytes of this process once unused memory is given back; NaN where the system does not say."""
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return float("nan")
