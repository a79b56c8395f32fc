"""Moderators look cases up: one by one, in lists, by words."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.model import CaseState, Category, Decision, PolicyReason, PriorityPart, SanctionKind, Weight
from tests.cogs.asking import question
from tests.cogs.casefiles import (
    NO_CASE,
    NOT_A_MODERATOR,
    case,
    decided,
    open_case,
    tell,
)
from tests.world import World

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

    async def test_what_is_urgent_can_come_first_and_takedowns_are_marked(self, world: World) -> None:
        first, second, third = [await open_case(world) for _ in range(3)]
        async with world.app.store.write() as tx:
            await tx.cases.prioritise(first, [PriorityPart(Weight.REPORTS, 40, 1)], None)
            await tx.cases.prioritise(second, [PriorityPart(Weight.TAKEDOWN, 1000, 1)], world.app.cases.now())
        shown = await case(world, "list", order="urgent")
        assert [int(number) for number in re.findall(r"\*\*#(\d+)", shown)] == [second, first, third]
        assert "-# most urgent first" in shown
        assert f"**#{second}** · ▲ takedown · sexual deepfake" in shown
        assert shown.count("▲") == 1
        assert "▲ takedown" in await case(world, "next")

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
