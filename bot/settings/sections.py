"""The tables of ``config.toml``: what each setting is, its limits and its default."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from bot.model import Strictness

MOST_CONTACTS = 100
MOST_CONTACT_CHARACTERS = 300

DISCORD_MEDIA_HOSTS = (
    "cdn.discordapp.com",
    "media.discordapp.net",
    "images-ext-1.discordapp.net",
    "images-ext-2.discordapp.net",
)


def default_database_url() -> str:
    """An SQLite file in the platform's folder for application data."""
    return f"sqlite:///{Path(platformdirs.user_data_dir('stanguard', appauthor=False)) / 'stanguard.db'}"


def _no_truth_value(value: object) -> object:
    """TOML's ``true`` is a slip where a number belongs; pydantic would take it for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic reports ValueError alone
    return value


Whole = Annotated[int, BeforeValidator(_no_truth_value)]
Seconds = Annotated[float, BeforeValidator(_no_truth_value), Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DiscordSettings(Section):
    """How to reach Discord. The addresses are changed for a REST proxy shared between processes, and in tests.

    ``resume_seconds``: how long a session may be resumed in vain before a new one is begun. ``silent_seconds``: how
    long there may be no session, or no sign of life on it, before the process ends, to be started again.
    """

    token: SecretStr | None = None
    api_url: str | None = None
    gateway_url: str | None = None
    cdn_url: str = "https://cdn.discordapp.com"
    shard_ids: tuple[Whole, ...] | None = None
    shard_count: Annotated[Whole, Field(ge=1)] | None = None
    resume_seconds: Seconds = 60.0
    silent_seconds: Seconds = 600.0

    @field_validator("api_url", "cdn_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is None or url.startswith(("http://", "https://")):
            return url
        raise ValueError("must begin with https:// or http://")

    @field_validator("gateway_url")
    @classmethod
    def _gateway_address(cls, url: str | None) -> str | None:
        if url is None or url.startswith(("ws://", "wss://")):
            return url
        raise ValueError("must begin with wss:// or ws://")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.silent_seconds <= self.resume_seconds:
            raise ValueError("silent_seconds must be more than resume_seconds")
        if self.shard_ids is None:
            return self
        if self.shard_count is None:
            raise ValueError("shard_ids needs shard_count beside it")
        if not self.shard_ids or not all(0 <= number < self.shard_count for number in self.shard_ids):
            raise ValueError("shard_ids must hold numbers from 0 to shard_count - 1")
        return self


class StoreSettings(Section):
    """Where the database is: ``sqlite:///path`` or ``postgresql://user@host/name``.

    ``connections``: the most that one process opens to PostgreSQL for its transactions.
    """

    url: str = Field(default_factory=default_database_url)
    connections: Annotated[Whole, Field(ge=5, le=200)] = 20

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url.startswith(("sqlite:///", "postgresql://")):
            return url
        raise ValueError("must begin with sqlite:/// or postgresql://")


class MediaSettings(Section):
    """Limits on what is fetched and decoded. Sizes are bytes, times are seconds."""

    allowed_hosts: Annotated[tuple[str, ...], Field(min_length=1)] = DISCORD_MEDIA_HOSTS
    allow_http: bool = False
    max_bytes: Annotated[Whole, Field(ge=1024)] = 50 * 1024 * 1024
    bytes_in_flight: Annotated[Whole, Field(ge=1024 * 1024)] = 256 * 1024 * 1024
    max_pixels: Annotated[Whole, Field(ge=4096)] = 100_000_000
    max_frames: Annotated[Whole, Field(ge=1, le=64)] = 16
    connect_timeout: Seconds = 5.0
    total_timeout: Seconds = 30.0
    fetch_concurrency: Annotated[Whole, Field(ge=1)] = 16
    retry_seconds: Annotated[tuple[Seconds, ...], Field(max_length=10)] = (60.0, 300.0, 1800.0)
    decode_seconds: Seconds = 10.0
    decode_memory: Annotated[Whole, Field(ge=256 * 1024 * 1024)] = 1536 * 1024 * 1024
    workers: Annotated[Whole, Field(ge=1)] = Field(default_factory=lambda: max(1, min(8, os.cpu_count() or 1)))


class VaultSettings(Section):
    """The key that seals local features in the database: where its file is, or the key itself (environment only).

    ``key`` is 32 bytes in base64; of several, separated by commas, the first is the current one. ``key_file`` None: the
    place that :func:`bot.vault.key_file` says.
    """

    key: SecretStr | None = None
    key_file: Annotated[str, Field(min_length=1)] | None = None


class MatchingSettings(Section):
    """How much evidence a match needs, see docs/matching.md for the measured error rates.

    ``strictness`` is for guilds that set none. ``hash_*`` are bits of 256 for entries that are nothing but a hash.
    """

    strictness: Strictness = Strictness.AUTO
    enough_known_good: Annotated[Whole, Field(ge=0)] = 25
    hash_remove: Annotated[Whole, Field(ge=0, le=64)] = 31
    hash_review: Annotated[Whole, Field(ge=0, le=64)] = 47
    hash_review_box: Annotated[Whole, Field(ge=0, le=64)] = 56
    local_features: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hash_remove > min(self.hash_review, self.hash_review_box):
            raise ValueError("hash_remove must not be larger than hash_review and hash_review_box")
        return self


class QueueSettings(Section):
    """How many media items may wait in memory; what does not fit waits in the database."""

    capacity: Annotated[Whole, Field(ge=1)] = 2000


class RetentionSettings(Section):
    """How long things are kept, in days."""

    sightings_days: Annotated[Whole, Field(ge=1, le=30)] = 30
    cases_days: Annotated[Whole, Field(ge=30)] = 180
    left_server_days: Annotated[Whole, Field(ge=1, le=90)] = 30


class EvidenceSettings(Section):
    """What an evidence pack says besides the case: who operates the bot, and whom it is meant for, by tag.

    Nothing is ever sent anywhere: a contact is only written into the pack that somebody asks for with its tag.
    """

    operator: str | None = None
    contacts: dict[str, str] = Field(default_factory=dict)

    @field_validator("operator")
    @classmethod
    def _short_operator(cls, text: str | None) -> str | None:
        return None if text is None else _line(text)

    @field_validator("contacts")
    @classmethod
    def _sane_contacts(cls, contacts: dict[str, str]) -> dict[str, str]:
        if len(contacts) > MOST_CONTACTS:
            raise ValueError(f"it has more than {MOST_CONTACTS} tags")
        for tag in contacts:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", tag):
                raise ValueError("a tag has 1 to 32 lower-case letters, digits, - and _, a letter or digit first")
        return {tag: _line(contact) for tag, contact in contacts.items()}


def _line(text: str) -> str:
    """A text as it may stand in an evidence pack: one short line that prints."""
    text = text.strip()
    if not text or len(text) > MOST_CONTACT_CHARACTERS or not text.isprintable():
        raise ValueError(f"a contact is one line of 1 to {MOST_CONTACT_CHARACTERS} characters")
    return text


class ReviewSettings(Section):
    """How the review queue works on every server. ``expire_days``: days after which a case that nobody decided ends.

    Looking at renderings: how many an hour are worth a word, how many an hour and a day one moderator may look at (0:
    none), after how many cases within 20 minutes a break is proposed (0: never), and for how many days that is counted.
    """

    expire_days: Annotated[Whole, Field(ge=1, le=365)] = 7
    soft_reveals_per_hour: Annotated[Whole, Field(ge=0)] = 10
    hard_reveals_per_hour: Annotated[Whole, Field(ge=0)] = 20
    hard_reveals_per_day: Annotated[Whole, Field(ge=0)] = 30
    break_after_cases: Annotated[Whole, Field(ge=0)] = 10
    exposure_days: Annotated[Whole, Field(ge=30, le=365)] = 90


class ReportSettings(Section):
    """How much members may report on every server, and for how long it is kept who they are.

    A member's reports and requests to take something down are counted apart; what a server takes is counted by the
    cases that reports open in it, so that joining one is always possible. ``identity_days``: days after which who made
    a report is forgotten.
    """

    per_member_10_minutes: Annotated[Whole, Field(ge=1)] = 10
    per_member_day: Annotated[Whole, Field(ge=1)] = 40
    takedowns_per_member_day: Annotated[Whole, Field(ge=1)] = 5
    cases_per_server_hour: Annotated[Whole, Field(ge=1)] = 120
    identity_days: Annotated[Whole, Field(ge=1, le=30)] = 30


class CatchUpSettings(Section):
    """How what was posted while the bot was away is read: how far back, and how many requests to Discord a second.

    Discord allows a bot 50 requests a second in all, and deletes go first.
    """

    most_days: Annotated[Whole, Field(ge=1, le=90)] = 14
    requests_per_second: Annotated[float, BeforeValidator(_no_truth_value), Field(ge=0.1, le=25)] = 5.0


class HealthSettings(Section):
    """Where ``/healthz``, ``/readyz`` and ``/metrics`` are served; ``port`` 0: nowhere."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65535)] = 9417


class LogSettings(Section):
    """What is logged, and how: ``console`` for people, ``json`` for collectors."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
