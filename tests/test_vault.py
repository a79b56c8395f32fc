"""The key and what it seals: opened by the right key in the right place, and by nothing else."""

import asyncio
import base64
import os
import stat
import sys
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings import VAULT_KEY_VARIABLE, Settings
from bot.vault import OVERHEAD, BrokenSealError, MissingKeyError, Vault, VaultError, key_file

OLD, NEW = b"o" * 32, b"n" * 32
keys = st.binary(min_size=32, max_size=32)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("STANGUARD_"):
            monkeypatch.delenv(name)


def settings(folder: Path, **vault: str) -> Settings:
    return Settings(store={"url": f"sqlite:///{folder / 'stanguard.db'}"}, vault=vault)


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


# ------------------------------------------------------------------------------------------------------- sealing


@given(st.lists(keys, min_size=1, max_size=3), st.binary(max_size=200), st.binary(max_size=20))
def test_what_was_sealed_is_opened(held, value, context):
    sealed = Vault(held).seal(value, context)
    assert len(sealed) == len(value) + OVERHEAD
    assert Vault(held[::-1]).open(sealed, context) == value


@given(st.binary(min_size=1, max_size=80), st.data())
def test_any_change_is_noticed(value, data):
    sealed = bytearray(Vault([OLD]).seal(value, b"here"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultError):
        Vault([OLD]).open(bytes(sealed), b"here")


@given(st.binary(max_size=120))
def test_anything_else_is_refused(sealed):
    with pytest.raises(VaultError):
        Vault([OLD]).open(sealed, b"here")


def test_what_belongs_elsewhere_is_refused():
    sealed = Vault([OLD]).seal(b"value", b"here")
    with pytest.raises(BrokenSealError):
        Vault([OLD]).open(sealed, b"there")
    with pytest.raises(BrokenSealError):
        Vault([OLD]).open(sealed[:-1], b"here")


def test_the_same_value_is_never_sealed_alike():
    assert len({Vault([OLD]).seal(b"value", b"") for _ in range(50)}) == 50


def test_a_new_key_seals_and_the_old_one_still_opens():
    old = Vault([OLD]).seal(b"value", b"")
    both = Vault([NEW, OLD])
    assert not both.is_current(old)
    assert both.is_current(both.seal(b"value", b""))
    assert both.open(old, b"") == b"value"
    assert Vault([NEW]).open(both.seal(b"value", b""), b"") == b"value"
    with pytest.raises(MissingKeyError, match="put that key back"):
        Vault([NEW]).open(old, b"")


def test_the_key_does_not_lie_in_what_it_seals():
    assert OLD[:4] not in Vault([OLD]).seal(b"", b"")


def test_derived_keys_differ_by_purpose_and_key():
    assert Vault([OLD]).derive(b"a") == Vault([OLD, NEW]).derive(b"a")
    assert len({Vault([key]).derive(purpose) for key in (OLD, NEW) for purpose in (b"a", b"b", b"seal", b"id")}) == 8
    assert len(Vault([OLD]).derive(b"a")) == 32


@pytest.mark.parametrize("held", [[], [b"short"], [OLD, b""]])
def test_a_vault_needs_whole_keys(held):
    with pytest.raises(VaultError, match="32 bytes"):
        Vault(held)


# ------------------------------------------------------------------------------------------------------- the file


def test_the_first_start_makes_a_key_for_its_owner_alone(tmp_path):
    here = settings(tmp_path / "new")
    assert Vault.find(here) is None
    sealed = Vault.open_or_create(here).seal(b"value", b"")
    path = tmp_path / "new" / "stanguard.db.key"
    assert key_file(here) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_bytes())) == 32
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert Vault.open_or_create(here).open(sealed, b"") == b"value"
    found = Vault.find(here)
    assert found is not None
    assert found.open(sealed, b"") == b"value"


def test_the_place_of_the_key(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: str(tmp_path))
    assert key_file(Settings(store={"url": "postgresql://x/y"})) == tmp_path / "stanguard.key"
    assert key_file(settings(tmp_path, key_file="/etc/vault.key")) == Path("/etc/vault.key")


MAKE = """
import sys
from bot.settings import Settings
from bot.vault import Vault
print(Vault.open_or_create(Settings(store={"url": f"sqlite:///{sys.argv[1]}"})).derive(b"x").hex())
"""


async def test_several_that_start_at_once_have_one_key(tmp_path):
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MAKE, str(tmp_path / "stanguard.db"), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    printed = {(await process.communicate())[0] for process in started}
    assert len(printed) == 1
    assert len(printed.pop().strip()) == 64


def test_a_file_may_hold_older_keys_below_the_current_one(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"{text(NEW)}\n{text(OLD)}\n")
    path.chmod(0o600)
    vault = Vault.open_or_create(settings(tmp_path, key_file=str(path)))
    assert vault.open(Vault([OLD]).seal(b"value", b""), b"") == b"value"
    assert Vault([NEW]).open(vault.seal(b"value", b""), b"") == b"value"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"", 0o600, "openssl rand -base64 32"),
        (b"c2hvcnQ=", 0o600, "openssl rand -base64 32"),
        (b"\xff\xfe not base64 at all", 0o600, "openssl rand -base64 32"),
        (text(OLD).encode(), 0o640, "chmod 600"),
        (text(OLD).encode(), 0o604, "chmod 600"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_one_sentence(tmp_path, content, mode, words):
    path = tmp_path / "keys"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(VaultError) as raised:
        Vault.open_or_create(settings(tmp_path, key_file=str(path)))
    sentence = str(raised.value)
    assert words in sentence
    assert str(path) in sentence
    assert "\n" not in sentence
    assert "c2hvcnQ" not in sentence
    assert path.read_bytes() == content


def test_a_place_that_cannot_hold_a_key_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultError, match=r"cannot be made.*vault\.key_file"):
        Vault.open_or_create(settings(tmp_path, key_file=str(tmp_path / "file" / "key")))
    with pytest.raises(VaultError, match=r"cannot be read.*vault\.key_file"):
        Vault.open_or_create(settings(tmp_path, key_file=str(tmp_path)))


# ------------------------------------------------------------------------------------------------ the environment


def test_the_key_of_the_environment_wins_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv(VAULT_KEY_VARIABLE, f"{text(NEW)}, {text(OLD)}")
    here = settings(tmp_path)
    vault = Vault.open_or_create(here)
    assert vault.open(Vault([OLD]).seal(b"value", b""), b"") == b"value"
    assert Vault([NEW]).open(vault.seal(b"value", b""), b"") == b"value"
    assert list(tmp_path.iterdir()) == []
    assert text(NEW) not in repr(here)


@pytest.mark.parametrize("value", ["", "c2hvcnQ=", f"{text(OLD)},", "é"])
def test_a_malformed_key_of_the_environment_is_one_sentence(tmp_path, monkeypatch, value):
    monkeypatch.setenv(VAULT_KEY_VARIABLE, value)
    with pytest.raises(VaultError) as raised:
        Vault.open_or_create(settings(tmp_path))
    assert VAULT_KEY_VARIABLE in str(raised.value)
    assert "c2hvcnQ" not in str(raised.value)
