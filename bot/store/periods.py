"""What is kept of people, where, for how long, and what erases it: the one place that says so, for every table.

The clock (:mod:`bot.ops.retention`) and the end of a server (:mod:`bot.ops.departures`) walk through :data:`RULES` and
erase what they say. A test walks through the schema and fails for a table or a column without a rule; another one fills
every table and looks at what is left after ``/privacy delete``, after each period and after a server's end; a third one
compares ``docs/retention.md`` and the template of the privacy policy with what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import UNDECIDED

from .rules import Clock, Condition, Period, Rule, Wish, held
from .tables import (
    CallState,
    appeals,
    audit,
    bank_changes,
    banks,
    case_events,
    cases,
    chores,
    departures,
    entries,
    entry_views,
    exposures,
    guides,
    guilds,
    installation,
    jobs,
    metadata,
    outbox,
    reporters,
    reports,
    reviewers,
    sanctions,
    sightings,
    stretches,
    sweeps,
    tallies,
    watermarks,
)

_RECORD = "what was decided, and by whom, is the server's record: it explains decisions, and they can be taken back"
_EVIDENCE = "what a member posted is the evidence of its case, and lets them be told, appeal and be heard"
_WHILE_THERE = "as long as the bot is in the server"
_SETTINGS = ("settings of each server:",)

# Literals, not bound values: only then can either database tell that a partial index holds every such row.
_FINISHED = outbox.c.state != sa.literal_column(f"'{CallState.PENDING.value}'")

_CASES = (
    Rule(
        cases,
        why="to explain and undo decisions",
        until="`retention.cases_days` after the decision; undecided ones until they are decided or expire",
        holds=held(
            moderator="decided_by claimed_by",
            words="reasons",
            picture="match sha256 fingerprint features thumbhash signals",
            place="guild_id card_channel_id card_message_id",
            nobody="id entry_id thresholds program_version duplicate_of priority_parts",
        ),
        wish={"decided_by": Wish.KEPT, "claimed_by": Wish.KEPT, "reasons": Wish.COMMON},
        kept=_RECORD,
        clock=Clock(
            Period.CASES,
            lambda before: sa.and_(sa.not_(cases.c.state.in_(UNDECIDED)), cases.c.decided_at < before),
            cases.c.decided_at,
        ),
        guild=cases.c.guild_id,
        policy=("cases:", "of the files of a case:", "[where a server allows it:"),
    ),
    Rule(
        case_events,
        why="the history of a case",
        until="with their case",
        holds=held(moderator="actor_id", words="detail", nobody="id case_id kind salt request_id"),
        wish={"actor_id": Wish.KEPT, "detail": Wish.KEPT},
        kept=_RECORD,
        parent=case_events.c.case_id,
        policy=("cases:",),
    ),
    Rule(
        sightings,
        why="to remove copies that were posted before a picture was listed",
        until="`retention.sightings_days`; of a case: with the case",
        holds=held(
            member="author_id",
            moderator="excepted_by",
            picture="sha256 fingerprint",
            place="guild_id channel_id message_id webhook_id media_id",
            nobody="id entry_id case_id moved_from",
        ),
        wish={"author_id": Wish.UNHELD, "excepted_by": Wish.KEPT},
        kept=_EVIDENCE,
        clock=Clock(
            Period.SIGHTINGS,
            lambda before: sa.and_(sightings.c.seen_at < before, sightings.c.case_id.is_(None)),
            sightings.c.seen_at,
        ),
        parent=sightings.c.case_id,
        guild=sightings.c.guild_id,
        policy=("of each picture:", "in addition, if it matched or was reported:"),
    ),
    Rule(
        sanctions,
        why="penalties that a moderator ordered, so that they can be lifted",
        until="with their case",
        holds=held(member="user_id", moderator="ordered_by", place="guild_id", nobody="id case_id error"),
        wish={"user_id": Wish.KEPT, "ordered_by": Wish.KEPT},
        kept=_RECORD,
        parent=sanctions.c.case_id,
        guild=sanctions.c.guild_id,
        policy=("cases:",),
    ),
    Rule(
        appeals,
        why="so that another moderator can look again",
        until="with their case",
        holds=held(
            member="author_id", moderator="answered_by", words="statement", place="guild_id", nobody="id case_id"
        ),
        wish={"author_id": Wish.KEPT, "answered_by": Wish.KEPT, "statement": Wish.ERASED},
        kept=_RECORD,
        parent=appeals.c.case_id,
        guild=appeals.c.guild_id,
        policy=("appeals:",),
    ),
)

_PEOPLE = (
    Rule(
        reports,
        why="to tell the outcome, and against abuse of reports",
        until="with their case; the sealed id: `reports.identity_days`",
        holds=held(trace="reporter sealed_id", words="words", place="guild_id message_id", nobody="id case_id"),
        wish={"reporter": Wish.COUNTED, "sealed_id": Wish.ERASED, "words": Wish.ERASED},
        parent=reports.c.case_id,
        guild=reports.c.guild_id,
        policy=("reports: id of", "reports: a keyed digest"),
    ),
    Rule(
        reporters,
        why="to do as members who report wish, and against abuse of reports",
        until="until they change it, or until a mute is over; 30 days after it was noticed that they left",
        holds=held(trace="reporter", moderator="muted_by", place="guild_id"),
        wish={"reporter": Wish.COUNTED, "muted_by": Wish.KEPT},
        kept="a mute stays until it is over, else anybody could shake it off",
        guild=reporters.c.guild_id,
        policy=("of members who report:",),
    ),
    Rule(
        exposures,
        why="so that moderators see their own numbers, and for limits that spare them",
        until="`review.exposure_days`",
        holds=held(moderator="user_id", place="guild_id", nobody="id case_id kind"),
        wish={"user_id": Wish.COUNTED},
        clock=Clock(Period.EXPOSURES, lambda before: exposures.c.at < before, exposures.c.at),
        guild=exposures.c.guild_id,
        policy=("of moderators:",),
    ),
    Rule(
        reviewers,
        why="so that moderators are not shown what they do not want to see",
        until="until they change it",
        holds=held(moderator="user_id", words="opted_out", place="guild_id"),
        wish={"user_id": Wish.ERASED, "opted_out": Wish.ERASED},
        guild=reviewers.c.guild_id,
        policy=("of moderators:",),
    ),
)

_LISTS = (
    Rule(
        banks,
        why="the lists of a server, and those of the installation",
        until="as long as they are in use; those of a server as long as the bot is there",
        holds=held(place="guild_id", nobody="id name"),
        guild=banks.c.guild_id,
        policy=("list entries:",),
    ),
    Rule(
        entries,
        why="to recognise copies",
        until="with their list",
        holds=held(
            moderator="added_by revoked_by",
            words="note",
            picture="sha256 width height frames md5 pdq",
            nobody="id bank_id source case_id changed",
        ),
        wish={"added_by": Wish.KEPT, "revoked_by": Wish.KEPT, "note": Wish.KEPT},
        kept=_RECORD,
        parent=entries.c.bank_id,
        policy=("list entries:",),
    ),
    Rule(
        entry_views,
        why="to recognise copies",
        until="with their entry",
        holds=held(picture="frame hashes grid features", nobody="id entry_id algorithm"),
        parent=entry_views.c.entry_id,
        policy=("list entries:",),
    ),
    Rule(
        bank_changes,
        why="a number by which every process hears of changed lists",
        until="for good",
        holds=held(nobody="number"),
        outlives="it belongs to the installation and names nobody",
    ),
    Rule(
        installation,
        why="the secrets of the installation, sealed",
        until="for good",
        holds=held(nobody="secret signing_key"),
        outlives="it belongs to the installation and names nobody",
    ),
)

_SERVERS = (
    Rule(
        guilds,
        why="the settings of a server",
        until=_WHILE_THERE,
        holds=held(
            words="hotline",
            place="guild_id review_channel_id moderator_role_id child_safety_role_id child_safety_channel_id "
            "escalation_role_id alert_role_id log_channel_id",
        ),
        wish={"hotline": Wish.COMMON},
        guild=guilds.c.guild_id,
        policy=_SETTINGS,
    ),
    Rule(
        guides,
        why="what a server tells its members in its own words",
        until=_WHILE_THERE,
        holds=held(words="body", place="guild_id"),
        wish={"body": Wish.COMMON},
        guild=guides.c.guild_id,
        policy=_SETTINGS,
    ),
    Rule(
        chores,
        why="when recurring work was done last",
        until=_WHILE_THERE,
        holds=held(place="guild_id", nobody="name"),
        guild=chores.c.guild_id,
        policy=_SETTINGS,
    ),
    Rule(
        tallies,
        why="to see how well it works: counts that name nobody",
        until=_WHILE_THERE,
        holds=held(place="guild_id", nobody="name number"),
        guild=tallies.c.guild_id,
        policy=("of each server and day:",),
    ),
    Rule(
        watermarks,
        why="up to which message each channel was checked",
        until=_WHILE_THERE,
        holds=held(place="channel_id guild_id message_id"),
        guild=watermarks.c.guild_id,
        policy=_SETTINGS,
    ),
    Rule(
        sweeps,
        why="to show which older messages were checked, and who asked for it",
        until="`retention.sightings_days` after they are over",
        holds=held(moderator="requested_by", place="guild_id channel_id message_id", nobody="id"),
        wish={"requested_by": Wish.UNHELD},
        kept="whoever asked for it is shown with it while it runs",
        clock=Clock(Period.SIGHTINGS, lambda before: sweeps.c.finished_at < before, sweeps.c.id),
        guild=sweeps.c.guild_id,
        policy=("checks of older messages:",),
    ),
    Rule(
        stretches,
        why="what is still to be read of a channel",
        until="with their sweep",
        holds=held(place="guild_id channel_id after_id before_id cursor", nobody="id sweep_id"),
        parent=stretches.c.sweep_id,
        policy=("checks of older messages:",),
    ),
    Rule(
        departures,
        why="since when the bot is gone from a server",
        until="`retention.left_server_days`, or until it is invited again",
        holds=held(place="guild_id"),
        guild=departures.c.guild_id,
        policy=_SETTINGS,
    ),
)

_WORK = (
    Rule(
        outbox,
        why="what is to be done on Discord, and that it is done once",
        until="`retention.sightings_days` after it was done; of a case: as long as the case, if that is longer",
        holds=held(member="key lane payload", place="guild_id", nobody="id case_id lease_owner error"),
        wish={"key": Wish.UNHELD, "lane": Wish.UNHELD, "payload": Wish.UNHELD},
        kept="what was said to a member about a case is part of it, and nobody shall be told twice",
        clock=Clock(
            Period.SIGHTINGS,
            lambda before: sa.and_(
                _FINISHED, outbox.c.finished_at < before, ~sa.exists().where(cases.c.id == outbox.c.case_id)
            ),
            outbox.c.finished_at,
        ),
        guild=outbox.c.guild_id,
        policy=("what the bot did on Discord:",),
    ),
    Rule(
        jobs,
        why="pictures that wait to be checked",
        until="until they are checked, usually minutes; `retention.sightings_days` at most",
        holds=held(member="message", place="media guild_id", nobody="id sweep_id lease_owner"),
        wish={"message": Wish.KEPT},
        kept="a picture that waits is checked like any other: deleting is no way around that",
        clock=Clock(Period.SIGHTINGS, lambda before: jobs.c.created_at < before, jobs.c.id),
        guild=jobs.c.guild_id,
        policy=("of a picture that waits to be checked:",),
    ),
    Rule(
        audit,
        why="to prove that histories were not changed",
        until="for good",
        holds=held(
            trace="actor",
            place="guild_id",
            nobody="id seq action case_id event_id subject payload_sha256 prev hash",
        ),
        wish={"actor": Wish.KEPT},
        kept="else a history could be changed unseen; pseudonyms are made with a secret of the installation",
        outlives="the database refuses to delete a row of it; it holds pseudonyms and digests, no ids of people and no "
        "words, and what the digests were made of is gone",
        policy=("audit log:",),
    ),
)

RULES: Mapping[str, Rule] = {rule.table.name: rule for rule in (*_CASES, *_PEOPLE, *_LISTS, *_SERVERS, *_WORK)}
"""The rule of every table, by the table's name."""


def children_first() -> list[Rule]:
    """All rules, those of rows that hang on others before those of the rows that they hang on.

    Calls come last: without a foreign key, those of a case can go once it is gone.
    """
    ordered = [RULES[table.name] for table in reversed(metadata.sorted_tables)]
    return sorted(ordered, key=lambda rule: rule.table is outbox)


def expired(rule: Rule, before: Mapping[Period, datetime]) -> list[Condition]:
    """The rows that are past their time, by themselves or with the row that they hang on: a condition for each."""
    own = [] if rule.clock is None else [rule.clock.expired(before[rule.clock.period])]
    if rule.parent is None:
        return own
    return [*own, *(_among(rule.parent, condition) for condition in expired(_parent_of(rule), before))]


def of_guild(rule: Rule, guild_id: int) -> Condition | None:
    """The rows of a server that go when it is over; None: there are none."""
    if rule.outlives:
        return None
    if rule.table is jobs:
        # A row of an older version names the server in its message alone.
        named = sa.cast(jobs.c.message["guild_id"].as_string(), sa.BigInteger) == guild_id
        return sa.or_(jobs.c.guild_id == guild_id, sa.and_(jobs.c.guild_id.is_(None), named))
    if rule.guild is not None:
        return rule.guild == guild_id
    going = of_guild(_parent_of(rule), guild_id)
    return None if rule.parent is None or going is None else _among(rule.parent, going)


def _parent_of(rule: Rule) -> Rule:
    assert rule.parent is not None, "rows that go neither by a server nor by the clock hang on others"
    (key,) = rule.parent.foreign_keys
    return RULES[key.column.table.name]


def _among(parent: sa.Column[Any], condition: Condition) -> Condition:
    """The rows whose parent fulfils a condition."""
    (key,) = parent.foreign_keys
    return parent.in_(sa.select(key.column).where(condition))
