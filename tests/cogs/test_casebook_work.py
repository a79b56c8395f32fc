"""Moderators take cases, note things, assign and take back; what they may not know of does not exist for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
import simcord

from bot.errors import NotFoundError
from bot.model import CaseState, Category, Decision, SanctionKind
from bot.store.tables import reviewers
from tests.cogs.asking import question
from tests.cogs.casefiles import (
    COMMANDS,
    NO_CASE,
    NOT_A_MODERATOR,
    OTHER_GUILD,
    ask,
    case,
    decided,
    open_case,
    options_of,
    suggested,
)
from tests.world import World

# ----------------------------------------------------------------------------------------------- working on cases


class TestNext:
    """``/case next``."""

    async def test_the_oldest_is_claimed_and_linked(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        await open_case(world)
        answer = await case(world, "next")
        assert "[#1](" in answer
        assert "is yours until <t:" in answer
        assert world.card().jump_url in answer
        assert (await world.view(1)).case.claimed_by == world.moderator.id
        assert "#1" in await case(world, "next"), "who asks again while they hold one is told of it again"
        assert "#2" in await case(world, "next", world.second_moderator)

    async def test_a_case_without_a_card_is_shown_by_command(self, world: World) -> None:
        await open_case(world)
        assert "/case show case:1" in await case(world, "next")

    async def test_an_assigned_one_has_no_end(self, world: World) -> None:
        await open_case(world, state=CaseState.CLAIMED, claimed_by=world.moderator.id)
        answer = await case(world, "next")
        assert "#1** is yours." in answer

    async def test_nothing_for_them(self, world: World) -> None:
        await open_case(world, by=world.moderator)
        await open_case(world, Category.MINOR_SUSPECTED)
        await open_case(world, state=CaseState.ESCALATED)
        assert "Nothing waits for you" in await case(world, "next")
        assert (await world.view(1)).case.claimed_by is None

    async def test_what_they_skipped_or_do_not_want_to_see_is_left_to_others(self, world: World) -> None:
        await open_case(world, Category.SCAM)
        await open_case(world)
        await world.app.claims.skip(2, world.moderator.id)
        async with world.app.store.write() as tx:
            await tx.connection.execute(
                reviewers.insert().values(guild_id=world.guild.id, user_id=world.moderator.id, opted_out=["scam"])
            )
        assert "Nothing waits for you" in await case(world, "next")
        assert "#1" in await case(world, "next", world.second_moderator)

    async def test_escalated_ones_are_for_the_role(self, world: World) -> None:
        await open_case(world, state=CaseState.ESCALATED)
        assert "#1" in await case(world, "next", world.owner)
        await world.app.claims.release(1, 3, world.owner.id)
        await world.change(escalation_role_id=world.moderators.id)
        assert "#1" in await case(world, "next")

    async def test_the_child_safety_role_gets_its_lane_and_nothing_else(self, world: World) -> None:
        await open_case(world)
        await open_case(world, Category.MINOR_SUSPECTED)
        assert "#2" in await case(world, "next", world.guardian)
        assert (await world.view(2)).case.claimed_by == world.guardian.id


class TestNote:
    """``/case note``."""

    async def test_it_is_kept(self, world: World) -> None:
        await open_case(world)
        assert "Your note is kept with case #1" in await case(world, "note", case="#1", text=" seen\nbefore ")
        (event,) = [event for event in (await world.view(1)).events if event.kind == "note"]
        assert (event.detail, event.actor_id) == ("seen before", world.moderator.id)

    async def test_500_characters_are_taken_and_shown(self, world: World) -> None:
        await open_case(world)
        note = "*" * 500
        await case(world, "note", case="#1", text=note)
        pages = question(world, await world.moderator.slash(world.fans, "case show", case="#1"))
        await world.moderator.click(pages, label="Next")
        assert "\\*" * 500 in world.text(pages)

    async def test_one_without_words_is_refused(self, world: World) -> None:
        await open_case(world)
        assert "The note is empty" in await case(world, "note", case="#1", text="  ")


class TestAssign:
    """``/case assign``."""

    async def test_it_is_given(self, world: World) -> None:
        await open_case(world)
        answer = await case(world, "assign", case="#1", member=world.second_moderator)
        assert f"Case #1 is <@{world.second_moderator.id}>'s" in answer
        held = (await world.view(1)).case
        assert (held.claimed_by, held.claimed_until) == (world.second_moderator.id, None)

    async def test_only_to_who_may_decide_it(self, world: World) -> None:
        await open_case(world)
        await open_case(world, Category.MINOR_SUSPECTED)
        await open_case(world, state=CaseState.ESCALATED)
        refused = "may not decide this case"
        assert refused in await case(world, "assign", case="#1", member=world.fan)
        assert refused in await case(world, "assign", case="#1", member=world.guardian)
        assert refused in await case(world, "assign", world.guardian, case="#2", member=world.moderator)
        assert refused in await case(world, "assign", case="#3", member=world.moderator)
        assert "is <@" in await case(world, "assign", world.guardian, case="#2", member=world.guardian)
        await world.change(escalation_role_id=world.moderators.id)
        assert "is <@" in await case(world, "assign", case="#3", member=world.moderator)

    async def test_not_to_who_left(self, world: World) -> None:
        await open_case(world)
        user = world.second_moderator.user
        world.guild.remove_member(world.second_moderator)
        await world.settle()
        assert "not in this server any more" in await case(world, "assign", case="#1", member=user)

    async def test_not_to_whose_message_it_is(self, world: World) -> None:
        await open_case(world, by=world.second_moderator)
        answer = await case(world, "assign", case="#1", member=world.second_moderator)
        assert "give it to somebody else" in answer


class TestUndo:
    """``/case undo``."""

    async def test_a_decision_is_taken_back(self, world: World) -> None:
        await decided(world)
        answer = await case(world, "undo", world.second_moderator, case="#1")
        assert "Case #1 is open again." in answer
        assert "stay removed" in answer
        assert (await world.view(1)).case.state is CaseState.OPEN

    async def test_after_a_day_only_by_who_manages_the_server(self, world: World) -> None:
        await decided(world, decided_at=world.app.cases.now() - timedelta(days=2))
        assert "only a member with Manage Server" in await case(world, "undo", case="#1")
        assert "Case #1 is open again." in await case(world, "undo", world.owner, case="#1")

    async def test_where_nothing_is_decided_it_says_so(self, world: World) -> None:
        await open_case(world)
        assert "There is no decision to take back" in await case(world, "undo", case="#1")


# ----------------------------------------------------------------------------------------------- who may


class TestWhoMay:
    """Members, the lane of suspected minors, other servers."""

    async def test_members_are_refused(self, world: World) -> None:
        await open_case(world)
        commands = {
            "list": {},
            "next": {},
            "search": {"text": "x"},
            **{each: options_of(world, each) for each in COMMANDS},
        }
        for command, options in commands.items():
            assert NOT_A_MODERATOR in await case(world, command, world.fan, **options)
        assert NOT_A_MODERATOR in await ask(world, world.fan, "history", member=world.fan)
        assert await suggested(world, world.fan, "") == []

    async def test_a_case_of_the_lane_does_not_exist_for_moderators(self, world: World) -> None:
        with pytest.raises(NotFoundError) as missing:
            await world.app.cases.view(1)
        await decided(world, category=Category.MINOR_SUSPECTED)
        for command in COMMANDS:
            assert await case(world, command, **options_of(world, command)) == NO_CASE == str(missing.value)
        assert (await world.view(1)).case.version == 2
        assert (await world.view(1)).events == ()

    async def test_a_case_of_another_server_does_not_exist(self, world: World) -> None:
        await open_case(world, guild_id=OTHER_GUILD)
        for command in COMMANDS:
            assert await case(world, command, world.owner, **options_of(world, command)) == NO_CASE
        assert (await world.view(1)).case.version == 1
        assert (await world.view(1)).events == ()

    async def test_the_lane_is_in_no_list_search_or_suggestion(self, world: World) -> None:
        await open_case(world, Category.MINOR_SUSPECTED, reasons=("stage",))
        assert "No case waits" in await case(world, "list")
        assert "No case fits" in await case(world, "list", category="minor_suspected")
        assert "No case fits" in await case(world, "list", author=world.fan)
        assert "No case fits" in await case(world, "search", text="stage")
        assert await suggested(world, world.moderator, "") == []
        assert await suggested(world, world.moderator, "1") == []
        assert await suggested(world, world.moderator, "minor") == []

    async def test_the_child_safety_role_sees_the_lane_alone(self, world: World) -> None:
        await open_case(world)
        await open_case(world, Category.MINOR_SUSPECTED)
        shown = await case(world, "list", world.guardian)
        assert "#2" in shown
        assert "1 case" in shown
        assert "message `200`" in await case(world, "show", world.guardian, case="#2")
        assert await case(world, "show", world.guardian, case="#1") == NO_CASE
        assert await suggested(world, world.guardian, "") == ["#2"]
        assert "2 cases" in await case(world, "list", world.owner)

    async def test_escalated_cases_stay_visible(self, world: World) -> None:
        await open_case(world, state=CaseState.ESCALATED)
        assert "escalated" in await case(world, "list")
        assert "Case #1" in await case(world, "show", case="#1")


# ----------------------------------------------------------------------------------------------- suggestions


class TestSuggestions:
    """Numbers of cases, suggested while they are typed."""

    async def test_undecided_ones_come_first(self, world: World) -> None:
        await open_case(world)
        await decided(world)
        await open_case(world, Category.SCAM, copies=3)
        for command in COMMANDS:
            assert await suggested(world, world.moderator, "", command) == ["#3", "#1", "#2"]

    async def test_they_say_what_is_what(self, world: World) -> None:
        await open_case(world, copies=3)
        await decided(world, Decision.HARMLESS_EDIT, category=Category.NCII_REAL)
        choices = await world.moderator.autocomplete(world.fans, "case show", "case", "")
        assert [choice["name"] for choice in choices] == [
            "#1 · sexual deepfake · open · 3 copies",
            "#2 · intimate picture shared without consent · harmless edit · 1 copy",
        ]

    async def test_by_number_and_by_words(self, world: World) -> None:
        for category in (Category.SCAM, Category.OTHER):
            await open_case(world, category)
        await decided(world)
        assert await suggested(world, world.moderator, "#2") == ["#2"]
        assert await suggested(world, world.moderator, " 3") == ["#3"]
        assert await suggested(world, world.moderator, "Scam") == ["#1"]
        assert await suggested(world, world.moderator, "confirmed") == ["#3"]
        assert await suggested(world, world.moderator, "nothing") == []

    async def test_at_most_25_and_the_very_number_first(self, world: World) -> None:
        for _ in range(30):
            await open_case(world, copies=0)
        assert len(await suggested(world, world.moderator, "")) == 25
        assert (await suggested(world, world.moderator, "1"))[0] == "#1"
        assert len(await suggested(world, world.moderator, "other words")) == 0
        assert len(await suggested(world, world.moderator, "open")) == 25


# ----------------------------------------------------------------------------------------------- history


class TestHistory:
    """``/history``."""

    async def history(self, world: World, member: Any, who: simcord.MemberActor | None = None) -> str:
        return await ask(world, who or world.moderator, "history", member=member)

    async def test_cases_decisions_sanctions_and_reports(self, world: World) -> None:
        await open_case(world)
        number = await decided(world)
        async with world.app.store.write() as tx:
            await tx.reports.add(
                case_id=number,
                guild_id=world.guild.id,
                reporter_id=world.other.id,
                category=Category.OTHER,
                at=world.app.cases.now(),
            )
            await tx.sanctions.order(
                case_id=number,
                guild_id=world.guild.id,
                user_id=world.fan.id,
                kind=SanctionKind.TIMEOUT,
                decision_number=1,
                ordered_by=world.moderator.id,
                ordered_at=world.app.cases.now(),
                until=world.app.cases.now() + timedelta(days=1),
            )
            await tx.appeals.add(
                case_id=number,
                guild_id=world.guild.id,
                author_id=world.fan.id,
                decision_number=1,
                statement="It was mine",
                at=world.app.cases.now(),
            )
        shown = await self.history(world, world.fan)
        assert f"History of <@{world.fan.id}>" in shown
        assert "2 cases with messages of theirs**: 1 confirmed, 1 waiting" in shown
        assert "timed out until <t:" in shown
        assert "case #2 · under way" in shown
        assert "waits for an answer" in shown
        assert "It was mine" not in shown
        assert "Reports on these cases**: 1 (1 confirmed, 0 not, 0 waiting)" in shown
        assert "Reports made by them**: none" in shown
        assert f"<@{world.other.id}>" not in shown, "who reported is nobody's to know"
        reporter = await self.history(world, world.other)
        assert "Reports made by them**: 1 (1 confirmed, 0 not, 0 waiting)" in reporter
        assert "0 cases with messages of theirs" in reporter

    async def test_a_card_is_linked(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        assert world.card().jump_url in await self.history(world, world.fan)

    async def test_the_lane_is_left_out_for_moderators(self, world: World) -> None:
        number = await decided(world, category=Category.MINOR_SUSPECTED)
        async with world.app.store.write() as tx:
            await tx.reports.add(
                case_id=number,
                guild_id=world.guild.id,
                reporter_id=world.other.id,
                category=Category.OTHER,
                at=world.app.cases.now(),
            )
        assert "Nothing is known of this member" in await self.history(world, world.fan)
        assert "Nothing is known of this member" in await self.history(world, world.other)
        assert "1 case with messages of theirs" in await self.history(world, world.fan, world.guardian)

    async def test_another_server_is_left_out(self, world: World) -> None:
        await open_case(world, guild_id=OTHER_GUILD)
        assert "Nothing is known of this member" in await self.history(world, world.fan)

    async def test_who_left_has_a_history(self, world: World) -> None:
        await open_case(world)
        user = world.fan.user
        world.guild.remove_member(world.fan)
        await world.settle()
        assert "1 case with messages of theirs**: 1 waiting" in await self.history(world, user)

    async def test_what_does_not_fit_is_counted(self, world: World) -> None:
        for _ in range(12):
            await open_case(world)
        shown = await self.history(world, world.fan)
        assert shown.count("**#") == 10
        assert "and 2 more; see all with /case list state:any author:" in shown


async def test_the_commands_are_hidden_from_members_by_default(world: World) -> None:
    for name in ("case", "history"):
        command = world.bot.tree.get_command(name)
        assert isinstance(command, discord.app_commands.Command | discord.app_commands.Group)
        assert command.default_permissions == discord.Permissions(manage_messages=True)


class TestEvidence:
    """``/case evidence`` and the History button."""

    async def test_both_files_come_to_whoever_asks_alone(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        result = await world.moderator.slash(world.review, "case evidence", case="1")
        (shown,) = [message for message in (result.response, *result.followups) if message and message.ephemeral]
        names = [file["filename"] for file in world.env.backend.get_message(shown.channel_id, shown.id).attachments]
        assert sorted(name.rpartition(".")[2] for name in names) == ["json", "txt"]
        assert "without any picture" in world.text(shown)

    async def test_a_case_of_the_lane_is_not_there_for_others(self, world: World) -> None:
        await open_case(world, Category.MINOR_SUSPECTED)
        answer = world.answer(await world.moderator.slash(world.review, "case evidence", case="1"))
        assert "There is no case 1" in answer

    async def test_the_button_shows_the_history(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        await world.app.claims.note(1, world.moderator.id, "seen before")
        await world.settle()
        result = await world.second_moderator.click(world.card(), label="History")
        assert "page 1 of" in world.answer(result)
