"""``stanguard scan``: every file is accounted for, and the exit status says what was found."""

import json
import os

import pytest

from bot.demo import pictures
from bot.media.formats import videos_readable

from .conftest import save

VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(64)
KEYS = ["path", "verdict", "entry", "category", "stage", "distance", "reason", "ms"]


def rows(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


@pytest.fixture
def blocked(program, tmp_path):
    """One blocked picture, which is not in the scanned folder itself."""
    original = save(tmp_path / "blocked.png", 1)
    assert program("blocklist", "add", original, "--category", "ncii_synthetic").status == 0
    return original


def test_nothing_found_is_status_0(program, folder):
    result = program("scan", folder)
    assert result.status == 0
    assert "3 files: 0 remove, 0 review, 2 clear, 1 unscannable" in result.out
    assert "notes.txt" in result.out
    assert "not a picture" in result.out
    assert "a.jpg" not in result.out
    assert "blocklist is empty" in result.err


def test_a_match_is_status_1_and_stands_in_the_table(program, folder, blocked):
    result = program("scan", folder)
    assert result.status == 1
    assert result.err == ""
    assert "1 remove, 0 review, 1 clear, 1 unscannable" in result.out
    line = next(line for line in result.out.splitlines() if "a.jpg" in line)
    for word in ("remove", "E-1 ncii_synthetic", "of the blocked picture"):
        assert word in line


def test_json_is_one_object_a_line_for_every_file_in_order(program, folder, blocked):
    save(folder / "mirrored.png", 1, pictures.mirrored)
    (folder / "copy.png").write_bytes(blocked.read_bytes())
    result = program("scan", "--json", folder)
    assert result.status == 1
    found = rows(result)
    assert [row["path"].rpartition("/")[2] for row in found] == [
        "a.jpg",
        "b.png",
        "copy.png",
        "mirrored.png",
        "notes.txt",
    ]
    assert all(list(row) == KEYS for row in found)
    assert [row["verdict"] for row in found] == ["remove", "clear", "remove", "remove", "unscannable"]
    assert [row["stage"] for row in found] == ["phash", None, "sha256", "phash", None]
    assert [row["entry"] for row in found] == [1, None, 1, 1, None]
    assert found[0]["category"] == "ncii_synthetic"
    assert found[0]["distance"] <= 43
    assert "mirrored" in found[3]["reason"]
    assert found[4]["reason"] == "The file is not a picture of a supported format."
    assert all(isinstance(row["ms"], float) and row["ms"] > 0 for row in found)


def test_a_picture_that_a_known_good_one_explains_as_well_is_clear_and_says_so(program, folder, blocked):
    other = save(folder / "again.jpg", 1, quality=60)
    assert rows(program("scan", "--json", other))[0]["verdict"] == "remove"
    assert program("known-good", "add", folder / "a.jpg").status == 0
    (row,) = rows(program("scan", "--json", other))
    assert row["verdict"] == "clear"
    assert "known-good" in row["reason"]


def test_one_list_can_be_chosen(program, folder, blocked):
    assert program("blocklist", "add", folder / "b.png", "--category", "scam", "--bank", "scams").status == 0
    result = program("scan", "--json", "--bank", "scams", folder)
    assert [row["verdict"] for row in rows(result)] == ["clear", "remove", "unscannable"]
    assert rows(result)[1]["category"] == "scam"


def test_a_list_that_does_not_exist_is_one_sentence(program, folder, blocked):
    result = program("scan", "--bank", "none", folder)
    assert result.status == 2
    assert result.out == ""
    assert result.sentences == ["stanguard: There is no list none in the blocklist; the lists are: default."]


def test_a_missing_path_is_an_error_but_the_others_are_scanned(program, folder, blocked):
    result = program("scan", "--json", folder / "none.png", folder / "a.jpg")
    assert result.status == 2
    assert [row["verdict"] for row in rows(result)] == ["remove"]
    assert len(result.sentences) == 1
    assert "none.png does not exist" in result.err


def test_a_missing_path_is_one_sentence_while_nothing_is_listed(program):
    result = program("scan", "none.png")
    assert result.status == 2
    assert result.sentences == ["stanguard: none.png does not exist; check the spelling."]


def test_a_folder_without_a_picture_is_one_sentence(program, tmp_path, blocked):
    empty = tmp_path / "empty"
    empty.mkdir()
    result = program("scan", empty)
    assert (result.status, result.out) == (2, "")
    assert result.sentences == [f"stanguard: {empty} is an empty folder; name a folder of pictures."]
    (empty / "link.jpg").symlink_to(blocked)
    result = program("scan", empty)
    assert (result.status, len(result.sentences)) == (2, 1)
    assert "only links" in result.err
    (empty / "notes.txt").write_text("no picture")
    result = program("scan", "--json", empty)
    assert (result.status, len(result.sentences)) == (2, 1)
    assert "None of these files is a picture" in result.err
    assert [row["verdict"] for row in rows(result)] == ["unscannable"]


def test_a_file_that_cannot_be_read_is_said(program, folder, blocked, monkeypatch):
    from bot.cli import scan
    from bot.media.errors import MediaError
    from bot.model import Unscannable

    def unreadable(path, limit):
        raise MediaError(Unscannable.UNREADABLE)

    monkeypatch.setattr(scan, "read", unreadable)
    result = program("scan", folder / "a.jpg", folder / "b.png")
    assert result.status == 2
    assert result.sentences == ["stanguard: 2 files could not be read; check the permissions."]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "empty"),
        ("cut.jpg", None, "damaged"),
        ("large.bin", b"\x89PNG\r\n\x1a\n" + b"x" * 300_000, "larger than the limit"),
        (
            "video.mp4",
            b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 64,
            "damaged" if videos_readable() else "video",
        ),
    ],
)
def test_what_cannot_be_scanned_says_why(program, tmp_path, monkeypatch, name, content, reason):
    monkeypatch.setenv("STANGUARD_MEDIA__MAX_BYTES", "200000")
    path = tmp_path / name
    path.write_bytes(content if content is not None else pictures.encode(pictures.picture(3, (360, 450)))[:2_000])
    result = program("scan", "--json", path)
    (row,) = rows(result)
    assert row["verdict"] == "unscannable"
    assert reason in row["reason"]
    assert row["entry"] is None
    assert result.status == 0


def test_a_name_cannot_steer_the_terminal(program, tmp_path):
    path = tmp_path / "evil\x1b[2J[bold]\n.txt"
    path.write_text("no picture")
    result = program("scan", path)
    assert "\x1b" not in result.out
    assert "[bold]" in result.out
    (row,) = rows(program("scan", "--json", path))
    assert row["path"] == str(path)


def test_a_name_that_is_no_text_is_scanned_too(program, tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff.txt"
    with open(raw, "wb") as stream:  # noqa: PTH123 - a Path cannot be made from these bytes in every locale
        stream.write(b"no picture")
    result = program("scan", tmp_path / "\udcff.txt")
    assert result.status == 0
    assert "1 unscannable" in result.out
    assert program("scan", "--json", tmp_path / "\udcff.txt").status == 0


def test_links_in_a_folder_are_counted_in_the_summary(program, folder):
    (folder / "link.jpg").symlink_to(folder / "a.jpg")
    assert "1 link or special file left out" in program("scan", folder).out


def test_many_files_keep_their_order(program, folder, monkeypatch):
    monkeypatch.setenv("STANGUARD_MEDIA__WORKERS", "2")
    data = (folder / "a.jpg").read_bytes()
    for number in range(40):
        (folder / f"{number:03}.jpg").write_bytes(data + bytes([number]))
    found = rows(program("scan", "--json", folder))
    assert [row["path"] for row in found] == sorted(row["path"] for row in found)
    assert len(found) == 43
