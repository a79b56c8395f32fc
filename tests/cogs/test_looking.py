"""Looking at a rendering: asked first, for one person and a minute, counted, never where a minor is suspected."""

from __future__ import annotations

import io
from typing import Any

import discord
import pytest
import simcord
import sqlalchemy as sa
from PIL import Image

from bot.cases import rendering
from bot.matching import thumbhash
from bot.model import Category
from bot.store.looking import Exposures
from bot.store.tables import metadata
from cogs.ui import looking_texts as words
from cogs.ui import texts
from cogs.ui.buttons_looking import LookButton
from tests.cogs.asking import question
from tests.world import World


@pytest.fixture
async def case(world: World, picture: bytes, copy: bytes) -> int:
    """A case with a rendering, in a server that allows them; its card has the button."""
    await world.change(reveal=True)
    await world.block(picture)
    await world.post(world.fan, copy)
    offer(world)
    return 1


def offer(world: World, case_id: int = 1) -> None:
    """Have the button on the card of a case, whatever the card itself offers."""
    components = world.env.backend.get_message(world.review.id, world.card().id).components
    button = LookButton(case_id).item.to_component_dict()
    rows = [part["components"] for part in components[0]["components"] if part["type"] == 1]
    if all(other["custom_id"] != button["custom_id"] for row in rows for other in row):
        rows[-1].append(button)


async def press(world: World, who: simcord.MemberActor, case_id: int = 1) -> simcord.InteractionResult:
    return await who.click(world.card(), custom_id=f"stanguard:look:{case_id}")


async def look(world: World, who: simcord.MemberActor) -> simcord.ResponseMessage:
    """Press the button and say yes; what the question turned into."""
    asked = question(world, await press(world, who))
    await who.click(asked, label=words.SHOW)
    await world.settle()
    return asked


def uploads(world: World) -> list[str]:
    """The names of all files that stand in messages of the bot."""
    mine = world.bot.user.id if world.bot.user else 0
    return [
        attachment["filename"]
        for messages in world.env.backend.messages.values()
        for message in messages.values()
        if message.author_id == mine
        for attachment in message.attachments
    ]


async def test_looking_is_asked_for_and_shown_to_one_person(world: World, case: int) -> None:
    asked = question(world, await press(world, world.moderator))
    assert asked.ephemeral
    assert words.QUESTION_TITLE in world.text(asked)
    assert "about 25 bytes" in world.text(asked)
    assert "at most 32 by 32" in world.text(asked)
    assert world.buttons(asked) == [words.SHOW, words.LEAVE]
    assert uploads(world) == []
    await world.moderator.click(asked, label=words.SHOW)
    (shown,) = asked.attachments
    assert asked.ephemeral
    assert shown.is_spoiler()
    assert shown.filename == "SPOILER_case-1.png"
    data = world.cdn.get(shown.url)
    assert data is not None
    with Image.open(io.BytesIO(data)) as drawn:
        assert (drawn.mode, max(drawn.size)) == ("L", 256)
    (gallery,) = [part for part in asked.components[0]["components"] if part["type"] == 12]
    assert gallery["items"][0]["spoiler"]
    assert "You have looked at 1 within an hour and 1 within a day." in world.text(asked)
    assert uploads(world) == ["SPOILER_case-1.png"]


async def test_a_look_is_in_the_history_of_the_case(world: World, case: int) -> None:
    await look(world, world.moderator)
    event = (await world.view(case)).events[-1]
    assert (event.kind, event.actor_id) == ("revealed", world.moderator.id)


async def test_it_is_put_away_when_the_person_is_done(world: World, case: int) -> None:
    shown = await look(world, world.moderator)
    assert world.buttons(shown) == [words.DONE]
    await world.moderator.click(shown, label=words.DONE)
    assert uploads(world) == []
    assert words.PUT_AWAY in world.text(shown)
    assert not world.bot._connection._view_store._views


async def test_it_is_put_away_after_a_minute(world: World, case: int) -> None:
    shown = await look(world, world.moderator)
    await world.env.advance_time(61)
    assert uploads(world) == []
    assert words.PUT_AWAY in world.text(shown)


async def test_a_press_after_a_restart_is_explained(world: World, case: int) -> None:
    shown = await look(world, world.moderator)
    await world.restart()
    assert world.answer(await world.moderator.click(shown, label=words.DONE)) == texts.OLD_QUESTION


async def test_who_says_no_is_shown_nothing_and_nothing_is_counted(world: World, case: int) -> None:
    asked = question(world, await press(world, world.moderator))
    await world.moderator.click(asked, label=words.LEAVE)
    assert words.LEFT in world.text(asked)
    assert uploads(world) == []
    assert (await world.app.looking.counts(world.guild.id, world.moderator.id)).hour == Exposures(0, 0)


async def test_the_button_works_after_a_restart(world: World, case: int) -> None:
    await world.restart()
    offer(world)
    assert (await look(world, world.moderator)).attachments


async def test_members_cannot_look(world: World, case: int) -> None:
    for member in (world.fan, world.guardian):
        result = await _press_by_force(world, member, "stanguard:look:1")
        assert "Only this server's moderators" in world.answer(result)
    assert uploads(world) == []


async def test_a_moderator_who_is_none_any_more_when_they_say_yes_is_shown_nothing(world: World, case: int) -> None:
    asked = question(world, await press(world, world.moderator))
    await world.change(moderator_role_id=world.child_safety.id)
    await world.moderator.click(asked, label=words.SHOW)
    assert "Only this server's moderators" in world.text(asked)
    assert asked.attachments == []


async def test_cases_of_other_servers_and_cases_that_are_gone_are_refused(world: World, case: int) -> None:
    elsewhere = world.env.create_guild("Elsewhere", owner=world.owner.user)
    channel = elsewhere.create_text_channel("general")
    owner = simcord.MemberActor(world.env, elsewhere, world.owner.user)
    refused = await _press_by_force(world, owner, "stanguard:look:1", channel=channel)
    assert world.answer(refused) == texts.FOREIGN_CASE
    offer(world, 77)
    assert "There is no case 77" in world.answer(await press(world, world.moderator, 77))


async def test_where_it_was_switched_off_the_button_says_so(world: World, case: int) -> None:
    await world.change(reveal=False)
    assert "shows no renderings" in world.answer(await press(world, world.moderator))
    assert (await world.view(case)).case.thumbhash is None


async def test_a_category_that_somebody_opted_out_of_is_not_even_asked_about(world: World, case: int) -> None:
    result = await world.moderator.slash(world.review, "wellbeing opt-out", category="ncii_synthetic", shown="nothing")
    assert "You are shown nothing of: sexual deepfake." in world.answer(result)
    refused = await press(world, world.moderator)
    assert "/wellbeing opt-out" in world.answer(refused)
    await world.moderator.slash(world.review, "wellbeing opt-out", category="ncii_synthetic", shown="ask")
    assert words.NO_OPT_OUT in world.answer(await world.moderator.slash(world.review, "wellbeing opt-out"))
    assert (await look(world, world.moderator)).attachments


async def test_half_an_opt_out_is_asked_for_the_other_half(world: World) -> None:
    result = await world.moderator.slash(world.review, "wellbeing opt-out", category="scam")
    assert world.answer(result) == words.BOTH_OR_NEITHER


async def test_the_numbers_are_told_to_their_owner_alone(world: World, case: int) -> None:
    await look(world, world.moderator)
    result = await world.moderator.slash(world.review, "wellbeing counts")
    shown = world.answer(result)
    assert "Last hour: **1** looked at · **0** decided" in shown
    assert "Last 30 days: **1** looked at" in shown
    other = world.answer(await world.second_moderator.slash(world.review, "wellbeing counts"))
    assert "Last 30 days: **0** looked at" in other


async def test_support_says_where_help_is(world: World) -> None:
    shown = world.answer(await world.moderator.slash(world.review, "wellbeing support"))
    assert "findahelpline.com" in shown
    assert "You never have to look" in shown


@pytest.mark.parametrize("module", [words.QUESTION, words.SUPPORT])
def test_nothing_claims_that_a_coarse_picture_protects(module: tuple[str, ...]) -> None:
    said = " ".join(module).lower()
    assert "protect" not in said
    assert "safe" not in said


async def test_limits_and_breaks_are_said_after_a_look(sqlite_url: str, picture: bytes, copy: bytes) -> None:
    limits = {"soft_reveals_per_hour": 2, "hard_reveals_per_hour": 2, "break_after_cases": 1}
    async with World(sqlite_url, settings={"review": limits}) as world:
        await world.change(reveal=True)
        await world.block(picture)
        await world.post(world.fan, copy)
        offer(world)
        first = world.text(await look(world, world.moderator))
        assert "That is many" not in first
        assert "1 case within 20 minutes" in first
        assert "That is many" in world.text(await look(world, world.moderator))
        refused = world.answer(await press(world, world.moderator))
        assert "which is the limit; you can look again <t:" in refused


# ------------------------------------------------------------------------------------------------- suspected minors


async def everything(world: World) -> str:
    """All that the database holds, and all that the bot ever asked of Discord."""
    rows: list[Any] = []
    async with world.app.store.read() as tx:
        for table in metadata.sorted_tables:
            rows += [(table.name, dict(row._mapping)) for row in await tx.connection.execute(sa.select(table))]
    return f"{rows}\n{world.env.transcript()}\n{world.env.http_requests}"


@pytest.mark.parametrize("how", ["entry", "report", "later report", "moderator"])
async def test_of_a_suspected_minor_nothing_is_rendered_kept_or_sent(
    world: World, picture: bytes, copy: bytes, harmless: bytes, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a server that allows renderings, however the case comes into the lane."""
    made: list[bytes] = []
    encode = thumbhash.encode

    def watched(plane: Any) -> bytes:
        made.append(encode(plane))
        return made[-1]

    def shown(plane: Any) -> bytes:
        raise AssertionError("a picture was drawn")

    monkeypatch.setattr(thumbhash, "encode", watched)
    monkeypatch.setattr(rendering, "png", shown)
    await world.change(reveal=True)
    if how == "entry":
        await world.block(picture, Category.MINOR_SUSPECTED)
        await world.post(world.fan, copy)
        await world.post(world.other, picture)
    else:
        message = await world.post(world.fan, harmless)
        if how in {"later report", "moderator"}:
            await _report(world, world.other, message, "harassment")
            assert (await world.view(1)).case.thumbhash == made[-1]
        if how == "moderator":
            await world.app.claims.mark_minor(1, (await world.view(1)).case.version, world.moderator.id)
        else:
            await _report(world, world.moderator, message, "minor_suspected")
    await world.settle()
    assert (await world.view(1)).case.in_lane
    offer(world)
    for member in (world.moderator, world.guardian, world.owner):
        result = await press(world, member)
        assert "suspected minor" in world.answer(result)
    assert uploads(world) == []
    found = await everything(world)
    assert "'thumbhash': None" in found
    for rendered in made:
        assert repr(rendered) not in found
    if how in {"entry", "report"}:
        assert made == []
    async with world.app.store.read() as tx:
        left = await tx.connection.execute(sa.text("SELECT count(*) FROM cases WHERE thumbhash IS NOT NULL"))
        assert left.scalar() == 0
        assert (await tx.connection.execute(sa.text("SELECT count(*) FROM exposures"))).scalar() == 0


async def _report(world: World, who: simcord.MemberActor, message: discord.Message, category: str) -> None:
    shown = await who.context_menu(world.fans, "Report picture", message)
    await who.submit_modal(shown, {"category": [category]})
    await world.settle()


async def _press_by_force(
    world: World, member: simcord.MemberActor, custom_id: str, *, channel: simcord.ChannelHandle | None = None
) -> simcord.InteractionResult:
    """A press by somebody whom the review channel would not show the card to."""
    where = channel or world.fans
    mine = world.bot.user.id if world.bot.user else 0
    button = LookButton(int(custom_id.rpartition(":")[2])).item.to_component_dict()
    stored = world.env.backend.create_message(where.id, mine, "", components=[{"type": 1, "components": [button]}])
    await world.settle()
    message = next(message for message in where.history() if message.id == stored.id)
    return await member.click(message, custom_id=custom_id)
