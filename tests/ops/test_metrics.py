"""docs/metrics.md names every metric of the program, with its type and labels, and rules that ask for real ones."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

import bot

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(stanguard_\w+)` \| (\w+) \|([^|]*)\| ([^|]+) \|$", re.MULTILINE)
NAME = re.compile(r"\b(?:stanguard|process)_\w+")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


@pytest.fixture(scope="module")
def registered() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every metric of ours: its name as the page writes it, to its type and labels."""
    for module in pkgutil.walk_packages(bot.__path__, "bot."):
        if not module.name.startswith(("bot.demo", "bot.store.migrations")) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {}
    for collector in list(REGISTRY._collector_to_names):
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("stanguard_"):
            name = collector._name + ("_total" if collector._type == "counter" else "")
            found[name] = (collector._type, collector._labelnames)
    return found


def test_the_page_names_every_metric_and_no_other(registered):
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in ROW.findall(PAGE)}
    assert told == registered


def test_no_label_could_hold_an_id(registered):
    assert {label for _, labels in registered.values() for label in labels} <= {
        "event", "how", "job", "kind", "outcome", "reason", "state", "step", "urgency", "verdict",
    }  # fmt: skip


def test_the_rules_ask_for_metrics_that_exist(registered):
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    samples = {"process_open_fds", "process_max_fds"}
    for name, (kind, _) in registered.items():
        samples |= {name.removesuffix("_total") + suffix for suffix in SUFFIXES[kind]}
    (group,) = yaml.safe_load(block)["groups"]
    for rule in group["rules"]:
        asked = set(NAME.findall(rule["expr"]))
        assert asked <= samples, rule["alert"]
        assert rule["annotations"]["summary"].endswith(".")
    assert len(group["rules"]) == len({rule["alert"] for rule in group["rules"]})
