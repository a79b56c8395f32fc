"""Entries of the lists: added, listed, shown, revoked, exported and imported."""

import json
from datetime import UTC, datetime

import pytest

from bot.banks.formats import jsonl
from bot.banks.formats.listed import Header, Listed
from bot.model import Category, Fingerprint

from .conftest import save


def block(program, *paths, category="ncii_synthetic", **options):
    extra = [part for name, value in options.items() for part in (f"--{name}", value)]
    return program("blocklist", "add", *paths, "--category", category, *extra)


# ------------------------------------------------------------------------------------------------- adding


def test_files_and_folders_are_added_and_listed(program, folder):
    result = block(program, folder / "a.jpg", folder / "b.png", note="seen twice")
    assert result.status == 0
    assert "default: 2 added, 0 there already, 0 refused" in result.out
    listed = program("blocklist", "list")
    assert listed.status == 0
    assert "2 entries" in listed.out
    assert listed.out.index("E-2") < listed.out.index("E-1")
    assert "seen twice" in listed.out


def test_a_file_that_is_no_picture_is_refused_with_its_reason(program, folder):
    result = block(program, folder)
    assert result.status == 2
    assert "2 added, 0 there already, 1 refused" in result.out
    assert "not a picture" in result.out

    assert result.sentences == ["stanguard: 1 file was not listed; the remarks say why."]


def test_a_folder_without_files_adds_nothing_and_says_so(program, tmp_path):
    result = program("known-good", "add", tmp_path / "work")
    assert (result.status, result.out) == (2, "")
    assert len(result.sentences) == 1
    assert "empty folder" in result.err


def test_the_same_file_again_is_there_already(program, folder):
    block(program, folder / "a.jpg")
    result = block(program, folder / "a.jpg")
    assert result.status == 0
    assert "0 added, 1 there already" in result.out
    assert "1 entry" in program("blocklist", "list").out


def test_a_plain_picture_is_listed_by_its_file_alone_and_says_so(program, tmp_path):
    from PIL import Image

    path = tmp_path / "plain.png"
    Image.new("RGB", (300, 300), (250, 250, 250)).save(path)
    result = block(program, path)
    assert result.status == 0
    assert "too plain" in " ".join(result.out.split())
    assert "exact file alone" in program("blocklist", "show", "1").out


def test_a_collision_with_a_known_good_picture_is_said(program, folder):
    program("known-good", "add", folder / "a.jpg")
    copy = save(folder / "c.jpg", 1, quality=50)
    result = block(program, copy)
    assert result.status == 0
    assert "known-good entry E-1" in " ".join(result.out.split())


def test_a_missing_path_is_an_error_but_the_others_are_added(program, folder):
    result = block(program, folder / "none.png", folder / "a.jpg")
    assert result.status == 2
    assert "1 added" in result.out
    assert "does not exist" in result.err


@pytest.mark.parametrize("name", ["../x", "", "x" * 65])
def test_a_list_needs_a_decent_name(program, folder, name):
    result = block(program, folder / "a.jpg", bank=name)
    assert result.status == 2
    assert len(result.sentences) == 1
    assert "64 letters" in result.err


# ------------------------------------------------------------------------------------------------- looking


def test_show_says_all_about_an_entry(program, folder):
    block(program, folder / "a.jpg", category="scam", bank="scams", note="crypto")
    result = program("blocklist", "show", "E-1")
    assert result.status == 0
    for word in ("active", "scams (may lead to: remove)", "scam", "360 x 450", "crypto", "cli"):
        assert word in result.out


@pytest.mark.parametrize("command", [["blocklist", "show"], ["blocklist", "revoke"], ["known-good", "revoke"]])
def test_an_entry_that_is_not_there_is_one_sentence(program, command):
    result = program(*command, "7")
    assert result.status == 2
    assert len(result.sentences) == 1
    assert "E-7" in result.err


def test_a_revoked_entry_matches_nothing_and_revoking_again_is_no_error(program, folder):
    block(program, folder / "a.jpg")
    assert program("scan", folder / "a.jpg").status == 1
    result = program("blocklist", "revoke", "1")
    assert result.status == 0
    assert "E-1 is revoked" in result.out
    assert program("scan", folder / "a.jpg").status == 0
    again = program("blocklist", "revoke", "E-1")
    assert again.status == 0
    assert "revoked already" in again.out
    assert "revoked" in program("blocklist", "show", "1").out
    assert "0 entries" in program("blocklist", "list").out


def test_the_two_kinds_of_lists_are_kept_apart(program, folder):
    program("known-good", "add", folder / "a.jpg", "--note", "press photo")
    assert "0 entries" in program("blocklist", "list").out
    assert "press photo" in program("known-good", "list").out
    result = program("blocklist", "revoke", "1")
    assert result.status == 2
    assert "stanguard known-good" in result.err
    shown = program("blocklist", "show", "1")
    assert "(known-good)" in shown.out
    assert "Category" not in shown.out + program("known-good", "list").out
    revoked = program("known-good", "revoke", "1")
    assert revoked.status == 0
    assert "protects nothing any more" in revoked.out


def test_a_long_list_is_cut_and_says_so(program, folder):
    block(program, folder / "a.jpg", folder / "b.png")
    result = program("blocklist", "list", "--limit", "1")
    assert "E-2" in result.out
    assert "E-1" not in result.out
    assert "2 entries, 1 shown (more with --limit)" in result.out


# ------------------------------------------------------------------------------------------------- exchange


def test_a_list_goes_out_and_comes_back_and_may_only_flag(program, folder, tmp_path):
    block(program, folder / "a.jpg", folder / "b.png", note="private words")
    file = tmp_path / "list.jsonl"
    result = program("blocklist", "export", file)
    assert result.status == 0
    assert "2 entries of default" in result.out
    assert "private words" not in file.read_text()
    assert len(file.read_text().splitlines()) == 3
    assert list(tmp_path.glob(".list.jsonl*")) == []
    for entry in ("1", "2"):
        program("blocklist", "revoke", entry)

    result = program("blocklist", "import", file, "--bank", "friends")
    assert result.status == 0
    assert "friends: 2 added, 0 there already (may lead to: review" in result.out
    result = program("scan", "--json", folder / "a.jpg")
    assert json.loads(result.out)["verdict"] == "review"
    assert "0 added, 2 there already" in program("blocklist", "import", file, "--bank", "friends").out


def test_imported_entries_may_remove_only_when_an_admin_says_so(program, folder, tmp_path):
    block(program, folder / "a.jpg")
    file = tmp_path / "list.jsonl"
    program("blocklist", "export", file)
    program("blocklist", "revoke", "1")
    refused = program("blocklist", "import", file)
    assert refused.status == 2
    assert "--level remove" in refused.err
    assert "0 entries" in program("blocklist", "list").out
    allowed = program("blocklist", "import", file, "--level", "remove")
    assert allowed.status == 0
    assert json.loads(program("scan", "--json", folder / "a.jpg").out)["verdict"] == "remove"


def test_a_foreign_list_called_default_does_not_become_ours(program, tmp_path):
    file = tmp_path / "list.jsonl"
    header = Header("default", datetime(2026, 11, 1, tzinfo=UTC))
    entry = Listed(Category.SCAM, Fingerprint(b"\x01" * 32, (), 0, 0, 0, 0))
    file.write_bytes(b"".join(jsonl.lines(header, [entry])))
    assert program("blocklist", "import", file).status == 2
    assert "0 entries" in program("blocklist", "list").out


def test_an_entry_known_by_its_file_alone_matches_that_file(program, folder, tmp_path):
    import hashlib

    file = tmp_path / "list.jsonl"
    sha256 = hashlib.sha256((folder / "a.jpg").read_bytes()).digest()
    header = Header("hashes", datetime(2026, 11, 1, tzinfo=UTC))
    file.write_bytes(b"".join(jsonl.lines(header, [Listed(Category.SCAM, Fingerprint(sha256, (), 0, 0, 0, 0))])))
    assert program("blocklist", "import", file).status == 0
    row = json.loads(program("scan", "--json", folder / "a.jpg").out)
    assert (row["verdict"], row["stage"], row["category"]) == ("review", "sha256", "scam")
    assert "exact file alone" in program("blocklist", "show", "1").out


def test_suspected_minors_are_not_exported(program, folder, tmp_path):
    block(program, folder / "a.jpg", category="minor_suspected")
    block(program, folder / "b.png")
    file = tmp_path / "list.jsonl"
    result = program("blocklist", "export", file)
    assert result.status == 0
    assert "1 entry of default" in result.out
    assert "minors" in result.err
    assert "minor_suspected" not in file.read_text()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b'{"format":"stanguard-blocklist","version":9}\n'])
def test_a_file_that_is_no_list_is_one_sentence(program, tmp_path, content):
    file = tmp_path / "list.jsonl"
    if content is not None:
        file.write_bytes(content)
    result = program("blocklist", "import", file)
    assert result.status == 2
    assert result.out == ""
    assert len(result.sentences) == 1


def test_an_export_that_cannot_be_written_is_one_sentence(program, folder, tmp_path):
    block(program, folder / "a.jpg")
    result = program("blocklist", "export", tmp_path / "none" / "list.jsonl")
    assert result.status == 2
    assert len(result.sentences) == 1
    assert "cannot be written" in result.err


def test_a_list_that_does_not_exist_cannot_be_exported(program, tmp_path):
    result = program("blocklist", "export", tmp_path / "list.jsonl", "--bank", "none")
    assert result.status == 2
    assert "There is no list none" in result.err
    assert not (tmp_path / "list.jsonl").exists()


# ------------------------------------------------------------------------------------------------- foreign lists


def foreign(tmp_path, *lines: str, name: str = "friends.txt"):
    file = tmp_path / name
    file.write_text("\n".join(lines))
    return file


def test_a_list_of_hashes_is_imported_and_only_flags(program, folder, tmp_path):
    import hashlib

    digest = hashlib.md5((folder / "a.jpg").read_bytes()).hexdigest()
    file = foreign(tmp_path, "md5,comment", f"{digest},seen", "00" * 16 + ",other")
    result = program("blocklist", "import", file, "--category", "scam")
    assert result.status == 0
    assert "friends: 2 added, 0 there already (may lead to: review)" in result.out
    assert "2 there already" in program("blocklist", "import", file, "--category", "scam").out
    shown = program("blocklist", "show", "1").out
    assert "known by its exact file alone" in shown
    assert digest in shown


def test_a_list_whose_hashes_could_be_anything_needs_a_word(program, tmp_path):
    file = foreign(tmp_path, "55" * 32, "00" * 32)
    refused = program("blocklist", "import", file, "--category", "scam")
    assert refused.status == 2
    assert len(refused.sentences) == 1
    assert "--format" in refused.err
    result = program("blocklist", "import", file, "--category", "scam", "--format", "pdq", "--bank", "pdq list")
    assert result.status == 0
    assert "pdq list: 1 added" in result.out
    assert "1 hash stayed out" in result.err
    assert "1 PDQ hash, known by its hash alone" in program("blocklist", "show", "1").out


@pytest.mark.parametrize(
    ("lines", "arguments", "words"),
    [
        (["01" * 16], [], "--category"),
        (["01" * 16, "x"], ["--category", "scam"], "Line 2"),
        (["01" * 16], ["--category", "scam", "--format", "sha256"], "Line 1"),
        (["no list"], ["--category", "scam"], "right file"),
    ],
)
def test_a_foreign_list_that_cannot_be_used_is_one_sentence(program, tmp_path, lines, arguments, words):
    result = program("blocklist", "import", foreign(tmp_path, *lines), *arguments)
    assert (result.status, result.out) == (2, "")
    assert len(result.sentences) == 1
    assert words in result.err
    assert "0 entries" in program("blocklist", "list").out


def test_a_file_whose_name_is_no_name_of_a_list_needs_one(program, tmp_path):
    file = foreign(tmp_path, "01" * 16, name="_.txt")
    assert "64 letters" in program("blocklist", "import", file, "--category", "scam").err
    assert program("blocklist", "import", file, "--category", "scam", "--bank", "ours").status == 0


def test_the_bundle_leaves_only_when_it_is_wanted(program, tmp_path):
    file = tmp_path / "list.jsonl"
    hashes = tuple(bytes([0x55, number] * 16) for number in (0x33, 0x0F, 0x3C))
    entry = Listed(Category.SCAM, Fingerprint(b"\x01" * 32, (), 0, 0, 0, 0, pdq=hashes))
    file.write_bytes(b"".join(jsonl.lines(Header("friends", datetime(2026, 11, 1, tzinfo=UTC)), [entry])))
    assert program("blocklist", "import", file).status == 0
    for arguments, number in (([], 1), (["--pdq-bundle"], 3)):
        out = tmp_path / "out.jsonl"
        assert program("blocklist", "export", out, "--bank", "friends", *arguments).status == 0
        assert len(json.loads(out.read_text().splitlines()[1])["pdq"]) == number
