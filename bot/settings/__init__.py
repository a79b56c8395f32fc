"""Settings of one installation: ``config.toml`` plus the environment (``STANGUARD_DISCORD__TOKEN`` and so on).

The environment wins over the file. The token and the vault's key are read from the environment only: one of them in
the file is an error, so that a configuration can be shown to somebody who helps. What a guild decides for itself (mode,
channels) is not in here but in the database, see :mod:`bot.guilds`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from bot.errors import ConfigError

from .sections import (
    CatchUpSettings,
    DiscordSettings,
    EvidenceSettings,
    HealthSettings,
    LogSettings,
    MatchingSettings,
    MediaSettings,
    QueueSettings,
    ReportSettings,
    RetentionSettings,
    ReviewSettings,
    StoreSettings,
    VaultSettings,
)

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
    reports: ReportSettings = Field(default_factory=ReportSettings)
    catch_up: CatchUpSettings = Field(default_factory=CatchUpSettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
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
