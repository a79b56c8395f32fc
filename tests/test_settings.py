"""Settings come from the file and the environment; every mistake is one sentence that names the key."""

import os
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.errors import ConfigError
from bot.settings import TOKEN_VARIABLE, VAULT_KEY_VARIABLE, Settings, load

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"

SECRETS = {"discord.token", "vault.key"}
"""Settings that are read from the environment only."""

WITHOUT_DEFAULT_IN_THE_FILE = {
    "discord.api_url",
    "discord.gateway_url",
    "discord.shard_ids",
    "discord.shard_count",
    "store.url",
    "vault.key_file",
    "media.workers",
    "evidence.operator",
}
"""Settings whose default is None or depends on the machine: the example shows them in a comment."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("STANGUARD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += keys(field.annotation, f"{prefix}{name}.")
        else:
            found.append(f"{prefix}{name}")
    return found


def written(tmp_path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------------------- the example


def test_the_example_names_every_setting_and_no_other():
    named, table = set(), ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            table = header[1]
        elif setting := re.fullmatch(r"(# )?(\w+) = .*", line):
            named.add(f"{table}.{setting[2]}")
    assert named == set(keys(Settings)) - SECRETS


def test_the_example_sets_what_has_a_fixed_default():
    values = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    active = {f"{table}.{key}" for table, settings in values.items() for key in settings}
    assert active == set(keys(Settings)) - SECRETS - WITHOUT_DEFAULT_IN_THE_FILE


def test_the_example_equals_the_defaults():
    assert load(EXAMPLE) == Settings()


def test_every_setting_of_the_example_is_explained_just_above_it():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r"(# )?\w+ = .*", line):
            block = number
            while lines[block - 1].strip() and not lines[block - 1].startswith("["):
                block -= 1
            assert lines[block].startswith("# "), line
            assert not re.fullmatch(r"# \w+ = .*", lines[block]), line


@pytest.mark.parametrize("commented", sorted(WITHOUT_DEFAULT_IN_THE_FILE))
def test_the_commented_settings_work_when_the_mark_is_taken_off(tmp_path, commented):
    table, key = commented.split(".")
    text = EXAMPLE.read_text(encoding="utf-8")
    for name in {key, "shard_count"} if key == "shard_ids" else {key}:
        text = re.sub(rf"^# ({name} = )", r"\1", text, count=1, flags=re.MULTILINE)
    settings = load(written(tmp_path, text))
    value = tomllib.loads(text)[table][key]
    assert getattr(getattr(settings, table), key) == (tuple(value) if isinstance(value, list) else value)


# ------------------------------------------------------------------------------------------------- sources


def test_without_a_file_the_defaults_count():
    assert load(None) == Settings()


def test_a_config_toml_in_the_working_folder_is_found(tmp_path):
    written(tmp_path, "[media]\nworkers = 3\n")
    assert load(None).media.workers == 3


def test_the_environment_wins_and_leaves_the_rest_of_the_file(tmp_path, monkeypatch):
    path = written(tmp_path, "[media]\nworkers = 3\nmax_frames = 5\n[matching]\nhash_review = 60\n")
    monkeypatch.setenv("STANGUARD_MEDIA__WORKERS", "7")
    settings = load(path)
    assert settings.media.workers == 7
    assert settings.media.max_frames == 5
    assert settings.matching.hash_review == 60


def test_the_token_comes_from_the_environment_and_is_not_shown(monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "a.secret.token")
    settings = load(None)
    assert settings.discord.token is not None
    assert settings.discord.token.get_secret_value() == "a.secret.token"
    assert "a.secret.token" not in repr(settings)


def test_lists_in_the_environment_are_json(monkeypatch):
    monkeypatch.setenv("STANGUARD_DISCORD__SHARD_IDS", "[0, 1]")
    monkeypatch.setenv("STANGUARD_DISCORD__SHARD_COUNT", "4")
    assert load(None).discord.shard_ids == (0, 1)


# ------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[media]\nworker = 3\n", ["media.worker", "config.example.toml"]),
        ("nonsense = 1\n", ["nonsense", "config.example.toml"]),
        ("_env_file = 'x'\n", ["_env_file", "config.example.toml"]),
        ("[media]\nworkers = 'many'\n", ["media.workers", "config.example.toml"]),
        ("[media]\nworkers = 0\n", ["media.workers", "greater"]),
        ("[store]\nurl = 'mysql://x'\n", ["store.url", "sqlite:///", "postgresql://"]),
        ("[log]\nlevel = 'loud'\n", ["log.level"]),
        ("discord = 3\n", ["discord"]),
        ("[discord\n", ["TOML"]),
        ("[discord]\nshard_ids = [0]\n", ["discord", "shard_count"]),
        ("[discord]\nshard_ids = [2]\nshard_count = 2\n", ["discord", "shard_count - 1"]),
        ("[matching]\nhash_remove = 50\n", ["matching", "hash_review"]),
        ("[matching]\nhash_review_box = 30\n", ["matching", "hash_review_box"]),
        ("[matching]\nhash_review = 65\n", ["matching.hash_review must be 64 or less"]),
        ("[matching]\nstrictness = 'very'\n", ["matching.strictness must be 'auto', 'standard' or 'strict'"]),
        ("[matching]\nremove = 43\n", ["matching.remove", "config.example.toml"]),
        ("[vault]\nkey_file = ''\n", ["vault.key_file must not be empty"]),
        ("[vault]\nkey = 'a.secret.token'\n", ["vault.key", VAULT_KEY_VARIABLE]),
        ("vault_key = 'a.secret.token'\n", ["delete vault_key", VAULT_KEY_VARIABLE]),
        ("[discord]\ntoken = 'a.secret.token'\n", ["discord.token", TOKEN_VARIABLE]),
        ("token = 'a.secret.token'\n", ["delete token", TOKEN_VARIABLE]),
        ("[bot]\nBot_Token = 'a.secret.token'\n", ["bot.Bot_Token", TOKEN_VARIABLE]),
        ("[media]\nworkers = 1.5\n", ["media.workers must be a whole number"]),
        ("[media]\nworkers = true\n", ["media.workers", "must be a number, not true or false"]),
        ("[media]\ntotal_timeout = inf\n", ["media.total_timeout must be a number that is not infinite"]),
        ("[media]\ntotal_timeout = 0\n", ["media.total_timeout must be greater than 0"]),
        ("[media]\nmax_frames = 65\n", ["media.max_frames must be 64 or less"]),
        ("[media]\nallow_http = 'perhaps'\n", ["media.allow_http must be true or false"]),
        ("[media]\nallowed_hosts = 'x.example'\n", ["media.allowed_hosts must be a list"]),
        ("[media]\nallowed_hosts = []\n", ["media.allowed_hosts must not be empty"]),
        ("[store]\nurl = 5\n", ["store.url must be text in quotes"]),
        ("[log]\nlevel = 'INFO'\n", ["log.level must be 'debug', 'info', 'warning' or 'error'"]),
        ("media = 3\n", ["media must be a table"]),
        ("[discord]\napi_url = 'discord.com'\n", ["discord.api_url", "must begin with https://"]),
        ("[discord]\ngateway_url = 'https://x'\n", ["discord.gateway_url", "must begin with wss://"]),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load(path)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert str(path) in sentence
    assert "a.secret.token" not in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("STANGUARD_MEDIA__WORKERS", "many", "media.workers"),
        ("STANGUARD_MEDIA__WORKER", "3", "media.worker"),
        ("STANGUARD_DISCORD__SHARD_IDS", "[0", "discord"),
        ("STANGUARD_MEDIA", "{", "media"),
        ("STANGUARD_MEDIA", "5", "must be a table"),
        ("STANGUARD_MEDIA_WORKERS", "2", "rename it to STANGUARD_MEDIA__WORKERS"),
        ("STANGUARD_DISCORD_TOKEN", "a.secret.token", "rename it to STANGUARD_DISCORD__TOKEN"),
        ("STANGUARD_TOKEN", "a.secret.token", "rename it to STANGUARD_DISCORD__TOKEN"),
        ("STANGUARD_VAULT_KEY", "a.secret.key", "rename it to STANGUARD_VAULT__KEY"),
        ("STANGUARD_DISCROD__SHARD_COUNT", "2", "discrod"),
    ],
)
def test_a_mistake_in_the_environment_is_one_sentence_that_names_the_variable(monkeypatch, variable, value, word):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as raised:
        load(None)
    assert "\n" not in str(raised.value)
    assert f"The variable {variable}" in str(raised.value)
    assert word in str(raised.value)
    assert "secret" not in str(raised.value)


def test_other_variables_of_the_same_beginning_are_nobodys_business(monkeypatch):
    monkeypatch.setenv("STANGUARD_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("STANGUARD_TEST_POSTGRES", "postgresql://x")
    assert load(None) == Settings()


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[media]\nworkers = 3\n", encoding="utf-8-sig")
    assert load(path).media.workers == 3


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(ConfigError, match=r"does not exist; copy config\.example\.toml"):
        load(tmp_path / "none.toml")


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"cannot be read.*UTF-8"):
        load(tmp_path / "bytes.toml")
    with pytest.raises(ConfigError, match=r"cannot be read.*folder"):
        load(tmp_path)


# ------------------------------------------------------------------------------------------------- evidence


def test_contacts_come_from_the_file_and_the_environment(tmp_path, monkeypatch):
    path = written(
        tmp_path, "[evidence]\noperator = ' we, we@example.org '\ncontacts = { hybe = 'https://a.example' }\n"
    )
    assert load(path).evidence.operator == "we, we@example.org"
    assert load(path).evidence.contacts == {"hybe": "https://a.example"}
    monkeypatch.setenv("STANGUARD_EVIDENCE__CONTACTS", '{"police": "unit 7"}')
    assert load(path).evidence.contacts == {"hybe": "https://a.example", "police": "unit 7"}


@pytest.mark.parametrize(
    "text",
    [
        "operator = ''",
        "operator = 7",
        f"operator = '{'x' * 301}'",
        'operator = "two\\nlines"',
        "contacts = 7",
        "contacts = { Hybe = 'x' }",
        "contacts = { '' = 'x' }",
        "contacts = { hybe = 7 }",
        'contacts = { hybe = "\\u001b[2J" }',
        f"contacts = {{ {', '.join(f't{number} = 1' for number in range(101))} }}".replace("= 1", "= 'x'"),
    ],
    ids=lambda text: text[:25],
)
def test_a_contact_that_is_none_is_one_sentence(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, f"[evidence]\n{text}\n"))
    assert "evidence." in str(caught.value)
    assert str(caught.value).endswith("see config.example.toml.")
    assert "\n" not in str(caught.value)
