"""Every table and every column has a rule on keeping and erasing, and the documents say what the rules say."""

from __future__ import annotations

import re
from functools import reduce
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.settings import Settings
from bot.store.periods import RULES, children_first
from bot.store.rules import Holds, Period, Rule, Wish
from bot.store.tables import metadata
from bot.store.types import Milliseconds

DOCS = Path(__file__).parents[2] / "docs"
PERSONS = re.compile(
    r"(^|_)(by|user|author|actor|member|reporter|moderator)(_id)?$|sealed|statement|words|lane$|payload"
)
"""Names of columns that hold, by all experience, who somebody is or what they wrote."""


def needs_a_rule(column: sa.Column) -> bool:
    """Whether a column is wide enough for an id of Discord, a digest or a text, apart from times and fixed words."""
    if isinstance(column.type, Milliseconds | sa.Enum):
        return False
    return isinstance(column.type, sa.BigInteger | sa.LargeBinary | sa.JSON | sa.String)


def unruled(tables: sa.MetaData) -> list[str]:
    """What no rule speaks of."""
    missing = [name for name in tables.tables if name not in RULES]
    for name, rule in RULES.items():
        columns = tables.tables[name].columns
        missing += [
            f"{name}.{column.name}" for column in columns if needs_a_rule(column) and column.name not in rule.holds
        ]
        missing += [f"{name}.{held}: no such column" for held in rule.holds if held not in columns]
    return missing


def test_every_table_and_column_has_a_rule():
    assert unruled(metadata) == []


@pytest.mark.parametrize(
    "column",
    [
        sa.Column("seen_by", sa.BigInteger),
        sa.Column("digest", sa.LargeBinary),
        sa.Column("detail", sa.JSON),
        sa.Column("remark", sa.Text),
    ],
)
def test_a_new_column_without_a_rule_is_found(column: sa.Column):
    changed = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["chores"].append_column(column)
    assert unruled(changed) == [f"chores.{column.name}"]


def test_a_new_table_without_a_rule_is_found():
    changed = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(changed)
    sa.Table("friends", changed, sa.Column("id", sa.Integer))
    assert unruled(changed) == ["friends"]


def test_what_is_called_like_a_person_is_taken_for_one():
    found = {
        f"{name}.{column.name}"
        for name, table in metadata.tables.items()
        for column in table.columns
        if PERSONS.search(column.name)
    }
    assert len(found) > 20
    assert {one for one in found if not RULES[one.split(".")[0]].holds[one.split(".")[1]].personal} == {
        "audit.payload_sha256"  # a digest of words that are elsewhere, and salted
    }


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_all_that_has_to_be_said(rule: Rule):
    personal = {name for name, holds in rule.holds.items() if holds.personal}
    assert set(rule.wish) == personal, "every personal column has an answer to /privacy delete, and no other"
    if {Wish.KEPT, Wish.UNHELD} & set(rule.wish.values()):
        assert rule.kept, "what is kept is kept for a reason"
    if personal:
        assert rule.policy, "the privacy policy tells of it"
    ways = [rule.outlives, rule.guild is not None or rule.parent is not None]
    assert any(ways), "it goes when a server is over, or it says why not"
    if rule.parent is not None:
        (key,) = rule.parent.foreign_keys
        assert key.ondelete == "CASCADE", "nothing is left hanging on a row that is gone"
    if rule.clock is not None:
        leading = {next(iter(index.columns)).name for index in rule.table.indexes} | {
            rule.table.primary_key.columns[0].name
        }
        assert rule.clock.order.name in leading, "the oldest are found without reading everything"
    for column in (rule.parent, rule.guild, None if rule.clock is None else rule.clock.order):
        assert column is None or column.table is rule.table


def test_nobody_named_for_good_but_by_a_pseudonym():
    """What leads to somebody goes by the clock, with a parent, when they wish it, or with the server at the latest."""
    for_good = {
        f"{name}.{column}"
        for name, rule in RULES.items()
        for column, holds in rule.holds.items()
        if holds.personal and rule.outlives
    }
    assert for_good == {"audit.actor"}


def test_rows_go_before_what_they_hang_on():
    order = [rule.table.name for rule in children_first()]
    assert sorted(order) == sorted(metadata.tables)
    for rule in RULES.values():
        if rule.parent is not None:
            (key,) = rule.parent.foreign_keys
            assert order.index(rule.table.name) < order.index(key.column.table.name)


# ------------------------------------------------------------------------------------------- documents

WISHES = {
    Wish.ERASED: "goes",
    Wish.COUNTED: "goes; what counts towards a limit of a day, after that day",
    Wish.UNHELD: "goes, unless a case or unfinished work holds it",
    Wish.KEPT: "stays",
}


def line(rule: Rule) -> str:
    """What ``docs/retention.md`` says of a table."""
    leads = [f"`{name}`" for name, holds in rule.holds.items() if holds.personal and rule.wish[name] is not Wish.COMMON]
    by_wish: dict[Wish, list[str]] = {}
    for name, wish in rule.wish.items():
        if wish is not Wish.COMMON:
            by_wish.setdefault(wish, []).append(f"`{name}`")
    answers = "; ".join(f"{', '.join(names)}: {WISHES[wish]}" for wish, names in by_wish.items())
    if rule.kept and answers:
        answers += f" ({rule.kept})"
    leaving = f"stays: {rule.outlives}" if rule.outlives else "goes"
    cells = [
        f"`{rule.table.name}`",
        rule.why,
        ", ".join(leads) or "nobody",
        rule.until,
        answers or "nothing to do",
        leaving,
    ]
    return f"| {' | '.join(cells)} |"


def test_the_table_of_periods_says_what_the_rules_say():
    written = [row for row in (DOCS / "retention.md").read_text().splitlines() if row.startswith("| `")]
    assert written == [line(rule) for rule in RULES.values()]


def policy() -> dict[str, str]:
    """How long, by the first cell of each line of the table in the template of the privacy policy."""
    text = (DOCS / "privacy-policy-template.md").read_text()
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| ")]
    return {cells[0]: cells[2] for cells in rows[1:]}


def test_the_privacy_policy_tells_of_every_table():
    lines = policy()
    for rule in RULES.values():
        for begins in rule.policy:
            assert any(cell.startswith(begins) for cell in lines), (rule.table.name, begins)
    begun = {begins for rule in RULES.values() for begins in rule.policy} | {"technical logs:"}
    assert [cell for cell in lines if not cell.startswith(tuple(begun))] == [], "and of nothing else"


@pytest.mark.parametrize(
    ("begins", "period"),
    [
        ("of each picture:", Period.SIGHTINGS),
        ("cases:", Period.CASES),
        ("of moderators:", Period.EXPOSURES),
        ("reports: id of", Period.IDENTITY),
        ("checks of older messages:", Period.SIGHTINGS),
        ("what the bot did on Discord:", Period.SIGHTINGS),
        ("of a picture that waits", Period.SIGHTINGS),
        ("settings of each server:", Period.LEFT_SERVER),
        ("list entries:", Period.LEFT_SERVER),
        ("of each server and day:", Period.LEFT_SERVER),
    ],
)
def test_the_privacy_policy_names_the_periods_of_the_settings(begins: str, period: Period):
    days = reduce(getattr, period.value.split("."), Settings())
    (told,) = [cell for name, cell in policy().items() if name.startswith(begins)]
    assert re.findall(r"\[(\d+)\]", told) == [str(days)]


def test_every_kind_of_holding_is_in_use():
    assert {holds for rule in RULES.values() for holds in rule.holds.values()} == set(Holds)
