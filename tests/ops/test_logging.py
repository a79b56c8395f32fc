"""Every log line, whoever wrote it, goes through one stream without secrets and without bytes."""

import contextlib
import io
import json
import logging
import warnings
from dataclasses import dataclass

import pytest
import structlog

from bot.ops.logging import HIDDEN, Redactor, Seldom, configure
from bot.settings import LogSettings

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA" + ".GhTkLm." + "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345678901"


@pytest.fixture(autouse=True)
def restored_logging():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def configured(**changes):
    stream = io.StringIO()
    secrets = changes.pop("secrets", ())
    configure(LogSettings(**{"format": "json", **changes}), secrets=secrets, stream=stream)
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_holds_event_level_logger_time_and_values():
    stream = configured()
    structlog.get_logger("bot.pipeline").info("scanned", verdict="clear", ms=3.5)
    (line,) = lines(stream)
    assert line["event"] == "scanned"
    assert line["level"] == "info"
    assert line["logger"] == "bot.pipeline"
    assert line["verdict"] == "clear"
    assert line["ms"] == 3.5
    assert line["timestamp"].endswith("Z")


def test_lines_of_the_standard_library_take_the_same_way():
    stream = configured()
    logging.getLogger("bot.store").warning("%s of %s", 1, 2, extra={})
    (line,) = lines(stream)
    assert line["event"] == "1 of 2"
    assert line["logger"] == "bot.store"


def test_console_lines_are_readable():
    stream = configured(format="console")
    structlog.get_logger("bot.app").info("started", workers=2)
    assert "started" in stream.getvalue()
    assert "workers=2" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_the_level_of_the_setting_counts_for_our_own_lines():
    stream = configured(level="warning")
    structlog.get_logger("bot.app").info("quiet")
    structlog.get_logger("bot.app").warning("heard")
    assert [line["event"] for line in lines(stream)] == ["heard"]


@pytest.mark.parametrize(
    ("logger", "level", "heard"),
    [
        ("discord.gateway", logging.DEBUG, False),
        ("discord.gateway", logging.INFO, True),
        ("discord.client", logging.INFO, False),
        ("sqlalchemy.engine", logging.INFO, False),
        ("sqlalchemy.pool", logging.WARNING, True),
        ("asyncio", logging.DEBUG, False),
        ("asyncio", logging.WARNING, True),
        ("pebble", logging.INFO, False),
        ("aiohttp.access", logging.INFO, False),
        ("bot.pipeline", logging.DEBUG, True),
    ],
)
def test_libraries_that_would_log_private_things_are_heard_only_above_them(logger, level, heard):
    stream = configured(level="debug")
    logging.getLogger(logger).log(level, "something")
    assert bool(lines(stream)) is heard


def test_a_second_call_replaces_the_first():
    first = configured()
    second = configured()
    structlog.get_logger("bot").warning("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_python_warnings_are_log_lines():
    stream = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    assert any("old thing" in line["event"] for line in lines(stream))


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_way_leads_a_token_into_a_line(form):
    stream = configured(format=form, level="debug", secrets=("a short secret",))
    log = structlog.get_logger("bot")
    log.info("starting with %s", TOKEN)
    log.info("starting", token=TOKEN, nested={"headers": [{"Authorization": f"Bot {TOKEN}"}]}, key="a short secret")
    logging.getLogger("discord.http").warning("sent Authorization: Bot %s", TOKEN)
    logging.getLogger("discord.http").warning("a short secret, and {'authorization': 'Bot abc.def'}")
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        log.exception("failed", stack_info=True)
    text = stream.getvalue()
    assert "ValueError" in text
    assert TOKEN not in text
    assert TOKEN.split(".")[2] not in text
    assert "a short secret" not in text
    assert "abc.def" not in text


def test_a_traceback_shows_no_local_variables():
    stream = configured(format="console")
    private = "seven" * 7
    try:
        raise RuntimeError(str(len(private)))
    except RuntimeError:
        structlog.get_logger("bot").exception("failed")
    assert "RuntimeError" in stream.getvalue()
    assert private not in stream.getvalue()


def test_bytes_never_reach_a_line():
    @dataclass
    class Held:
        content: bytes

    stream = configured()
    structlog.get_logger("bot").info(
        "got",
        data=b"\x89PNG",
        view=memoryview(b"\x89PNG\r"),
        held=Held(b"\xff\xd8"),
        listed=[bytearray(b"abc")],
    )
    (line,) = lines(stream)
    assert line["data"] == "[4 bytes refused]"
    assert line["view"] == "[5 bytes refused]"
    assert line["held"] == {"type": "Held", "content": "[2 bytes refused]"}
    assert line["listed"] == ["[3 bytes refused]"]


def test_the_depth_of_a_value_is_bounded():
    value: list = []
    value.append(value)
    stream = configured()
    structlog.get_logger("bot").info("loop", value=value)
    assert "[list]" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token {TOKEN}.", TOKEN),
        ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=65a&is=65b&hm=c0ffee&", "c0ffee"),
        ("POST https://discord.com/api/v10/webhooks/123/aW50ZXJhY3Rpb24 responded with 429", "aW50ZXJhY3Rpb24"),
        ("POST /interactions/123/aW50ZXJhY3Rpb24/callback", "aW50ZXJhY3Rpb24"),
        ("postgresql://bot:pass:word@db.example/stanguard", "pass:word"),
        ("Authorization: Bearer abcdef", "abcdef"),
    ],
)
def test_secrets_are_known_by_their_shape(text, secret):
    hidden = Redactor().text(text)
    assert secret not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize(
    "text",
    [
        "https://discord.com/channels/1/2/3",
        "scanned 12 of 13 in 3.5 ms",
        "bot.store.migrations.versions.create_tables",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "postgresql://localhost/stanguard",
    ],
)
def test_harmless_text_stays_as_it_is(text):
    assert Redactor().text(text) == text


def test_what_repeats_itself_while_the_database_is_away_is_said_once_a_minute():
    now = 0.0
    seldom = Seldom(clock=lambda: now)
    said = []
    for second in range(130):
        now = float(second)
        for event in ({"event": "outbox.round_failed"}, {"event": "loops.job_failed", "job": "hunt"}):
            with contextlib.suppress(structlog.DropEvent):
                said.append(seldom(None, "error", dict(event)))
    assert [line.get("left_out") for line in said if "job" in line] == [None, 59, 59]
    assert len(said) == 6
    for _ in range(5):
        assert seldom(None, "info", {"event": "bot.ready"}) == {"event": "bot.ready"}
