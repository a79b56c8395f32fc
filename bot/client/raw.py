"""Guards around discord.py's parsers of gateway events.

discord.py parses an event before any handler runs, and an exception there ends the whole client. Its parsed messages
also leave media out (an unknown component hides everything after it). So every parser is wrapped: the raw JSON of a
message goes to the sinks first, then to discord.py, and no exception of either gets further than a line in the log.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

import structlog

from bot.ops import metrics

log = structlog.get_logger(__name__)

Sink = Callable[[Mapping[str, Any]], None]
"""Takes the raw JSON of one message. Must not wait and must not change it: discord.py reads it afterwards."""

Parser = Callable[[Any], None]

MESSAGE_EVENTS = ("MESSAGE_CREATE", "MESSAGE_UPDATE")


def guard(parsers: MutableMapping[str, Parser], sinks: list[Sink]) -> None:
    """Wrap all parsers in place. ``sinks`` is read at every message, so that sinks can come and go."""
    for event, parser in tuple(parsers.items()):
        parsers[event] = partial(_parse, event, parser, sinks if event in MESSAGE_EVENTS else ())


def _parse(event: str, parser: Parser, sinks: list[Sink] | tuple[Sink, ...], data: dict[str, Any]) -> None:
    for sink in tuple(sinks):
        try:
            sink(data)
        except Exception as error:  # noqa: BLE001 - the boundary to the gateway: a sink never stops the bot
            metrics.HANDLER_ERRORS.labels(event).inc()
            log.error("gateway.sink_failed", gateway_event=event, error=where(error))
    try:
        parser(data)
    except Exception as error:  # noqa: BLE001 - the boundary to the gateway: a payload never stops the bot
        metrics.PARSER_ERRORS.labels(event).inc()
        log.error("gateway.unparsable", gateway_event=event, error=where(error))


def where(error: BaseException) -> str:
    """The type of an exception and the line that raised it; never its text, which may quote what a member wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    return f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno}"
