"""Nothing that arrives over the gateway stops the bot or hides a message from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import REGISTRY

from bot.client.raw import MESSAGE_EVENTS, Parser, guard, where


def parsed(sinks: list[Callable[[Any], None]], event: str, parser: Parser, data: Any) -> None:
    parsers = {event: parser}
    guard(parsers, dict.fromkeys(MESSAGE_EVENTS, sinks))
    parsers[event](data)


def test_a_sink_sees_the_message_before_the_parser_and_even_if_that_fails() -> None:
    order: list[str] = []

    def parser(_: Any) -> None:
        order.append("parser")
        raise KeyError("content")

    with structlog.testing.capture_logs():
        parsed([lambda _: order.append("sink")], "MESSAGE_CREATE", parser, {})
    assert order == ["sink", "parser"]


def test_a_failing_sink_stops_neither_the_next_one_nor_the_parser() -> None:
    seen: list[str] = []

    def broken(_: Any) -> None:
        raise ValueError("broken")

    with structlog.testing.capture_logs():
        parsed([broken, lambda _: seen.append("sink")], "MESSAGE_UPDATE", lambda _: seen.append("parser"), {})
    assert seen == ["sink", "parser"]


def test_other_events_do_not_go_to_the_sinks_of_messages() -> None:
    seen: list[Any] = []
    parsed([seen.append], "GUILD_CREATE", lambda _: None, {"id": "1"})
    assert seen == []


def test_sinks_can_be_added_after_the_guard_was_set() -> None:
    sinks: list[Callable[[Any], None]] = []
    parsers: dict[str, Parser] = {"MESSAGE_CREATE": lambda _: None}
    guard(parsers, {"MESSAGE_CREATE": sinks})
    seen: list[Any] = []
    sinks.append(seen.append)
    parsers["MESSAGE_CREATE"]({"id": "1"})
    assert seen == [{"id": "1"}]


def test_failures_are_counted_by_event() -> None:
    def parser(_: Any) -> None:
        raise KeyError("x")

    def count() -> float:
        return REGISTRY.get_sample_value("stanguard_parser_errors_total", {"event": "TYPING_START"}) or 0.0

    before = count()
    with structlog.testing.capture_logs():
        parsed([], "TYPING_START", parser, {})
    assert count() == before + 1


def test_the_log_names_the_place_and_never_what_a_member_wrote() -> None:
    def parser(_: Any) -> None:
        raise KeyError("what a member wrote")

    with structlog.testing.capture_logs() as lines:
        parsed([], "MESSAGE_CREATE", parser, {})
    (line,) = lines
    assert line["error"].startswith("KeyError at test_raw.py:")
    assert "member wrote" not in str(line)


def test_an_exception_that_was_never_raised_has_a_name_all_the_same() -> None:
    assert where(ValueError("x")) == "ValueError"
