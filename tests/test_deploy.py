"""The unit, the container file and the compose file fit the program: its commands, paths, settings and times."""

import configparser
import inspect
import re
from pathlib import Path

import yaml
from typer.main import get_command

from bot.cli import app
from bot.ops import healthcheck
from bot.outbox import Outbox
from bot.pipeline import Pipeline
from bot.settings import PREFIX, Settings
from bot.settings.sections import MediaSettings

DEPLOY = Path(__file__).parents[1] / "deploy"
COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]
DATA, CACHE = "/var/lib/stanguard", "/var/cache/stanguard"
DRAIN = sum(
    inspect.signature(part.stop).parameters["drain"].default for part in (Pipeline, Outbox)
)  # one after the other


class Many(dict):
    """Keys that stand more than once keep all their values."""

    def __setitem__(self, key, value):
        if isinstance(value, list) and key in self:
            self[key].extend(value)
            return
        super().__setitem__(key, value)


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=Many, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(DEPLOY / "stanguard.service")
    return parser


def service(key: str) -> str:
    return unit().get("Service", key)


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def final_stage() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in instructions():
        found = {} if name == "FROM" else found
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.example.yaml").read_text())["services"]["stanguard"]


def variables(text: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}(\w+?)__(\w+)", text))


def test_every_variable_is_a_setting():
    for path in DEPLOY.iterdir():
        for table, name in variables(path.read_text()):
            section = Settings.model_fields[table.lower()].annotation
            assert name.lower() in section.model_fields, path.name


def test_the_unit_runs_a_command_that_exists():
    program, command = service("ExecStart").split()
    assert program == f"{service('WorkingDirectory')}/.venv/bin/stanguard"
    assert command in COMMANDS


def test_the_unit_lets_the_bot_write_where_it_writes():
    environment = "\n".join(service("Environment").splitlines())
    assert f"STANGUARD_STORE__URL=sqlite:///{DATA}/stanguard.db" in environment
    assert f"XDG_CACHE_HOME={Path(CACHE).parent}" in environment
    assert service("StateDirectory") == Path(DATA).name
    assert service("CacheDirectory") == Path(CACHE).name
    assert service("ProtectSystem") == "strict"


def test_the_unit_waits_for_what_the_bot_finishes():
    assert int(service("TimeoutStopSec")) >= DRAIN + 5
    assert service("Type") == "notify"
    assert service("NotifyAccess") == "main", "a decoder has nothing to say to systemd"
    assert int(service("WatchdogSec")) >= 30
    assert "MemoryDenyWriteExecute" not in [name for name, _ in unit().items("Service")]


def test_the_container_runs_commands_that_exist():
    stage = final_stage()
    assert stage["ENTRYPOINT"] == '["stanguard"]'
    assert stage["CMD"] == '["run"]'
    assert "run" in COMMANDS
    check = stage["HEALTHCHECK"].partition("CMD ")[2]
    assert check == f'["python", "-m", "{healthcheck.__name__}"]'
    timeout = re.search(r"--timeout=(\d+)s", stage["HEALTHCHECK"])
    assert timeout
    assert int(timeout[1]) > healthcheck.SECONDS


def test_the_container_has_a_user_without_rights_and_two_places_to_write():
    stage = final_stage()
    assert stage["USER"] == compose()["user"] == "10001:10001"
    assert "--uid 10001" in stage["RUN"]
    assert yaml.safe_load(stage["VOLUME"]) == [DATA, CACHE]
    assert f"XDG_CACHE_HOME={Path(CACHE).parent}" in stage["ENV"]
    assert [volume.partition(":")[2] for volume in compose()["volumes"]] == [DATA, CACHE]
    assert [mount.partition(":")[0] for mount in compose()["tmpfs"]] == ["/tmp"]


def test_nothing_but_named_files_comes_into_the_container():
    sources = {word for name, value in instructions() if name == "COPY" for word in value.split()[:-1]}
    assert sources == {
        "pyproject.toml", "requirements.lock", "README.md", "LICENSE", "bot", "cogs", "--from=build", "/opt/stanguard",
    }  # fmt: skip
    assert not [value for name, value in instructions() if name == "ADD"]
    ignore = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == sources - {"--from=build", "/opt/stanguard"}
    for name, value in instructions():
        assert not (name in {"ENV", "ARG"} and re.search("TOKEN|KEY|PASSWORD", value)), (
            "a layer is no place for secrets"
        )


def test_compose_takes_away_what_the_bot_does_not_need():
    service = compose()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["env_file"]
    assert "environment" not in service
    assert "ports" not in service
    assert int(service["stop_grace_period"].removesuffix("s")) >= DRAIN + 5


def test_there_is_memory_for_two_decoders_and_the_bot():
    gigabytes = MediaSettings().decode_memory / 2**30
    assert service("MemoryMax") == "4G"
    assert compose()["mem_limit"] == "4g"
    assert 2 * gigabytes + 0.75 <= 4
