"""Settings of one installation: ``config.toml`` plus the environment (``STANGUARD_DISCORD__TOKEN`` and so on).

The environment wins over the file. The token and the vault's key are read from the environment only: one of them in
the file is an error, so that a configuration can be shown to somebody who helps. What a guild decides for itself (mode,
channels) is not in here but in the database, see :mod:`bot.guilds`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import platformdirs
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from .errors import ConfigError
from .model import Strictness

PREFIX = "STANGUARD_"
TOKEN_VARIABLE = "STANGUARD_DISCORD__TOKEN"  # noqa: S105 - the name of a variable, not a token
VAULT_KEY_VARIABLE = "STANGUARD_VAULT__KEY"
_SECRETS = {
    "token": ("token", TOKEN_VARIABLE),
    "bot_token": ("token", TOKEN_VARIABLE),
    "key": ("vault's key", VAULT_KEY_VARIABLE),
    "vault_key": ("vault's key", VAULT_KEY_VARIABLE),
}
"""Keys that must not stand in a file, with what they hold and the variable that they belong in."""

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
    """How to reach Discord. The addresses are changed for a REST proxy shared between processes, and in tests."""

    token: SecretStr | None = None
    api_url: str | None = None
    gateway_url: str | None = None
    cdn_url: str = "https://cdn.discordapp.com"
    shard_ids: tuple[Whole, ...] | None = None
    shard_count: Annotated[Whole, Field(ge=1)] | None = None

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

    allowed_hosts: Annotated[tuple[str, ...], Field(min_length=1)] = DISCORD_MEDIA_HOSTS
    allow_http: bool = False
    max_bytes: Annotated[Whole, Field(ge=1024)] = 50 * 1024 * 1024
    max_pixels: Annotated[Whole, Field(ge=4096)] = 100_000_000
    max_frames: Annotated[Whole, Field(ge=1, le=64)] = 16
    connect_timeout: Seconds = 5.0
    total_timeout: Seconds = 30.0
    fetch_concurrency: Annotated[Whole, Field(ge=1)] = 16
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


class LogSettings(Section):
    """What is logged, and how: ``console`` for people, ``json`` for collectors."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(BaseSettings):
    """Everything that one process needs to know before it starts."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    discord: DiscordSettings = Field(default_factory=DiscordSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    vault: VaultSettings = Field(default_factory=VaultSettings)
    media: MediaSettings = Field(default_factory=MediaSettings)
    matching: MatchingSettings = Field(default_factory=MatchingSettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings)
    review: ReviewSettings = Field(default_factory=ReviewSettings)
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
    _refuse_secrets(path, values)
    _refuse_misspelt_variables()
    for table in values.keys() - Settings.model_fields.keys():
        raise ConfigError(_unknown(str(path), table))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_sentence(path, error)) from None
    except SettingsError:
        raise ConfigError(_not_json()) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; copy config.example.toml to it, or leave --config away.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} cannot be read, because it is a folder; name the file in it.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} cannot be read, because it is not UTF-8; save it with that encoding.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror or type(error).__name__}); check the path and its permissions."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML ({error}); compare it with config.example.toml.") from None


def _refuse_secrets(path: Path, values: Mapping[str, Any]) -> None:
    """Raise ConfigError when a token or a key stands in the file, wherever somebody thought that it belongs."""
    keys = [str(key) for key in values]
    for table, content in values.items():
        if isinstance(content, dict):
            keys += [f"{table}.{key}" for key in cast("dict[str, Any]", content)]
    for key in keys:
        secret = _SECRETS.get(key.rpartition(".")[2].casefold())
        if secret is not None:
            what, variable = secret
            raise ConfigError(f"{path}: the {what} does not belong in the file; delete {key} there and set {variable}.")


def _refuse_misspelt_variables() -> None:
    """Raise ConfigError for a variable that was meant as a setting and would do nothing without a word."""
    known = {
        f"{PREFIX}{table}__{key}".upper()
        for table, field in Settings.model_fields.items()
        for key in cast("type[BaseModel]", field.annotation).model_fields
    }
    meant = {name.replace("__", "_"): name for name in known}
    meant[f"{PREFIX}KEY"] = VAULT_KEY_VARIABLE
    meant[f"{PREFIX}TOKEN"] = meant[f"{PREFIX}BOT_TOKEN"] = TOKEN_VARIABLE
    for name in os.environ:
        right = meant.get(name.upper())
        if right is not None and name.upper() not in known:
            raise ConfigError(f"The variable {name} is not read; rename it to {right}.")
        table, separator, _ = name.upper().removeprefix(PREFIX).partition("__")
        if name.upper().startswith(PREFIX) and separator and table.lower() not in Settings.model_fields:
            raise ConfigError(_unknown(f"The variable {name}", table.lower()))


def _sentence(path: Path, error: ValidationError) -> str:
    first: Any = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    where = _where(path, [str(part) for part in first["loc"]])
    if first["type"] == "extra_forbidden":
        return _unknown(where, key)
    return f"{where}: {key} {_reason(first)}; see config.example.toml."


def _where(path: Path, loc: list[str]) -> str:
    """The variable that holds a setting; else the file, or, for what several settings make together, both."""
    names = {f"{PREFIX}{'__'.join(loc[:depth])}".upper() for depth in (1, 2)}
    for name in os.environ:
        if name.upper() in names:
            return f"The variable {name}"
    return str(path) if len(loc) > 1 else f"{path} or the environment"


_REASONS = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number that is not infinite",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list in square brackets",
    "dict_type": "must be a table of names and texts in braces",
    "too_short": "must not be empty",
    "model_type": "must be a table, with its name in square brackets and its settings in the lines below",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be {ge} or greater",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_short": "must not be empty",
}


def _reason(error: Mapping[str, Any]) -> str:
    """What a value must be, as the end of a sentence."""
    words = _REASONS.get(error["type"])
    if words is not None:
        return words.format_map(error.get("ctx") or {})
    return f"is not usable ({error['msg'].removeprefix('Value error, ')})"


def _not_json() -> str:
    """The sentence for a variable that holds a whole table and is no JSON; pydantic-settings names it in prose only."""
    tables = {f"{PREFIX}{table}".upper(): table for table in Settings.model_fields}
    named = {name: tables[name.upper()] for name in os.environ if name.upper() in tables}
    wrong = " or ".join(f"{name} (the table {table})" for name, table in sorted(named.items()))
    return f"The variable {wrong} is not JSON; correct it, or set each setting in a variable of its own."


def _unknown(where: str, key: str) -> str:
    return f"{where}: there is no setting {key}; compare the spelling with config.example.toml."
