"""``stanguard db``: what an operator does with the database."""

import base64
import sqlite3

import pytest

from bot.settings import TOKEN_VARIABLE


@pytest.fixture
def path(program, tmp_path):
    return tmp_path / "stanguard.db"


def test_upgrade_makes_a_database(program, tmp_path, monkeypatch):
    monkeypatch.setenv("STANGUARD_STORE__URL", f"sqlite:///{tmp_path / 'new' / 'stanguard.db'}")
    result = program("db", "upgrade")
    assert result.status == 0
    assert "up to date" in result.out
    assert (tmp_path / "new" / "stanguard.db").exists()


def test_a_sound_database(program, path):
    result = program("db", "check")
    assert (result.status, result.err) == (0, "")
    assert "sound" in result.out


def test_a_backup_is_restored(program, path, tmp_path, folder):
    program("blocklist", "add", folder / "a.jpg", "--category", "scam")
    saved = tmp_path / "saved.db"
    assert program("db", "backup", saved).status == 0
    program("blocklist", "revoke", "1")
    path.unlink()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    result = program("db", "restore", saved)
    assert result.status == 0
    assert "1 entry" in program("blocklist", "list").out


@pytest.mark.parametrize("command", [["db", "check"], ["blocklist", "list"], ["scan", "x"], ["run"]], ids=" ".join)
def test_a_database_of_a_newer_version_is_one_sentence(program, path, command, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.made-up")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
    connection.close()
    result = program(*command)
    assert result.status == 2
    assert "newer version of stanguard" in result.sentences[-1]
    assert "Traceback" not in result.err


def test_something_else_in_place_of_the_database_is_one_sentence(program, path):
    path.write_bytes(b"this is no database at all" * 100)
    result = program("db", "check")
    assert result.status == 2
    assert len(result.sentences) == 1


def test_a_backup_does_not_overwrite(program, path, tmp_path):
    saved = tmp_path / "saved.db"
    saved.write_text("precious")
    result = program("db", "backup", saved)
    assert result.status == 2
    assert len(result.sentences) == 1
    assert saved.read_text() == "precious"


def test_a_restore_needs_a_backup_and_no_database(program, path, tmp_path):
    missing = program("db", "restore", tmp_path / "none.db")
    assert missing.status == 2
    assert len(missing.sentences) == 1
    saved = tmp_path / "saved.db"
    program("db", "backup", saved)
    over = program("db", "restore", saved)
    assert over.status == 2
    assert "exists already" in over.err


# ----------------------------------------------------------------------------------------------------- the key


def test_the_key_lies_beside_the_database_and_not_in_its_backup(program, path, tmp_path, folder):
    program("blocklist", "add", folder / "a.jpg", "--category", "scam")
    key = path.with_name("stanguard.db.key")
    saved = tmp_path / "kept" / "saved.db"
    result = program("db", "backup", saved)
    assert "in another place" in result.out
    assert [entry.name for entry in saved.parent.iterdir()] == ["saved.db"]
    assert key.read_bytes().strip() not in saved.read_bytes()
    assert program("db", "check").status == 0


def test_a_lost_key_is_told_and_there_is_a_way_out(program, path, folder):
    program("blocklist", "add", folder / "a.jpg", "--category", "scam")
    path.with_name("stanguard.db.key").unlink()
    checked = program("db", "check")
    assert (checked.status, len(checked.sentences)) == (2, 1)
    assert "stanguard db forget-features" in checked.err
    refused = program("blocklist", "list")
    assert (refused.status, len(refused.sentences)) == (2, 1)
    assert "put the right key back" in refused.err
    result = program("db", "forget-features")
    assert result.status == 0
    assert "local features of 1 entry" in result.out
    assert program("scan", folder / "a.jpg").status == 1
    assert program("db", "check").status == 0


def test_a_key_that_others_can_read_is_refused(program, path, folder):
    program("blocklist", "list")
    path.with_name("stanguard.db.key").chmod(0o644)
    refused = program("blocklist", "list")
    assert (refused.status, len(refused.sentences)) == (2, 1)
    assert "chmod 600" in refused.err


def test_a_key_is_changed(program, path):
    program("blocklist", "list")
    key = path.with_name("stanguard.db.key")
    new = base64.b64encode(b"n" * 32).decode()
    key.write_text(f"{new}\n{key.read_text()}")
    result = program("db", "reseal")
    assert result.status == 0
    assert "1 value sealed anew" in result.out
    key.write_text(new)
    assert program("db", "check").status == 0
    assert program("blocklist", "list").status == 0
