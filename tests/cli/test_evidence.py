"""``stanguard evidence`` and ``evidence verify``, and the audit log in ``db check``."""

import asyncio
import json
import re
import sqlite3
import stat
from datetime import UTC, datetime

import pytest

from bot.model import CaseEvent, CaseOrigin, Category, Fingerprint, Thresholds
from bot.settings import load
from bot.store.engine import Store
from bot.vault import Vault

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD = 10


async def _open_case() -> int:
    settings = load(None)
    store = await Store.open(settings.store.url, Vault.open_or_create(settings))
    async with store.write() as tx:
        case = await tx.cases.open(
            guild_id=GUILD,
            category=Category.NCII_SYNTHETIC,
            origin=CaseOrigin.REPORT,
            opened_at=NOW,
            entry_id=None,
            match=None,
            thresholds=Thresholds(),
            program_version="0.1.0",
            fingerprint=Fingerprint(b"s" * 32, (), 4, 3, 1, 0),
        )
        for kind, actor in (("opened", None), ("noted", 41)):
            await tx.events.add(CaseEvent(case.id, NOW, kind, actor, "words"))
    await store.close()
    return case.id


@pytest.fixture
def case_id(program) -> int:
    """A case in the database of the program."""
    return asyncio.run(_open_case())


@pytest.fixture
def pack(program, case_id, tmp_path):
    """An evidence pack that the program wrote."""
    file = tmp_path / "pack.json"
    assert program("evidence", case_id, "-o", file).status == 0
    return file


def fingerprint(out: str) -> str:
    (found,) = re.findall(r"^Signing key: ((?:[0-9a-f]{4} ?){8})$", out, flags=re.MULTILINE)
    return found


# ------------------------------------------------------------------------------------------------ making


@pytest.mark.parametrize(
    "order", [["{case}", "-o", "{file}"], ["-o", "{file}", "#{case}"], ["pack", "{case}", "-o", "{file}"]]
)
def test_a_pack_and_its_text_are_written(program, case_id, tmp_path, order):
    file = tmp_path / "pack.json"
    result = program("evidence", *(part.format(case=case_id, file=file) for part in order))
    assert (result.status, result.err) == (0, "")
    text = tmp_path / "pack.txt"
    assert str(file) in result.out
    assert str(text) in result.out
    assert json.loads(file.read_bytes())["evidence"]["case"]["id"] == str(case_id)
    assert fingerprint(result.out) in text.read_text(encoding="utf-8")
    for path in (file, text):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_pack_is_meant_for_the_contact_of_a_tag(program, case_id, tmp_path, monkeypatch):
    monkeypatch.setenv("STANGUARD_EVIDENCE__CONTACTS", '{"hybe": "https://protect.example"}')
    assert program("evidence", case_id, "-o", tmp_path / "pack.json", "--tag", "hybe").status == 0
    assert "https://protect.example (hybe)" in (tmp_path / "pack.txt").read_text(encoding="utf-8")
    refused = program("evidence", case_id, "-o", tmp_path / "other.json", "--tag", "jyp")
    assert (refused.status, len(refused.sentences)) == (2, 1)
    assert "hybe" in refused.err
    assert not (tmp_path / "other.json").exists()


@pytest.mark.parametrize("there", ["pack.json", "pack.txt"])
def test_nothing_is_overwritten(program, case_id, tmp_path, there):
    (tmp_path / there).write_text("precious")
    result = program("evidence", case_id, "-o", tmp_path / "pack.json")
    assert (result.status, len(result.sentences)) == (2, 1)
    assert f"{tmp_path / there} exists already" in result.err
    assert [path.read_text() for path in tmp_path.glob("pack.*")] == ["precious"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evidence", "999", "-o", "x.json"], "no case 999"),
        (["evidence", "abc", "-o", "x.json"], "such as 12"),
        (["evidence", "0", "-o", "x.json"], "such as 12"),
        (["evidence", "1"], "'-o'"),
        (["evidence", "-o", "x.json"], "CASE"),
        (["evidence", "1", "-o", "x.txt"], "ends in .json"),
        (["evidence", "1", "-o", "no/such/folder.json"], "cannot be written"),
        (["evidence", "1", "-o", "x.json", "--other"], "No such option"),
        (["evidence", "verify"], "FILE"),
        (["evidence", "verify", "no-such-file"], "cannot be read"),
        (["evidence", "verify", "."], "cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(program, case_id, tmp_path, arguments, words):
    result = program(*arguments)
    assert (result.status, len(result.sentences)) == (2, 1)
    assert words in result.err
    assert list((tmp_path / "work").iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_half_pack(program, case_id, tmp_path, monkeypatch):
    from bot.cli import evidence

    write = evidence._write

    def full(path, content):
        if path.suffix == ".txt":
            raise evidence.StanguardError(f"{path} cannot be written (No space left on device); check its space.")
        write(path, content)

    monkeypatch.setattr(evidence, "_write", full)
    assert program("evidence", case_id, "-o", tmp_path / "pack.json").status == 2
    assert list(tmp_path.glob("pack.*")) == []


# ------------------------------------------------------------------------------------------------ proving


def test_an_own_pack_is_proven(program, pack, case_id):
    result = program("evidence", "verify", pack)
    assert (result.status, result.err) == (0, "")
    assert f"case {case_id}, made " in result.out
    assert "Signature: intact" in result.out
    assert f"2 rows intact, each tied to the next up to the head {GUILD}:2:" in result.out
    assert "the key of this installation" in result.out


def test_a_pack_that_was_changed_is_refused(program, pack):
    pack.write_bytes(pack.read_bytes().replace(b'"reports": 0', b'"reports": 9'))
    result = program("evidence", "verify", pack)
    assert (result.status, result.out, len(result.sentences)) == (2, "", 1)
    assert "changed after it was signed" in result.err


def test_a_machine_without_the_database_says_that_the_key_is_unknown(program, pack, tmp_path, monkeypatch):
    monkeypatch.setenv("STANGUARD_STORE__URL", f"sqlite:///{tmp_path / 'elsewhere' / 'stanguard.db'}")
    result = program("evidence", "verify", pack)
    assert (result.status, len(result.sentences)) == (0, 1)
    assert "cannot be told here" in result.err
    assert "Signature: intact" in result.out
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("form", [str, str.upper, lambda key: key.replace(" ", "")])
def test_a_fingerprint_that_was_told_over_another_way_decides(program, pack, tmp_path, monkeypatch, form):
    key = fingerprint(program("evidence", "verify", pack).out)
    monkeypatch.setenv("STANGUARD_STORE__URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    result = program("evidence", "verify", pack, "--key", form(key))
    assert (result.status, result.err) == (0, "")
    wrong = program("evidence", "verify", pack, "--key", "0000 " * 8)
    assert (wrong.status, len(wrong.sentences)) == (2, 1)
    assert "another key" in wrong.err


def test_a_pack_of_another_installation_is_not_taken_for_an_own_one(program, pack, case_id, tmp_path, monkeypatch):
    monkeypatch.setenv("STANGUARD_STORE__URL", f"sqlite:///{tmp_path / 'other.db'}")
    program("db", "upgrade")
    unknown = program("evidence", "verify", pack)
    assert (unknown.status, len(unknown.sentences)) == (0, 1)
    asyncio.run(_open_case())
    assert "no pack was ever signed here" in program("evidence", "verify", pack).err
    assert program("evidence", 1, "-o", tmp_path / "own.json").status == 0
    result = program("evidence", "verify", pack)
    assert (result.status, len(result.sentences)) == (2, 1)
    assert "another key" in result.err


def test_hostile_files_are_one_sentence(program, tmp_path):
    from bot.cases.packs import MOST_BYTES

    file = tmp_path / "hostile\x1b[2J.json"
    for content in (b"", b"[" * 10**6, b'{"evidence": 1e999}', b"\xff" * 100, b" " * (MOST_BYTES + 1)):
        file.write_bytes(content)
        result = program("evidence", "verify", file)
        assert (result.status, result.out, len(result.sentences)) == (2, "", 1)
        assert "\x1b" not in result.err


# ------------------------------------------------------------------------------------------------ the audit log


def test_the_check_takes_anchors(program, pack, tmp_path):
    head = re.search(r"the head (\S+)", program("evidence", "verify", pack).out)[1]
    assert program("db", "check", "--anchor", head).status == 0
    changed = f"{head[:-1]}{'0' if head[-1] != '0' else '1'}"
    result = program("db", "check", "--anchor", head, "--anchor", changed)
    assert (result.status, len(result.sentences)) == (2, 1)
    assert f"Row 2 of the audit log of server {GUILD}" in result.err
    misread = program("db", "check", "--anchor", head[:-1])
    assert (misread.status, len(misread.sentences)) == (2, 1)
    assert "guild:number:hash" in misread.err


def test_the_check_names_the_first_broken_row(program, case_id, tmp_path):
    with sqlite3.connect(tmp_path / "stanguard.db") as connection:
        connection.execute("UPDATE case_events SET detail = 'other words' WHERE actor_id IS NOT NULL")
    connection.close()
    result = program("db", "check")
    assert (result.status, len(result.sentences)) == (2, 1)
    assert f"Row 2 of the audit log of server {GUILD} does not fit the history of case {case_id}" in result.err
    refused = program("evidence", case_id, "-o", tmp_path / "pack.json")
    assert (refused.status, len(refused.sentences)) == (2, 1)
    assert "stanguard db check" in refused.err


def test_lists_changed_on_the_command_line_are_logged(program, folder, tmp_path):
    program("blocklist", "add", folder / "a.jpg", "--category", "scam")
    program("blocklist", "revoke", "1")
    with sqlite3.connect(tmp_path / "stanguard.db") as connection:
        found = connection.execute("SELECT guild_id, seq, actor, action, subject FROM audit ORDER BY id").fetchall()
    connection.close()
    assert found == [(0, 1, None, "bank_entry_added", "E-1"), (0, 2, None, "bank_entry_revoked", "E-1")]
    assert program("db", "check").status == 0


def test_a_lost_key_takes_the_signing_key_with_it(program, pack, tmp_path):
    (tmp_path / "stanguard.db.key").unlink()
    assert "2 of 2 sealed values" in program("db", "check").err
    assert program("db", "forget-features").status == 0
    assert program("evidence", 1, "-o", tmp_path / "new.json").status == 0
    assert program("evidence", "verify", tmp_path / "new.json").status == 0
    assert program("evidence", "verify", pack).status == 2
    assert program("db", "check").status == 0


def test_forgetting_features_with_the_key_keeps_the_signing_key(program, pack):
    assert program("db", "forget-features").status == 0
    assert program("evidence", "verify", pack).status == 0
    assert program("db", "check").status == 0
