"""Moderators look cases up and take them; what they may not know of does not exist for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
import simcord

from bot.errors import NotFoundError
from bot.model import (
    CaseEvent,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    MessageRef,
    Plan,
    PolicyReason,
    SanctionKind,
    Scan,
    Surface,
    Thresholds,
    Verdict,
)
from bot.store.tables import reviewers
from tests.cogs.asking import question
from tests.cogs.builders import fingerprint
from tests.world import World

OTHER_GUILD = 123456789012345678
COMMANDS = ("show", "note", "assign", "undo")
NO_CASE = "There is no case 1; it may have been erased after its time."
NOT_A_MODERATOR = "Only this server's moderators can do that"


async def open_case(
    world: World,
    category: Category = Category.NCII_SYNTHETIC,
    *,
    by: simcord.MemberActor | None = None,
    copies: int = 1,
    **how: Any,
) -> int:
    """A case with copies that somebody posted; further fields of the case as given."""
    guild_id = how.pop("guild_id", world.guild.id)
    async with world.app.store.write() as tx:
        case = await tx.cases.open(
            guild_id=guild_id,
            category=category,
            origin=CaseOrigin.MATCH,
            opened_at=how.pop("opened_at", world.app.cases.now()),
            entry_id=None,
            match=None,
            thresholds=Thresholds(),
            program_version="0.1.0",
            fingerprint=fingerprint(),
            reasons=how.pop("reasons", ()),
        )
        for number in range(copies):
            message = MessageRef(guild_id, world.fans.id, case.id * 100 + number, (by or world.fan).id)
            plan = Scan(Plan(Verdict.REVIEW), fingerprint(), b"\0" * 32)
            media = f"a:{case.id}:{number}"
            await tx.sightings.add(message, media, Surface.ATTACHMENT, plan, seen_at=case.opened_at, case_id=case.id)
        if how:
            assert await tx.cases.compare_and_set(case.id, case.version, **how)
    return case.id


async def decided(world: World, decision: Decision = Decision.CONFIRM, **how: Any) -> int:
    now = world.app.cases.now()
    values = {"state": CaseState.DECIDED, "decided_by": world.moderator.id, "decided_at": now, "decision_number": 1}
    return await open_case(world, decision=decision, **(values | how))


async def tell(world: World, case_id: int, kind: str, detail: str = "", actor_id: int | None = None) -> None:
    async with world.app.store.write() as tx:
        await tx.cases.add_event(CaseEvent(case_id, world.app.cases.now(), kind, actor_id, detail))


async def ask(world: World, who: simcord.MemberActor, command: str, **options: Any) -> str:
    world.reveal(command.split()[0], who)
    result = await who.slash(world.fans, command, **options)
    await world.settle()
    return world.answer(result)


async def case(world: World, command: str, who: simcord.MemberActor | None = None, **options: Any) -> str:
    return await ask(world, who or world.moderator, f"case {command}", **options)


async def suggested(world: World, who: simcord.MemberActor, typed: str, command: str = "show") -> list[str]:
    world.reveal("case", who)
    choices = await who.autocomplete(world.fans, f"case {command}", "case", typed)
    return [choice["value"] for choice in choices]


def options_of(world: World, command: str) -> dict[str, Any]:
    """What a command about case 1 needs."""
    return {"case": "#1"} | {"note": {"text": "x"}, "assign": {"member": world.moderator}}.get(command, {})


# ----------------------------------------------------------------------------------------------- show


class TestShow:
    """``/case show``."""

    async def test_it_says_what_the_card_says(self, world: World) -> None:
        await open_case(world)
        for written in ("#1", "1", " # 1 ", "#1 · sexual deepfake · open · 1 copy"):
            shown = await case(world, "show", case=written)
            assert "Case #1 · needs review" in shown
            assert f"<@{world.fan.id}> in <#{world.fans.id}>" in shown
            assert "page" not in shown
        for written in ("cat", "", "E-5", "12abc"):
            assert "Cases have numbers such as #12" in await case(world, "show", case=written)

    async def test_the_whole_story_is_told_page_by_page(self, world: World) -> None:
        number = await decided(world)
        async with world.app.store.write() as tx:
            await tx.sanctions.order(
                case_id=number,
                guild_id=world.guild.id,
                user_id=world.fan.id,
                kind=SanctionKind.BAN,
                decision_number=1,
                ordered_by=world.moderator.id,
                ordered_at=world.app.cases.now(),
            )
            await tx.appeals.add(
                case_id=number,
                guild_id=world.guild.id,
                author_id=world.fan.id,
                decision_number=1,
                statement="It was *mine*",
                at=world.app.cases.now(),
            )
        await tell(world, number, "opened", "It was near.")
        await tell(world, number, "reported", Category.SCAM)
        await tell(world, number, "note", "Seen *before*", world.moderator.id)
        await tell(world, number, "confirm", PolicyReason.SEXUAL_DEEPFAKE, world.moderator.id)
        await tell(world, number, "suspected_minor")
        await tell(world, number, "brought_up", "Nobody took it.")
        result = await world.moderator.slash(world.fans, "case show", case="#1")
        pages = question(world, result)
        assert "page 1 of 3" in world.text(pages)
        await world.moderator.click(pages, label="Next")
        people = world.text(pages)
        assert "Seen \\*before\\*" in people
        assert f"<@{world.fan.id}> banned by <@{world.moderator.id}>" in people
        assert "under way" in people
        assert f"**Appeal** of <@{world.fan.id}>" in people
        assert "“It was \\*mine\\*”" in people
        await world.moderator.click(pages, label="Next")
        history = world.text(pages)
        assert "The case was opened. It was near." in history
        assert "A member reported it as scam." in history
        assert f"<@{world.moderator.id}> wrote a note." in history
        assert f"<@{world.moderator.id}> decided: confirmed (sexual deepfake)." in history
        assert "It went into the lane of suspected minors." in history
        assert "Brought up: Nobody took it." in history
        assert "Seen" not in history

    async def test_a_turned_page_shows_what_is_so_by_then(self, world: World) -> None:
        number = await open_case(world)
        await tell(world, number, "opened")
        pages = question(world, await world.moderator.slash(world.fans, "case show", case="#1"))
        await tell(world, number, "note", "Just now", world.moderator.id)
        await world.moderator.click(pages, label="Next")
        assert "Just now" in world.text(pages)

    async def test_a_case_that_went_into_the_lane_meanwhile_is_shown_no_further(self, world: World) -> None:
        number = await open_case(world)
        await tell(world, number, "opened")
        pages = question(world, await world.moderator.slash(world.fans, "case show", case="#1"))
        await world.app.claims.mark_minor(number, 1, world.second_moderator.id)
        await world.moderator.click(pages, label="Next")
        assert NO_CASE in world.text(pages)
        assert f"<@{world.fan.id}>" not in world.text(pages)
        assert world.buttons(pages) == []

    async def test_who_lost_the_role_turns_no_page(self, world: World) -> None:
        number = await open_case(world)
        await tell(world, number, "opened")
        pages = question(world, await world.moderator.slash(world.fans, "case show", case="#1"))
        await world.change(moderator_role_id=world.child_safety.id)
        await world.moderator.click(pages, label="Next")
        assert NOT_A_MODERATOR in world.text(pages)

    async def test_the_first_and_last_pages_are_ends(self, world: World) -> None:
        number = await open_case(world)
        for _ in range(80):
            await tell(world, number, "note", "x" * 400, world.moderator.id)
        pages = question(world, await world.moderator.slash(world.fans, "case show", case="#1"))
        await world.moderator.click(pages, label="Last")
        last = world.text(pages)
        assert "history" in last
        assert "page 13 of 13" in last
        await world.moderator.click(pages, label="Previous")
        await world.moderator.click(pages, label="First")
        assert "page 1 of" in world.text(pages)


# ----------------------------------------------------------------------------------------------- list and search


class TestList:
    """``/case list``."""

    async def test_what_waits_is_listed_newest_first(self, world: World) -> None:
        await open_case(world, copies=2)
        await open_case(world, Category.SCAM, claimed_by=world.moderator.id, state=CaseState.CLAIMED)
        await decided(world)
        shown = await case(world, "list")
        assert shown.index("#2") < shown.index("#1")
        assert "sexual deepfake · open · 2 copies" in shown
        assert "scam · claimed · 1 copy · opened <t:" in shown
        assert f"held by <@{world.moderator.id}>" in shown
        assert "#3" not in shown
        assert "2 cases" in shown

    async def test_filters(self, world: World) -> None:
        await open_case(world)
        await open_case(world, Category.SCAM, opened_at=world.app.cases.now() - timedelta(days=2))
        await decided(world, Decision.NOT_A_MATCH)
        expected: list[tuple[dict[str, str], set[int]]] = [
            ({"state": "any"}, {1, 2, 3}),
            ({"state": "decided"}, {3}),
            ({"state": "open"}, {1, 2}),
            ({"state": "expired"}, set()),
            ({"category": "scam"}, {2}),
            ({"decision": "not_a_match"}, {3}),
            ({"decision": "confirm"}, set()),
            ({"age": "day"}, {1}),
            ({"age": "over-day"}, {2}),
            ({"age": "over-week"}, set()),
            ({"state": "any", "age": "week", "category": "scam"}, {2}),
        ]
        for options, found in expected:
            shown = await case(world, "list", **options)
            assert {number for number in (1, 2, 3) if f"#{number}*" in shown} == found, options

    async def test_filters_by_person_and_channel(self, world: World) -> None:
        await open_case(world)
        await open_case(world, by=world.other, claimed_by=world.moderator.id)
        assert "#1" in await case(world, "list", author=world.fan)
        assert "#2" not in await case(world, "list", author=world.fan)
        assert "#2" in await case(world, "list", moderator=world.moderator)
        assert "No case fits" in await case(world, "list", moderator=world.second_moderator)
        assert "2 cases" in await case(world, "list", channel=world.fans)
        assert "No case fits" in await case(world, "list", channel=world.review)

    async def test_an_author_who_left_is_still_found(self, world: World) -> None:
        await open_case(world)
        user = world.fan.user
        world.guild.remove_member(world.fan)
        await world.settle()
        assert "#1" in await case(world, "list", author=user)

    async def test_nothing_is_said(self, world: World) -> None:
        assert "No case waits for a decision." in await case(world, "list")

    async def test_page_borders(self, world: World) -> None:
        for number in range(1, 22):
            await open_case(world)
            if number == 10:
                shown = await case(world, "list")
                assert "page" not in shown
                assert shown.count("**#") == 10
            if number in (11, 20, 21):
                pages = -(-number // 10)
                turned = question(world, await world.moderator.slash(world.fans, "case list"))
                assert f"page 1 of {pages}" in world.text(turned)
                await world.moderator.click(turned, label="Last")
                assert f"page {pages} of {pages}" in world.text(turned)
                assert "#1*" in world.text(turned)
                assert world.text(turned).count("**#") == number - 10 * (pages - 1)

    async def test_a_list_that_became_shorter_shows_its_last_page(self, world: World) -> None:
        for _ in range(11):
            await open_case(world)
        shown = question(world, await world.moderator.slash(world.fans, "case list"))
        async with world.app.store.write() as tx:
            await tx.cases.compare_and_set(11, 1, state=CaseState.EXPIRED)
        await world.moderator.click(shown, label="Next")
        assert "10 cases" in world.text(shown)
        assert "#1*" in world.text(shown)
        assert world.buttons(shown) == []

    async def test_pages_from_before_a_restart_say_so(self, world: World) -> None:
        for _ in range(11):
            await open_case(world)
        shown = question(world, await world.moderator.slash(world.fans, "case list"))
        await world.restart()
        assert "too old" in world.answer(await world.moderator.click(shown, label="Next"))

    async def test_a_card_is_linked(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        card = world.card()
        assert f"[#1](https://discord.com/channels/{world.guild.id}/{world.review.id}/{card.id})" in await case(
            world, "list"
        )


class TestSearch:
    """``/case search``."""

    async def test_notes_and_reasons_are_searched(self, world: World) -> None:
        await open_case(world, reasons=("It came with a *Stage* photo.",))
        await decided(world)
        await tell(world, 2, "note", "From the STAGE again", world.moderator.id)
        await open_case(world)
        await tell(world, 3, "opened", "stage")
        shown = await case(world, "search", text="stage")
        assert "2 cases" in shown
        assert "Cases with “stage”" in shown
        assert "#3" not in shown
        assert "#2" not in await case(world, "search", text="stage", state="waiting")
        assert "No case fits" in await case(world, "search", text="%")
        assert "Write what to look for" in await case(world, "search", text="  ")


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
            await tx.reports.add(number, world.guild.id, world.other.id, Category.OTHER, world.app.cases.now())
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
            await tx.reports.add(number, world.guild.id, world.other.id, Category.OTHER, world.app.cases.now())
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
