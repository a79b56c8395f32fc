"""Folders are walked whole, in order and without leaving them; files are read under a limit."""

import asyncio
import os

import pytest

from bot.cli.files import read, side_by_side, walk
from bot.media.errors import MediaError
from bot.model import Unscannable


def names(found, top):
    return [path.removeprefix(f"{top}/") for path in found.files]


def test_a_folder_is_walked_in_order_with_hidden_files(tmp_path):
    for name in ("b.png", "a.png", ".hidden.png", "sub/z.png", "sub/.deep/y.png", "other/x.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = walk([tmp_path])
    assert names(found, tmp_path) == [".hidden.png", "a.png", "b.png", "other/x.png", "sub/z.png", "sub/.deep/y.png"]
    assert found.problems == []
    assert found.left_out == 0


def test_links_and_special_files_inside_a_folder_are_left_out_and_counted(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.png").touch()
    (inside / "link.png").symlink_to(outside / "secret.png")
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "circle").symlink_to(inside, target_is_directory=True)
    os.mkfifo(inside / "pipe")
    found = walk([inside])
    assert names(found, inside) == ["a.png"]
    assert found.left_out == 4


def test_a_link_that_a_person_names_is_followed(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    assert walk([tmp_path / "link.png"]).files == [str(tmp_path / "link.png")]


def test_what_cannot_be_walked_is_a_sentence_and_the_rest_goes_on(tmp_path):
    (tmp_path / "a.png").touch()
    os.mkfifo(tmp_path / "pipe")
    found = walk([tmp_path / "none", tmp_path / "pipe", tmp_path / "a.png"])
    assert found.files == [str(tmp_path / "a.png")]
    assert len(found.problems) == 2
    assert "does not exist" in found.problems[0]
    assert "neither a file nor a folder" in found.problems[1]


def test_a_file_is_read_up_to_the_limit(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 10)
    assert read(str(path), 10) == b"x" * 10
    with pytest.raises(MediaError) as raised:
        read(str(path), 9)
    assert raised.value.reason is Unscannable.TOO_LARGE


def test_a_file_that_is_gone_is_unreadable(tmp_path):
    with pytest.raises(MediaError) as raised:
        read(str(tmp_path / "none"), 10)
    assert raised.value.reason is Unscannable.UNREADABLE


async def test_results_come_in_order_and_work_is_bounded():
    running = most = 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (number % 3))
        running -= 1
        return number * 2

    results = [result async for result in side_by_side(range(40), work, at_once=3)]
    assert results == [number * 2 for number in range(40)]
    assert most == 3


async def test_nothing_runs_on_when_the_results_are_not_wanted_any_more():
    finished = []

    async def work(number: int) -> int:
        await asyncio.sleep(0 if number == 0 else 10)
        finished.append(number)
        return number

    results = side_by_side(range(5), work, at_once=2)
    assert await anext(results) == 0
    await results.aclose()
    assert finished == [0]
    assert len(asyncio.all_tasks()) == 1


async def test_an_error_of_the_work_comes_out():
    async def work(number: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        [result async for result in side_by_side([1, 2], work, at_once=2)]
