"""Guards around discord.py's parsers of gateway events.

discord.py parses an event before any handler runs, and an exception there ends the whole client. Its parsed messages
also leave media out (an unknown component hides everything after it). So every parser is wrapped: the raw JSON of a
message goes to the sinks first, then to discord.py, and no exception of either gets further than a line in the log.
The same holds for other events that somebody has to hear of before any later message is handled.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any, cast

import structlog

from bot.media import identity
from bot.ops import metrics

log = structlog.get_logger(__name__)

Sink = Callable[[Mapping[str, Any]], None]
"""Takes the raw JSON of one event. Must not wait and must not change it: discord.py reads it afterwards."""

Parser = Callable[[Any], None]

_DISCORD_EPOCH = 1_420_070_400
"""Ids count milliseconds from the beginning of 2015, in seconds since 1970."""

POSTED, CHANGED = MESSAGE_EVENTS = ("MESSAGE_CREATE", "MESSAGE_UPDATE")
"""A change is an edit by the author, or what Discord itself adds later, such as the picture of a link."""


def guard(parsers: MutableMapping[str, Parser], sinks: Mapping[str, list[Sink]]) -> None:
    """Wrap all parsers in place.

    ``sinks``: by the name of their event. The lists are read at every event, so that sinks can come and go.
    """
    for event, parser in tuple(parsers.items()):
        parsers[event] = partial(_parse, event, parser, sinks.get(event, ()))


def _parse(event: str, parser: Parser, sinks: list[Sink] | tuple[Sink, ...], data: dict[str, Any]) -> None:
    _count(event, data)
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


def _count(event: str, data: object) -> None:
    """Count an event, and observe how long a new message was on its way. The names of parsers bound the labels."""
    metrics.GATEWAY_EVENTS.labels(event).inc()
    metrics.GATEWAY_LAST_EVENT.set_to_current_time()
    message_id = identity.snowflake(cast("dict[str, Any]", data).get("id")) if isinstance(data, dict) else None
    if event == "MESSAGE_CREATE" and message_id is not None:
        posted = (message_id >> 22) / 1000 + _DISCORD_EPOCH
        # A clock that is behind Discord's would make the time negative.
        metrics.MESSAGE_LAG_SECONDS.observe(max(0.0, time.time() - posted))


def where(error: BaseException) -> str:
    """The type of an exception and the line that raised it; never its text, which may quote what a member wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    return f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno}"
