"""The program, called as a person calls it: a status, what it printed, and its sentences."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from bot.cli import invoke
from bot.demo import pictures


@dataclass
class Outcome:
    status: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        return self.err.splitlines()


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch, tmp_path):
    """An empty folder, no settings in the environment, and logging as it was before."""
    for name in list(os.environ):
        if name.startswith("STANGUARD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STANGUARD_MEDIA__WORKERS", "1")
    monkeypatch.setenv("STANGUARD_HEALTH__PORT", "0")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def program(monkeypatch, capsys, sqlite_url) -> Callable[..., Outcome]:
    """Runs a command line on a database without rows."""
    monkeypatch.setenv("STANGUARD_STORE__URL", sqlite_url)

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = invoke([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with two pictures and a text."""
    path = tmp_path / "pictures"
    path.mkdir()
    save(path / "a.jpg", 1)
    save(path / "b.png", 2)
    (path / "notes.txt").write_text("no picture")
    return path


def save(path: Path, seed: int, edit=None, **options) -> Path:
    """A generated picture as a file, edited if wanted; its name says the format."""
    image = pictures.picture(seed, (360, 450))
    image = image if edit is None else edit(image)
    form = {".jpg": "JPEG", ".png": "PNG", ".gif": "GIF", ".webp": "WEBP"}[path.suffix]
    path.write_bytes(pictures.encode(image, form, **options))
    return path
