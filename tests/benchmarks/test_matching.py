"""The accounting: recall and false positives of a toy contender whose answers are known, for any number of jobs."""

import random
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks import hard
from benchmarks.edits import decode
from benchmarks.photos import Picture, part, photo, photographs
from benchmarks.plans import SHARES, Sizes, Task, make_plan
from benchmarks.report import figures, show
from benchmarks.run import run
from benchmarks.scores import Relations, Score
from bot.demo.pictures import encode, picture

SMALL = Sizes(references=3, entries=12, negatives=3, variants=1, listed=2, asked=2, plain=3, tampered=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("photos")
    for number in range(14):
        (place / f"{number:02d}.jpg").write_bytes(encode(picture(number, (160, 120))))
    (place / "notes.txt").write_text("not a picture")
    for person in ("ada", "ben"):
        (place / "faces" / person).mkdir(parents=True)
        for number in range(2):
            data = encode(picture(20 + number + 5 * (person == "ben"), (120, 120)))
            (place / "faces" / person / f"{number}.jpg").write_bytes(data)
    return place


class Means:
    """Finds what has nearly the mean colour of a listed picture; the stricter tier finds only what has it exactly."""

    name = "means"
    tiers = ("near", "exact")
    knows_good = True

    def __init__(self) -> None:
        self.listed: dict[int, np.ndarray] = {}
        self.good: list[np.ndarray] = []

    def describe(self, data: bytes) -> np.ndarray | None:
        return self.read(data)

    def enrol(self, number: int, described: np.ndarray, *, known_good: bool = False) -> None:
        if known_good:
            self.good.append(described)
        else:
            self.listed[number] = described

    def seal(self) -> None:
        pass

    def read(self, data: bytes) -> np.ndarray:
        return np.asarray(decode(data), np.float32).mean(axis=(0, 1))

    def search(self, query: np.ndarray) -> dict[int, int]:
        if any(np.abs(query - good).max() < 0.5 for good in self.good):
            return {}
        away = {number: float(np.abs(query - listed).max()) for number, listed in self.listed.items()}
        return {number: 2 if distance < 0.5 else 1 for number, distance in away.items() if distance < 5}


def measured(folder: Path, jobs: int, edits=("none", "hflip", "bright_up")) -> dict:
    plan = make_plan(folder, SMALL, edits)
    found = figures(plan, run(plan, [Means], jobs, Console(quiet=True)))
    for contender in found["contenders"]:
        del contender["median_ms"], contender["mib"]
    return found


def test_figures_do_not_depend_on_the_number_of_jobs(folder: Path) -> None:
    assert measured(folder, 1) == measured(folder, 3)


def test_recall_is_what_the_contender_finds(folder: Path) -> None:
    near = measured(folder, 1)["contenders"][0]["tiers"]["near"]
    assert near["recall_by_edit"] == {"none": 1.0, "hflip": 1.0, "bright_up": 0.0}
    assert near["mean_recall"] == pytest.approx(2 / 3)
    assert near["recall_by_group"]["flip"] == 1.0
    assert near["recall_by_group"]["invert"] is None


def test_tables_can_be_printed(folder: Path) -> None:
    plan = make_plan(folder, SMALL, ["none"])
    console = Console(width=130, record=True, file=StringIO())
    show(figures(plan, run(plan, [Means], 1, Console(quiet=True))), console)
    text = console.export_text()
    for words in ("mean of 74 edits", "unrelated, of", "person, of", "15 %, with known-good", "median"):
        assert words in text


def test_known_good_originals_are_not_found(folder: Path) -> None:
    plan = make_plan(folder, SMALL, ["none"])
    (outcome,) = run(plan, [Means], 1, Console(quiet=True))
    alone, guarded = outcome.tampered
    assert alone.original_queries == guarded.original_queries == 2 * 8
    assert {share: alone.copy_queries[share] for share in SHARES} == dict.fromkeys(SHARES, 2 * 2)
    assert all(guarded.originals[share, 1] <= alone.originals[share, 1] for share in SHARES)
    assert all(alone.copies[share, 2] >= 2 for share in SHARES)


def scored(listed: list[bool], related: list[int], hits: dict[int, int]) -> Score:
    score = Score(2, np.array(listed))
    score.count("none", np.array(related, np.int16), ["unrelated", "half"], hits)
    return score


def test_right_pairs_are_recall_and_the_others_are_not() -> None:
    score = scored([True] * 5, [-1, 0, 0, 1, -2], {0: 1, 1: 2, 3: 1, 4: 2})
    assert (score.recall("none", 1), score.recall("none", 2)) == (1.0, 0.0)
    assert score.pairs == {"unrelated": 2, "half": 1}
    assert score.false_pairs == {("unrelated", 1): 1, ("unrelated", 2): 1, ("half", 1): 1}
    assert score.false_queries == score.false_pairs


def test_a_refused_reference_is_missed_and_makes_no_pairs() -> None:
    score = scored([False, True, False], [-1, 0, 0], {})
    assert score.recall("none", 1) == 0.0
    assert score.pairs == {"unrelated": 1}


def test_edits_that_nothing_was_asked_of_have_no_part_in_the_mean() -> None:
    score = scored([True, True], [-1, 0], {0: 2})
    assert score.mean_recall(["none", "hflip"], 2) == 1.0
    assert np.isnan(score.mean_recall(["hflip"], 1))


def test_relations() -> None:
    one, two = Path("one.jpg"), Path("two.jpg")
    entries = [
        Picture(photo, (one,)),
        Picture(part, (one,), 2),
        Picture(photo, (two,)),
        Picture(hard.half, (two,), 0, ("half:two.jpg",)),
        Picture(hard.discord, (one,), 0, ("interface", "discord:0")),
    ]
    relations = Relations(entries)

    def of(*arguments: object, **named: object) -> list[str]:
        places = relations.of(*arguments, **named)  # type: ignore[arg-type]
        return [
            relations.families[place] if place >= 0 else {-1: "right", -2: "own"}[place] for place in places.tolist()
        ]

    assert of(Picture(photo, (one,)), 0) == ["right", "own", "unrelated", "unrelated", "own"]
    right_half = Picture(hard.half, (two,), 1, ("half:two.jpg",))
    assert of(right_half) == ["unrelated", "unrelated", "own", "half", "unrelated"]
    assert of(Picture(hard.plain), None, "plain") == ["plain"] * 5
    screen = Picture(hard.discord, (two,), 0, ("interface", "discord:0"))
    assert of(screen) == ["unrelated", "unrelated", "own", "own", "discord"]
    banner = Picture(hard.banner, (one,), 0, ("interface", "banner:0"))
    assert of(banner) == ["own", "own", "unrelated", "unrelated", "own"]
    assert of(Picture(photo, (two,)), 2, more_tags=("interface",))[4] == "interface"


def test_nothing_of_the_partners_is_listed(folder: Path) -> None:
    plan = make_plan(folder, SMALL)
    listed = {path for entry in plan.entries for path in entry.photos}
    assert plan.partners
    assert not listed & set(plan.partners)


def test_every_reference_is_asked_for_in_every_edit(folder: Path) -> None:
    plan = make_plan(folder, SMALL, ["none", "invert"])
    right = [task for task in plan.tasks if task.right is not None]
    assert [(task.right, task.edits) for task in right] == [(number, ("none", "invert")) for number in range(3)]
    assert all(plan.entries[task.right] == task.picture for task in right if task.right is not None)
    assert all(isinstance(task, Task) for task in plan.tampered_tasks)


def test_the_folder_of_faces_is_used(folder: Path) -> None:
    plan = make_plan(folder, SMALL)
    relations = Relations(plan.entries)
    same, other = (
        {relations.families[place] for place in relations.of(Picture(photo, (path,), 0, tags)).tolist() if place >= 0}
        for path, tags in (
            (folder / "faces/ada/1.jpg", ("face", "person:ada")),
            (folder / "faces/ben/0.jpg", ("face", "person:ben")),
        )
    )
    assert same == {"unrelated", "person"}
    assert other == {"unrelated", "face"}


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than eight"):
        make_plan(tmp_path, SMALL)


def test_only_pictures_are_photographs(folder: Path) -> None:
    assert len(photographs(folder)) == 14


def test_a_picture_depends_on_its_recipe_alone(folder: Path) -> None:
    made = make_plan(folder, SMALL)
    again = make_plan(folder, SMALL)
    for one, other in zip(made.entries, again.entries, strict=True):
        assert one.file() == other.file()
    assert random.Random(made.entries[0].key).random() == random.Random(again.entries[0].key).random()
