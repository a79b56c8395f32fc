"""Logging of a process: structlog and the standard library in one stream, with secrets taken out of every line.

Log lines are often sent to people who help, or to a service. So no line may hold a token, a signed address or the
bytes of a picture, whoever wrote it; and libraries that log the text of messages are kept above the level at which
they do.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.settings import LogSettings

HIDDEN = "[hidden]"
MAX_DEPTH = 6

LIBRARY_LEVELS: Mapping[str, int] = {
    "discord": logging.INFO,  # below, it logs whole messages of members
    "discord.client": logging.WARNING,  # below, it says that it logs in, which the runner says as well
    "sqlalchemy": logging.WARNING,  # below, it logs the values of every statement
    "alembic": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
    "concurrent": logging.WARNING,
    "pebble": logging.WARNING,
    "PIL": logging.WARNING,
}
"""The lowest level at which a library is heard, whatever the setting says."""

_REPETITIVE = frozenset(
    {
        "loops.job_failed",
        "outbox.not_renewed",
        "outbox.not_written",
        "outbox.round_failed",
        "pipeline.forgotten",
        "pipeline.load_failed",
        "pipeline.not_written",
        "pipeline.spill_failed",
    }
)
"""What would fill a disk that is full already, or the log of an hour without a database."""

_SECRET_KEYS = frozenset({"authorization", "token", "password", "passwd", "secret", "api_key", "cookie", "set-cookie"})

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A Discord bot token: user id, time stamp and HMAC in base64url.
    (re.compile(r"\b[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{27,50}"), HIDDEN),
    (re.compile(r"\bmfa\.[\w-]{20,}"), HIDDEN),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(?:(?:bot|bearer|basic)\s+)?[^\s'\",}]+"), rf"\1{HIDDEN}"),
    # Webhook and interaction addresses: whoever has one can write.
    (re.compile(r"(/(?:webhooks|interactions)/\d+/)[^\s/?'\"]+"), rf"\1{HIDDEN}"),
    # The signature of a media address: whoever has it can fetch the picture.
    (re.compile(r"([?&](?:ex|is|hm)=)[^\s&'\"]+"), rf"\1{HIDDEN}"),
    # Who is asked after may be somebody who reported.
    (re.compile(r"(/guilds/\d+/members/)\d+"), rf"\1{HIDDEN}"),
    # The password of a database address.
    (re.compile(r"(://[^\s:/@]+:)[^\s@]+@"), rf"\1{HIDDEN}@"),
)


class Redactor:
    """A structlog processor that hides secrets and refuses bytes in every value of an event, however deep.

    It runs after tracebacks were made into text, so that they are covered as well.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Return the event with every value made harmless."""
        return {key: self._value(key, value, 0) for key, value in event_dict.items()}

    def text(self, text: str) -> str:
        """The text with every known secret, and everything of the shape of one, hidden."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def _value(self, key: object, value: object, depth: int) -> object:
        if key in {"_record", "_from_structlog"} or value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(key, str) and key.lower() in _SECRET_KEYS:
            return HIDDEN
        if isinstance(value, bytes | bytearray | memoryview):
            return f"[{len(cast('bytes', value))} bytes refused]"
        if isinstance(value, str):
            return self.text(value)
        if depth >= MAX_DEPTH:
            return f"[{type(value).__name__}]"
        return self._nested(value, depth + 1)

    def _nested(self, value: object, depth: int) -> object:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {"type": type(value).__name__, **self._mapping(fields, depth)}
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[object, object]", value), depth)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(None, item, depth) for item in cast("Iterable[object]", value)]
        return self.text(str(value))

    def _mapping(self, values: Mapping[object, object] | Mapping[str, object], depth: int) -> dict[str, object]:
        return {self.text(str(key)): self._value(key, value, depth) for key, value in values.items()}


class Seldom:
    """A structlog processor that lets what repeats itself while the database is away through once a minute.

    The next line that goes through says how many were left out before it.
    """

    def __init__(self, *, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: dict[tuple[object, object], tuple[float, int]] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Return the event; raises DropEvent for one too many."""
        event = event_dict.get("event")
        if event not in _REPETITIVE:
            return event_dict
        key = event, event_dict.get("job")
        now = self._clock()
        said, left_out = self._last.get(key, (-self._seconds, 0))
        if now - said < self._seconds:
            self._last[key] = said, left_out + 1
            raise structlog.DropEvent
        self._last[key] = now, 0
        return {**event_dict, "left_out": left_out} if left_out else event_dict


class _Handler(logging.StreamHandler[TextIO]):
    """The one handler that :func:`configure` puts on the root logger, so that a second call can replace it."""


def configure(settings: LogSettings, *, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send all logging of this process to ``stream`` (standard error) in the form that the settings name.

    ``secrets`` are hidden wherever they appear. May be called again: the last call counts.
    """
    output: TextIO = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            Seldom(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                Redactor(secrets),
                _renderer(settings.format, colors=output.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, lowest in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(level, lowest))
    logging.captureWarnings(capture=True)


def _renderer(form: str, *, colors: bool) -> Callable[[WrappedLogger, str, EventDict], str | bytes]:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=True)
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
