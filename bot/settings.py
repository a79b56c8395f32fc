"""Settings of one installation: ``config.toml`` plus the environment (``STANGUARD_DISCORD__TOKEN`` and so on).

The environment wins over the file. The token is read from the environment only: a token in the file is an error, so
that a configuration can be shown to somebody who helps. What a guild decides for itself (mode, channels) is not in
here but in the database, see :mod:`bot.guilds`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from .errors import ConfigError

TOKEN_VARIABLE = "STANGUARD_DISCORD__TOKEN"  # noqa: S105 - the name of a variable, not a token
DISCORD_MEDIA_HOSTS = (
    "cdn.discordapp.com",
    "media.discordapp.net",
    "images-ext-1.discordapp.net",
    "images-ext-2.discordapp.net",
)


def default_database_url() -> str:
    """An SQLite file in the platform's folder for application data."""
    return f"sqlite:///{Path(platformdirs.user_data_dir('stanguard', appauthor=False)) / 'stanguard.db'}"


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DiscordSettings(Section):
    """How to reach Discord. The addresses are changed for a REST proxy shared between processes, and in tests."""

    token: SecretStr | None = None
    api_url: str | None = None
    gateway_url: str | None = None
    cdn_url: str = "https://cdn.discordapp.com"
    shard_ids: tuple[int, ...] | None = None
    shard_count: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _shards_of_a_count(self) -> Self:
        if self.shard_ids is None:
            return self
        if self.shard_count is None:
            raise ValueError("shard_ids needs shard_count beside it")
        if not self.shard_ids or not all(0 <= number < self.shard_count for number in self.shard_ids):
            raise ValueError("shard_ids must hold numbers from 0 to shard_count - 1")
        return self


class StoreSettings(Section):
    """Where the database is: ``sqlite:///path`` or ``postgresql://user@host/name``."""

    url: str = Field(default_factory=default_database_url)

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url.startswith(("sqlite:///", "postgresql://")):
            return url
        raise ValueError("must begin with sqlite:/// or postgresql://")


class MediaSettings(Section):
    """Limits on what is fetched and decoded. Sizes are bytes, times are seconds."""

    allowed_hosts: tuple[str, ...] = DISCORD_MEDIA_HOSTS
    allow_http: bool = False
    max_bytes: Annotated[int, Field(ge=1024)] = 50 * 1024 * 1024
    max_pixels: Annotated[int, Field(ge=4096)] = 100_000_000
    max_frames: Annotated[int, Field(ge=1, le=64)] = 16
    connect_timeout: Annotated[float, Field(gt=0)] = 5.0
    total_timeout: Annotated[float, Field(gt=0)] = 30.0
    fetch_concurrency: Annotated[int, Field(ge=1)] = 16
    decode_seconds: Annotated[float, Field(gt=0)] = 10.0
    decode_memory: Annotated[int, Field(ge=256 * 1024 * 1024)] = 1536 * 1024 * 1024
    workers: Annotated[int, Field(ge=1)] = Field(default_factory=lambda: max(1, min(8, os.cpu_count() or 1)))


class MatchingSettings(Section):
    """Defaults for guilds that set none: bits of 256, see docs/admin.md for the measured error rates."""

    remove: Annotated[int, Field(ge=0, le=128)] = 43
    review: Annotated[int, Field(ge=0, le=128)] = 64
    margin: Annotated[int, Field(ge=0, le=128)] = 8

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.remove > self.review:
            raise ValueError("remove must not be larger than review")
        return self


class QueueSettings(Section):
    """How many media items may wait in memory; what does not fit waits in the database."""

    capacity: Annotated[int, Field(ge=1)] = 2000


class RetentionSettings(Section):
    """How long things are kept, in days."""

    sightings_days: Annotated[int, Field(ge=1, le=30)] = 30
    cases_days: Annotated[int, Field(ge=30)] = 180


class LogSettings(Section):
    """What is logged, and how: ``console`` for people, ``json`` for collectors."""

    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    format: Annotated[str, Field(pattern="^(console|json)$")] = "console"


class Settings(BaseSettings):
    """Everything that one process needs to know before it starts."""

    model_config = SettingsConfigDict(
        env_prefix="STANGUARD_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    discord: DiscordSettings = Field(default_factory=DiscordSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    media: MediaSettings = Field(default_factory=MediaSettings)
    matching: MatchingSettings = Field(default_factory=MatchingSettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the values handed over from the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load(path: Path | None) -> Settings:
    """Read the file, if one is named or ``config.toml`` stands here, and the environment.

    Raises ConfigError with one sentence that names the key and the remedy.
    """
    named = path is not None
    path = path or Path("config.toml")
    values: dict[str, Any] = {}
    if named or path.exists():
        values = _read(path)
    discord = values.get("discord")
    if isinstance(discord, dict) and "token" in discord:
        raise ConfigError(
            f"{path}: the token does not belong in the file; delete discord.token there and set {TOKEN_VARIABLE}."
        )
    for table in values.keys() - Settings.model_fields.keys():
        raise ConfigError(_unknown(path, table))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(path, error)) from None
    except SettingsError as error:
        raise ConfigError(f"The environment: {error}; lists and tables are written as JSON there.") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; copy config.example.toml to it, or leave --config away.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({type(error).__name__}); check the path and its permissions."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML ({error}); compare it with config.example.toml.") from None


def _sentence(path: Path, error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown(path, key)
    reason = first["msg"].removeprefix("Value error, ")
    return f"{path} or the environment: {key} is not usable ({reason}); see config.example.toml."


def _unknown(path: Path, key: str) -> str:
    return f"{path} or the environment: there is no setting {key}; compare the spelling with config.example.toml."
