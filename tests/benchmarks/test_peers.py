"""The peers find copies and nothing else among a few pictures; the plot can be drawn."""

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.matching import chosen
from benchmarks.peers import PEERS, Contender
from bot.demo.pictures import encode, picture

PICTURES = [picture(seed, (360, 270)) for seed in (1, 2, 5, 6)]


def sealed(name: str) -> Contender:
    maker, modules = PEERS[name]
    for module in modules:
        pytest.importorskip(module)
    contender = maker()
    for number, image in enumerate(PICTURES):
        described = contender.describe(encode(image))
        assert described is not None
        contender.enrol(number, described)
    contender.seal()
    return contender


def found(contender: Contender, image: Image.Image, **options: object) -> dict[int, int]:
    return dict(contender.search(contender.read(encode(image, **options))))


HASHES = ("pdq", "pdq8", "phash64", "phash256", "phash256x8")


@pytest.mark.parametrize("name", PEERS)
def test_a_recompressed_copy_is_found(name: str) -> None:
    contender = sealed(name)
    for number, image in enumerate(PICTURES):
        assert found(contender, image, quality=60)[number] == len(contender.tiers)


@pytest.mark.parametrize("name", HASHES)
def test_hashes_find_nothing_else(name: str) -> None:
    contender = sealed(name)
    assert [list(found(contender, image)) for image in PICTURES] == [[0], [1], [2], [3]]
    assert found(contender, picture(11, (360, 270))) == {}


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("turn", list(Image.Transpose))
def test_only_the_turned_hashes_find_turned_copies(name: str, turn: Image.Transpose) -> None:
    expected = {0: 1} if name.endswith("8") else {}
    assert found(sealed(name), PICTURES[0].transpose(turn)) == expected


def test_local_features_find_a_crop_and_nothing_in_a_blank_sheet() -> None:
    contender = sealed("orb")
    assert 1 in found(contender, PICTURES[1].crop((60, 40, 320, 240)))
    assert found(contender, Image.new("RGB", (300, 200), (255, 255, 255))) == {}
    assert contender.describe(encode(Image.new("RGB", (300, 200)))) is None


def test_what_is_not_installed_is_left_out_and_says_so(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from rich.console import Console

    monkeypatch.setitem(PEERS, "orb", (PEERS["orb"][0], ("a_module_that_nobody_has",)))
    assert chosen(["orb", "pdq"], Console()) == [PEERS["pdq"][0]]
    assert "orb is left out" in capsys.readouterr().out


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.plot import draw

    def tier(recall: float) -> dict[str, object]:
        return {
            "mean_recall": recall,
            "recall_by_edit": {"none": 1.0, "crop30": recall, "invertcrop": 0.0},
            "false_positives": {"unrelated": {"pairs": 1000, "false_pairs": 0}},
        }

    figures = {
        "references": 3,
        "entries": 20,
        "contenders": [
            {"name": "stanguard", "median_ms": 20.0, "tiers": {"review": tier(0.9), "remove": tier(0.8)}},
            {"name": "phash 64", "median_ms": 2.0, "tiers": {"d≤8": tier(0.4)}},
        ],
    }
    draw(figures, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.format == "PNG"
        assert min(plot.size) > 300
