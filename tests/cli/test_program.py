"""Errors are one sentence on standard error with status 2; nothing ever ends in a traceback."""

import subprocess
import sys

import pytest

from bot import __version__
from bot.cli import scan, setup
from bot.settings import TOKEN_VARIABLE, VAULT_KEY_VARIABLE

COMMANDS = [
    ["run"],
    ["demo"],
    ["scan"],
    ["blocklist", "add"],
    ["blocklist", "list"],
    ["blocklist", "show"],
    ["blocklist", "revoke"],
    ["blocklist", "import"],
    ["blocklist", "export"],
    ["known-good", "add"],
    ["known-good", "list"],
    ["known-good", "revoke"],
    ["doctor"],
    ["db", "upgrade"],
    ["db", "check"],
    ["db", "backup"],
    ["db", "restore"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_takes_a_config(program, command):
    result = program(*command, "--help")
    assert result.status == 0
    assert "--config" in result.out
    assert result.err == ""


def test_help_names_every_command(program):
    result = program("--help")
    assert result.status == 0
    for command in COMMANDS:
        assert command[0] in result.out


def test_version(program):
    result = program("--version")
    assert result.status == 0
    assert result.out == f"stanguard {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], ["nonsense", "stanguard --help"]),
        (["known-good", "list", "--limit", "many"], ["'--limit': not a whole number"]),
        (["scan"], ["PATH", "stanguard scan --help"]),
        (["scan", "--nonsense", "x"], ["--nonsense", "stanguard scan --help"]),
        (["blocklist", "add", "x.png"], ["--category", "stanguard blocklist add --help"]),
        (["blocklist", "add", "x.png", "--category", "rude"], ["ncii_synthetic", "minor_suspected", "scam", "other"]),
        (["blocklist", "show", "twelve"], ["E-12"]),
        (["blocklist", "show", "0"], ["E-12"]),
        (["blocklist", "show", "9" * 30], ["E-12"]),
        (["known-good", "list", "--limit", "0"], ["'--limit': at least 1"]),
        (["demo", "--port", "70000"], ["'--port': at most 65535"]),
    ],
)
def test_wrong_use_is_one_sentence(program, arguments, words):
    result = program(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert len(result.sentences) == 1
    assert result.err.startswith("stanguard: ")
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("command", [[], ["blocklist"], ["db"]], ids=" ".join)
def test_without_a_command_the_help_is_shown(program, command):
    result = program(*command)
    assert result.status == 2
    assert "Usage: " in result.out
    assert result.sentences == [f"stanguard: A command is missing; see {' '.join(['stanguard', *command])} --help."]


@pytest.mark.parametrize("command", [["scan", "x"], ["blocklist", "list"], ["db", "check"], ["run"]], ids=" ".join)
@pytest.mark.parametrize(
    ("text", "words"),
    [(None, ["does not exist", "config.example.toml"]), ("[media]\nworker = 1\n", ["media.worker"])],
)
def test_a_wrong_config_is_one_sentence(program, tmp_path, command, text, words):
    path = tmp_path / "wrong.toml"
    if text is not None:
        path.write_text(text)
    result = program(*command, "--config", path)
    assert result.status == 2
    assert len(result.sentences) == 1
    for word in words:
        assert word in result.err


def test_an_unexpected_error_is_a_sentence_too(program, monkeypatch):
    def fail(_):
        raise LookupError("with a secret in it")

    monkeypatch.setattr(scan, "prepare", fail)
    result = program("scan", "x")
    assert result.status == 2
    assert len(result.sentences) == 1
    assert "LookupError" in result.err
    assert "--debug" in result.err
    assert "secret" not in result.err


def test_debug_shows_where_an_unexpected_error_came_from(program, monkeypatch):
    def fail(_):
        raise LookupError

    monkeypatch.setattr(scan, "prepare", fail)
    result = program("--debug", "scan", "x")
    assert result.status == 2
    assert "Traceback" in result.err
    assert "in fail" in result.err


def test_an_interruption_is_quiet(program, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(scan, "prepare", interrupt)
    result = program("scan", "x")
    assert (result.status, result.out, result.err) == (130, "", "")


def test_the_token_does_not_stay_in_the_environment(program, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "a.secret.token")
    monkeypatch.setenv(VAULT_KEY_VARIABLE, "c2VjcmV0")
    settings = setup.prepare(None)
    assert settings.discord.token is not None
    assert TOKEN_VARIABLE not in setup.os.environ
    assert VAULT_KEY_VARIABLE not in setup.os.environ


def test_run_without_a_token_is_one_sentence(program):
    result = program("run")
    assert result.status == 2
    (sentence,) = result.sentences
    assert TOKEN_VARIABLE in sentence


def test_the_demo_names_the_extra_when_it_is_missing(program, monkeypatch):
    import bot.demo

    async def run(*_, **__):
        raise ModuleNotFoundError("No module named 'simcord'", name="simcord")

    monkeypatch.setattr(bot.demo, "run", run, raising=False)
    result = program("demo", "--headless")
    assert result.status == 2
    assert len(result.sentences) == 1
    assert "uv run --extra demo stanguard demo" in result.err
    assert "stanguard[demo]" in result.err


def test_help_loads_nothing_heavy():
    code = (
        "import sys, bot.cli; bot.cli.invoke(['--help']);"
        "heavy = {'discord', 'numpy', 'PIL', 'sqlalchemy', 'aiohttp', 'pydantic_settings', 'pebble', 'simcord'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_python_m_bot_is_the_program():
    result = subprocess.run([sys.executable, "-m", "bot", "nonsense"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("stanguard: ")


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    code = "import sys, bot.cli.output as output\nfor number in range(100000): output.say(str(number))"
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.stderr is not None
    errors = program.stderr.read().decode()
    program.wait()
    program.stderr.close()
    assert "BrokenPipe" not in errors
