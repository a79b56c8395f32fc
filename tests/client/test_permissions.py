"""Who may do what, and what the bot lacks, by the names that people see."""

from __future__ import annotations

import dataclasses

import discord
import pytest

from bot.client.permissions import (
    REVIEW_NEEDS,
    SANCTION_NEEDS,
    SCAN_NEEDS,
    may_configure,
    may_decide,
    may_decide_case,
    may_moderate,
    missing,
)
from bot.model import CaseState, Category, GuildSettings
from tests.cogs.builders import case

NOBODY = discord.Permissions.none()
DELETES = discord.Permissions(manage_messages=True)
CONFIGURES = discord.Permissions(manage_guild=True)
ADMINISTRATES = discord.Permissions(administrator=True)

PLAIN = GuildSettings(1)
WITH_ROLES = GuildSettings(1, moderator_role_id=10, child_safety_role_id=20)


@pytest.mark.parametrize(
    ("guild", "roles", "permissions", "allowed"),
    [
        (PLAIN, (), NOBODY, False),
        (PLAIN, (), DELETES, True),
        (PLAIN, (), CONFIGURES, True),
        (PLAIN, (), ADMINISTRATES, True),
        (WITH_ROLES, (), DELETES, False),
        (WITH_ROLES, (10,), NOBODY, True),
        (WITH_ROLES, (20,), NOBODY, False),
        (WITH_ROLES, (11,), DELETES, False),
        (WITH_ROLES, (), CONFIGURES, True),
    ],
)
def test_who_moderates(
    guild: GuildSettings, roles: tuple[int, ...], permissions: discord.Permissions, allowed: bool
) -> None:
    assert may_moderate(guild, roles, permissions) is allowed
    assert may_decide(guild, Category.NCII_REAL, roles, permissions) is allowed


@pytest.mark.parametrize(
    ("guild", "roles", "permissions", "allowed"),
    [
        (PLAIN, (), DELETES, False),
        (PLAIN, (), CONFIGURES, True),
        (WITH_ROLES, (10,), DELETES, False),
        (WITH_ROLES, (20,), NOBODY, True),
        (WITH_ROLES, (), ADMINISTRATES, True),
    ],
)
def test_who_decides_on_suspected_minors(
    guild: GuildSettings, roles: tuple[int, ...], permissions: discord.Permissions, allowed: bool
) -> None:
    assert may_decide(guild, Category.MINOR_SUSPECTED, roles, permissions) is allowed


@pytest.mark.parametrize("state", [CaseState.OPEN, CaseState.ESCALATED])
@pytest.mark.parametrize("category", [Category.NCII_REAL, Category.MINOR_SUSPECTED])
@pytest.mark.parametrize(
    ("roles", "permissions", "decides"),
    [
        ((10,), NOBODY, {(Category.NCII_REAL, CaseState.OPEN)}),
        ((10, 30), NOBODY, {(Category.NCII_REAL, CaseState.OPEN), (Category.NCII_REAL, CaseState.ESCALATED)}),
        ((30,), NOBODY, set()),
        ((20,), NOBODY, {(Category.MINOR_SUSPECTED, CaseState.OPEN), (Category.MINOR_SUSPECTED, CaseState.ESCALATED)}),
        ((), CONFIGURES, {(Category.NCII_REAL, CaseState.OPEN), (Category.NCII_REAL, CaseState.ESCALATED)}),
    ],
)
def test_who_decides_a_case_as_it_stands(
    roles: tuple[int, ...],
    permissions: discord.Permissions,
    decides: set[tuple[Category, CaseState]],
    category: Category,
    state: CaseState,
) -> None:
    guild = dataclasses.replace(WITH_ROLES, escalation_role_id=30)
    written = case(category=category, state=state)
    assert may_decide_case(guild, written, roles, permissions) is ((category, state) in decides)


def test_who_configures() -> None:
    assert may_configure(CONFIGURES)
    assert may_configure(ADMINISTRATES)
    assert not may_configure(DELETES)


def test_missing_permissions_go_by_the_names_that_discord_shows() -> None:
    assert missing(NOBODY, SCAN_NEEDS) == ("View Channel", "Read Message History", "Manage Messages")
    assert missing(NOBODY, SANCTION_NEEDS) == ("Timeout Members", "Kick Members", "Ban Members")
    assert missing(discord.Permissions(view_channel=True), REVIEW_NEEDS) == ("Send Messages", "Read Message History")


def test_an_administrator_lacks_nothing() -> None:
    assert missing(ADMINISTRATES, SCAN_NEEDS) == ()
