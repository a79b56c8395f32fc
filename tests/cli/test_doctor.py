"""``stanguard doctor``: every check is one line, and every problem has its remedy."""

import asyncio
import contextlib
import sqlite3
import threading

import pytest

from bot.model import Unscannable
from bot.settings import TOKEN_VARIABLE, load
from bot.vault import key_file
from tests.discordd import Discordd, Intent, Permission, RateLimits


def line(outcome, check):
    return next(line for line in outcome.out.splitlines() if line.strip().startswith(check))


@pytest.fixture
def discordd(monkeypatch):
    """A Discord on loopback, in a thread of its own: the program under test runs its own event loop here."""
    loop = asyncio.new_event_loop()
    server = Discordd(limits=RateLimits.generous())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    monkeypatch.setenv("STANGUARD_DISCORD__API_URL", server.api_url)
    monkeypatch.setenv(TOKEN_VARIABLE, server.token)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_everything_but_the_token_can_be_in_order_without_discord(program):
    result = program("doctor")
    assert result.status == 2
    assert result.err == ""
    for check in ("Config file", "Data folder", "Database", "Decoder", "Clock"):
        assert " ok " in line(result, check)
    assert "problem" in line(result, "Token")
    assert TOKEN_VARIABLE in line(result, "Token")
    assert "1 problem to mend" in result.out
    for form in ("JPEG", "PNG", "APNG", "GIF", "WebP", "AVIF"):
        assert form in line(result, "Decoder")


def test_a_wrong_config_is_the_one_line(program, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[media]\nworker = 1\n")
    result = program("doctor", "--config", path)
    assert result.status == 2
    assert result.err == ""
    assert "problem" in line(result, "Config file")
    assert "media.worker" in result.out


def test_a_database_of_a_newer_version_is_a_problem(program, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "stanguard.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
        connection.commit()
    result = program("doctor")
    assert "problem" in line(result, "Database")
    assert "newer version" in line(result, "Database")


def test_a_database_that_was_used_is_in_order(program, folder):
    """The vault's key beside it opens what is sealed; without the key, its loss is said."""
    assert program("blocklist", "add", folder / "a.jpg", "--category", "scam").status == 0
    assert " ok " in line(program("doctor"), "Database")
    key = key_file(load(None))
    key.rename(key.with_name("elsewhere"))
    lost = line(program("doctor"), "Database")
    assert "problem" in lost
    assert "no key is here" in lost


def test_the_database_of_another_program_is_not_to_be_upgraded(program, tmp_path, monkeypatch):
    path = tmp_path / "songs.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (id INTEGER)")
    monkeypatch.setenv("STANGUARD_STORE__URL", f"sqlite:///{path}")
    found = line(program("doctor"), "Database")
    assert "another program" in found
    assert "Correct store.url" in found
    assert "upgrade" not in found


def test_a_database_that_is_still_to_be_made_is_in_order_and_is_not_made(program, tmp_path, monkeypatch):
    path = tmp_path / "later" / "stanguard.db"
    monkeypatch.setenv("STANGUARD_STORE__URL", f"sqlite:///{path}")
    result = program("doctor")
    assert "first start" in line(result, "Database")
    assert not path.parent.exists()


def test_a_format_that_cannot_be_decoded_is_a_problem(program, monkeypatch):
    from bot.media.sandbox import Sandbox

    async def self_test(_):
        return {"JPEG": None, "AVIF": Unscannable.NOT_A_PICTURE}

    monkeypatch.setattr(Sandbox, "self_test", self_test)
    result = program("doctor")
    assert "problem" in line(result, "Decoder")
    assert "AVIF" in line(result, "Decoder")
    assert "JPEG" not in line(result, "Decoder")


def test_a_token_that_is_not_accepted(program, discordd, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "a.wrong.token")
    result = program("doctor")
    assert result.status == 2
    assert "does not accept" in line(result, "Token")
    assert "Developer Portal" in line(result, "Token")
    assert "a.wrong.token" not in result.out + result.err


def test_discord_out_of_reach(program, monkeypatch):
    monkeypatch.setenv("STANGUARD_DISCORD__API_URL", "http://127.0.0.1:9/api/v10")
    monkeypatch.setenv(TOKEN_VARIABLE, "a.b.c")
    result = program("doctor")
    assert result.status == 2
    assert "cannot be reached" in line(result, "Token")
    assert " ok " in line(result, "Decoder")


def test_permissions_are_named_by_channel(program, discordd):
    guild = discordd.world.create_guild("fans", bot_permissions=Permission.VIEW_CHANNEL)
    discordd.world.create_channel(guild, "art")
    result = program("doctor")
    assert " ok " in line(result, "Token")
    permissions = line(result, "Permissions in fans")
    assert "problem" in permissions
    assert "#art" in permissions
    assert "Manage Messages" in permissions
    assert "/setup" in line(result, "Review channel of fans")


def test_an_intent_that_is_off_is_a_problem(program, discordd):
    discordd.gateway.allowed = Intent(0)
    result = program("doctor")
    assert "problem" in line(result, "Message Content Intent")
    assert "Developer Portal" in line(result, "Message Content Intent")


def test_all_in_order_is_status_0(program, discordd, tmp_path):
    guild = discordd.world.create_guild("fans")
    channel = discordd.world.create_channel(guild, "cases")
    with contextlib.closing(sqlite3.connect(tmp_path / "stanguard.db")) as connection:
        connection.execute(
            "INSERT INTO guilds (guild_id, mode, review_channel_id, scan_webhooks, scan_bots, scan_avatars) "
            "VALUES (?, 'review', ?, 1, 0, 0)",
            (guild.id, channel.id),
        )
        connection.commit()
    result = program("doctor")
    assert result.status == 0, result.out
    assert "Everything is in order" in result.out
    assert "#cases" in line(result, "Review channel of fans")


@pytest.mark.parametrize("there", [True, False])
def test_the_decoder_says_whether_it_reads_manifests(program, monkeypatch, there):
    from bot.media.signals import manifests

    monkeypatch.setattr(manifests, "readable", lambda: there)
    said = program("doctor").out.replace("\n", " ")
    assert ("C2PA manifests are read" in " ".join(said.split())) == there
    assert ("provenance" in said) != there
