"""Who reported a case, for those who may decide it alone, and what they do about reporters of bad faith."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
import simcord
import sqlalchemy as sa

from bot.model import Category, Decision, ReportKind, ReportState
from bot.reports.reporters import OWN_MESSAGE, SEEN
from cogs.ui import reporters_texts as words
from cogs.ui import texts
from tests.cogs.casefiles import NO_CASE, ask, case, open_case
from tests.world import World


async def add(world: World, case_id: int, member: simcord.MemberActor | int, text: str = "", **how: Any) -> int:
    """A report of a case, by a member or by somebody of this id."""
    async with world.app.store.write() as tx:
        made = await tx.reports.add(
            case_id=case_id,
            guild_id=world.guild.id,
            reporter_id=member if isinstance(member, int) else member.id,
            category=how.pop("category", Category.HARASSMENT),
            at=world.app.cases.now(),
            words=text,
            **how,
        )
    assert made is not None
    return made.id


async def with_card(world: World, picture: bytes, text: str = "") -> int:
    """A case with a card that the other fan reported."""
    await world.block(picture)
    await world.post(world.fan, picture)
    await add(world, 1, world.other, text)
    async with world.app.store.write() as tx:
        found = await tx.cases.get(1)
        assert found is not None
        await world.app.cases.draw(tx, found, await world.server(), "test")
    world.app.outbox.wake()
    await world.settle()
    return 1


async def listed(world: World, who: simcord.MemberActor | None = None, case_id: int = 1) -> simcord.ResponseMessage:
    """The list of a case, by command."""
    moderator = who or world.moderator
    world.reveal("case", moderator)
    result = await moderator.slash(world.fans, "case reports", case=f"#{case_id}")
    (shown,) = {message.id: message for message in (result.response, *result.followups) if message}.values()
    assert shown.ephemeral
    return shown


async def choose(world: World, shown: simcord.ResponseMessage, report_id: int) -> str:
    await world.moderator.select(shown, [str(report_id)])
    await world.settle()
    return world.text(shown)


async def press(world: World, shown: simcord.ResponseMessage, label: str) -> str:
    await world.moderator.click(shown, label=label)
    await world.settle()
    return world.text(shown)


async def states(world: World) -> list[ReportState]:
    async with world.app.store.read() as tx:
        rows = await tx.connection.execute(sa.text("SELECT state FROM reports ORDER BY id"))
        return [ReportState(row.state) for row in rows]


async def kinds(world: World, case_id: int = 1) -> list[str]:
    return [event.kind for event in (await world.view(case_id)).events]


class TestTheList:
    """The button of a card, and ``/case reports``."""

    async def test_the_button_lists_them_for_whoever_pressed_it_alone(self, world: World, picture: bytes) -> None:
        await with_card(world, picture, "*her* face <@1> on another body")
        card = world.text(world.card())
        assert "Reported by 1 member." in card
        assert str(world.other.id) not in card
        shown = world.answer(await world.moderator.click(world.card(), label=words.OPEN))
        assert f"1. <@{world.other.id}> · harassment" in shown
        assert "· new\n> \\*her\\* face" in shown
        assert words.SEEN in shown
        (event,) = [event for event in (await world.view(1)).events if event.kind == SEEN]
        assert event.actor_id == world.moderator.id
        assert f"<@{world.moderator.id}> saw who reported it." in await self.history(world)

    async def history(self, world: World) -> str:
        shown = await world.moderator.slash(world.review, "case show", case="1")
        message = shown.followups[0] if shown.followups else shown.response
        assert message is not None
        await world.moderator.click(message, label="Last")
        return world.text(message)

    async def test_there_is_no_button_without_a_report(self, world: World, picture: bytes) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        assert words.OPEN not in world.buttons(world.card())
        assert words.NOBODY in world.text(await listed(world))

    async def test_it_works_after_a_restart(self, world: World, picture: bytes) -> None:
        await with_card(world, picture)
        shown = await listed(world)
        await world.restart()
        assert f"<@{world.other.id}>" in world.answer(await world.moderator.click(world.card(), label=words.OPEN))
        assert words.ON_ALL in await choose(world, shown, 1)
        assert "Muted until" in await press(world, shown, "Mute 7 days")

    async def test_whoever_posted_never_sees_it(self, world: World) -> None:
        await open_case(world, by=world.moderator)
        await add(world, 1, world.other)
        assert await case(world, "reports", case="1") == OWN_MESSAGE
        assert SEEN not in await kinds(world)
        assert f"<@{world.other.id}>" in await case(world, "reports", world.second_moderator, case="1")

    async def test_members_and_others_are_refused(self, world: World, picture: bytes) -> None:
        await with_card(world, picture)
        assert await case(world, "reports", world.fan, case="1") == texts.NOT_A_MODERATOR
        pressed = await world.guardian.click(world.card(), label=words.OPEN)
        assert world.answer(pressed) == texts.NOT_A_MODERATOR
        assert SEEN not in await kinds(world)

    async def test_the_lane_is_for_its_role(self, world: World) -> None:
        await open_case(world, Category.MINOR_SUSPECTED)
        await add(world, 1, world.other)
        assert await case(world, "reports", case="1") == NO_CASE
        assert f"<@{world.other.id}>" in await case(world, "reports", world.guardian, case="1")

    async def test_an_escalated_case_is_for_those_who_decide_it(self, world: World) -> None:
        await open_case(world)
        await add(world, 1, world.other)
        await world.app.claims.escalate(1, 1, world.second_moderator.id)
        assert await case(world, "reports", case="1") == texts.ESCALATED_CASE
        assert f"<@{world.other.id}>" in await case(world, "reports", world.owner, case="1")

    async def test_many_reports_are_paged_and_all_words_can_be_read(self, world: World) -> None:
        await open_case(world)
        said = "_" * 990 + " the end"
        for number in range(20):
            await add(world, 1, 10**17 + number, said if number == 12 else "w" * 300, kind=ReportKind.TAKEDOWN)
        shown = await listed(world)
        assert "20 reports · page 1 of 3" in world.text(shown)
        assert "w" * 130 not in world.text(shown)
        assert "**asks to take it down**" in world.text(shown)
        assert len(world.text(shown)) <= 4000
        assert "13. <@" in await press(world, shown, words.LATER)
        whole = await choose(world, shown, 13)
        assert "\\_ the end" in whole
        assert len(whole) <= 4000
        assert "page 2 of 3" in await press(world, shown, words.BACK)
        assert (await kinds(world)).count(SEEN) == 1

    async def test_nobody_is_named_where_the_server_wants_that(self, world: World) -> None:
        await open_case(world)
        await add(world, 1, world.other, "look")
        await world.change(show_reporters=False)
        await ask(world, world.moderator, "reporter mute", member=world.other, time=7)
        shown = await listed(world)
        assert "1. Reporter 1 · harassment" in world.text(shown)
        assert "muted" not in world.text(shown), "muting members one by one would tell who it is"
        assert str(world.other.id) not in world.text(shown)
        chosen = await choose(world, shown, 1)
        assert str(world.other.id) not in chosen
        assert words.UNMUTED in await press(world, shown, words.UNMUTE)
        assert str(world.other.id) not in str(world.parts(shown))
        assert SEEN not in await kinds(world)

    async def test_who_lost_the_role_sees_nothing_more(self, world: World) -> None:
        await open_case(world)
        await add(world, 1, world.other)
        shown = await listed(world)
        world.guild.remove_member(world.moderator)
        late = world.guild.add_member(world.moderator.user)
        answer = world.answer(await late.select(shown, ["1"]))
        assert answer.endswith(texts.NOT_A_MODERATOR)
        assert words.ON_ALL not in answer


class TestActingOnAReporter:
    async def test_mute_and_unmute_from_the_list(self, world: World) -> None:
        await open_case(world)
        report_id = await add(world, 1, world.other)
        shown = await listed(world)
        await choose(world, shown, report_id)
        assert words.UNMUTE not in world.buttons(shown)
        assert "✅ Muted until" in await press(world, shown, "Mute 30 days")
        assert "muted as a reporter until" in await ask(world, world.second_moderator, "history", member=world.other)
        assert "Not muted any more" in await press(world, shown, words.UNMUTE)
        assert words.UNMUTE not in world.buttons(shown)

    async def test_thirty_reports_of_bad_faith_go_and_come_back_in_one_step(self, world: World, picture: bytes) -> None:
        await with_card(world, picture)
        for _ in range(29):
            await add(world, await open_case(world), world.other)
        await add(world, 2, world.second_moderator)
        shown = await listed(world)
        await choose(world, shown, 1)
        done = await press(world, shown, words.DROP)
        assert "✅ Dropped 30 reports." in done
        assert "**dropped**" in done
        assert (await states(world)).count(ReportState.DROPPED) == 30
        card = world.text(world.cards()[0])
        assert "Its report was dropped as made in bad faith." in card
        assert words.OPEN in world.buttons(world.cards()[0]), "what was dropped has to be found again"
        assert str(world.other.id) not in card

        await world.restart()
        world.reveal("reporter", world.second_moderator)
        assert "30 reports stand again" in await ask(
            world, world.second_moderator, "reporter restore", member=world.other
        )
        assert set(await states(world)) == {ReportState.STANDING}
        assert "Reported by 1 member." in world.text(world.cards()[0])
        assert "dropped" not in world.text(world.cards()[0])

    async def test_what_was_decided_meanwhile_is_said(self, world: World) -> None:
        for _ in range(2):
            await add(world, await open_case(world), world.other)
        await ask(world, world.moderator, "reporter drop", member=world.other)
        await world.app.decisions.decide(2, 1, world.moderator.id, Decision.NO_ACTION)
        said = await ask(world, world.moderator, "reporter restore", member=world.other)
        assert said.startswith("1 report stands again, as before they were dropped. 1 report of the same step stays")
        assert "No dropped report of theirs can stand again." in await ask(
            world, world.moderator, "reporter restore", member=world.other
        )

    async def test_nothing_to_drop(self, world: World) -> None:
        assert "no open report" in await ask(world, world.moderator, "reporter drop", member=world.other)

    @pytest.mark.parametrize("reported", [True, False])
    async def test_by_name_it_is_never_told_who_reported(self, world: World, reported: bool) -> None:
        await world.change(show_reporters=False)
        if reported:
            await add(world, await open_case(world), world.other)
        for command, answer in (
            ("drop", words.DROPPED),
            ("restore", words.RESTORED),
            ("unmute", words.UNMUTED),
            ("show", words.NOT_SHOWN),
        ):
            assert await ask(world, world.moderator, f"reporter {command}", member=world.other) == answer
        muted = await ask(world, world.moderator, "reporter mute", member=world.other, time=1)
        assert muted.startswith("Muted until")
        known = await ask(world, world.moderator, "history", member=world.other)
        assert "Nothing is known of this member" in known
        assert "left out" in known

    async def test_show(self, world: World) -> None:
        await add(world, await open_case(world), world.other)
        await ask(world, world.moderator, "reporter mute", member=world.other, time=1)
        shown = await ask(world, world.moderator, "reporter show", member=world.other)
        assert "**Standing:** new" in shown
        assert "**Open reports:** 1" in shown
        assert "**Muted:** until" in shown
        world.passed += timedelta(days=1, seconds=1)
        assert "**Muted:** no" in await ask(world, world.moderator, "reporter show", member=world.other)

    async def test_members_cannot(self, world: World) -> None:
        await add(world, await open_case(world), world.other)
        for command, more in (("mute", {"time": 1}), ("unmute", {}), ("drop", {}), ("restore", {}), ("show", {})):
            said = await ask(world, world.fan, f"reporter {command}", member=world.other, **more)
            assert said == texts.NOT_A_MODERATOR
        assert await states(world) == [ReportState.STANDING]

    async def test_nobody_acts_on_themselves(self, world: World) -> None:
        await add(world, await open_case(world), world.moderator)
        said = await ask(world, world.moderator, "reporter unmute", member=world.moderator)
        assert said.startswith("That would be about your own reports")


async def test_the_commands_are_hidden_from_members_by_default(world: World) -> None:
    command = world.bot.tree.get_command("reporter")
    assert isinstance(command, discord.app_commands.Group)
    assert command.default_permissions == discord.Permissions(manage_messages=True)
