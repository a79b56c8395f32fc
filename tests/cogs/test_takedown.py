"""The person shown, or somebody for them, asks for a picture to be taken down; they never have to send it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import discord
import pytest
import simcord

from bot.demo import pictures
from bot.model import CaseState, Category, Mode, ReportKind
from tests.world import World

HOUR = timedelta(hours=1)
PLACES = ("https://discord.com/report", "https://stopncii.org", "https://takeitdown.ncmec.org")
SELF = {"for": "self"}


def link(world: World, message: discord.Message) -> str:
    return f"https://discord.com/channels/{world.guild.id}/{message.channel.id}/{message.id}"


def digest(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()


async def takedown(world: World, who: simcord.MemberActor, **options: str) -> simcord.InteractionResult:
    result = await who.slash(world.fans, "takedown", **{**SELF, **options})
    await world.settle()
    return result


def lines(world: World, channel: simcord.TextChannel | None = None) -> list[discord.Message]:
    """What the bot wrote there that is no card."""
    return [message for message in (channel or world.review).history() if not world.buttons(message)]


async def test_by_a_link_the_case_goes_to_the_top_and_the_moderators_are_called(world: World, harmless: bytes) -> None:
    role = world.guild.create_role("On duty", mentionable=True)
    await world.change(alert_role_id=role.id)
    message = await world.post(world.fan, harmless)
    result = await takedown(world, world.other, link=link(world, message), words="It is me.")
    answer = world.answer(result)
    assert "at the top of the moderators' queue" in answer
    assert "the target is one hour" in answer
    assert all(place in answer for place in PLACES)
    assert "your own message" not in answer
    card = world.text(world.card())
    asked_at = (await world.view(1)).case.takedown_at
    assert asked_at is not None
    since = int(asked_at.timestamp())
    assert f"**Takedown requested** <t:{since}:R> by the person shown · target <t:{since + 3600}:R>" in card
    assert f"the law's 48 hours end <t:{since + 48 * 3600}:R>" in card
    assert str(world.other.id) not in card
    assert "It is me." not in card
    (line,) = lines(world)
    assert line.content == f"<@&{role.id}> Case 1: a takedown was requested: target one hour. Its card has the buttons."
    assert [mentioned.id for mentioned in line.role_mentions] == [role.id]
    assert not world.gone(message)
    async with world.app.store.read() as tx:
        (report,) = await tx.reports.by_case(1)
    assert (report.kind, report.words, report.reporter_id) == (ReportKind.TAKEDOWN, "It is me.", world.other.id)


async def test_case_next_takes_it_before_older_and_weightier_ones(
    world: World, picture: bytes, copy: bytes, harmless: bytes
) -> None:
    await world.block(picture, Category.MINOR_SUSPECTED)
    await world.post(world.fan, copy)
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, link=link(world, message))
    both = world.guild.add_member(world.env.create_user("both"), roles=[world.moderators, world.child_safety])
    answer = world.answer(await both.slash(world.review, "case next"))
    assert "#2" in answer
    assert (await world.view(2)).case.claimed_by == both.id


async def test_whoever_asked_hears_the_outcome_once(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, link=link(world, message))
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    assert world.gone(message)
    (told,) = [one.content for one in world.other.user.dm_channel.history()]
    assert "A moderator granted your request" in told
    assert "Takedown requested" not in world.text(world.card())


async def test_a_copy_of_a_blocked_picture_goes_at_once(world: World, picture: bytes, copy: bytes) -> None:
    app = world.guild.add_member(world.env.create_user("app", bot=True))  # bots are not checked here
    message = await world.post(app, copy)
    await world.block(picture)
    await world.settle()
    answer = world.answer(await takedown(world, world.other, link=link(world, message)))
    assert "is being removed now" in answer
    assert world.gone(message)


async def test_of_ones_own_message_the_answer_says_that_one_can_delete_it(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    answer = world.answer(await takedown(world, world.fan, link=link(world, message)))
    assert "This is your own message, so you can also delete it yourself" in answer
    assert len(world.cards()) == 1


async def test_who_acts_for_somebody_says_so(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, **{"for": "for_them", "link": link(world, message)})
    assert "by somebody who acts for the person shown" in world.text(world.card())


# ------------------------------------------------------------------------------------------------ by a fingerprint


async def test_a_file_that_nobody_posted_is_removed_once_it_is_confirmed(world: World, harmless: bytes) -> None:
    result = await takedown(world, world.other, fingerprint=f"SHA256: {digest(harmless).upper()}")
    answer = world.answer(result)
    assert "it finds the exact file alone" in answer
    assert all(place in answer for place in PLACES)
    card = world.text(world.card())
    assert "No post of this file is known here, so nobody here has seen the picture." in card
    assert "by the fingerprint of the file" in card
    assert "*Confirm*: it is abuse; a post of this exact file is removed from now on; an edited copy is not" in card
    assert "the picture goes to the known-good list" not in card
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    message = await world.post(world.fan, harmless)
    assert world.gone(message)
    edited = await world.post(world.fan, pictures.encode(pictures.picture(2, (320, 400)), quality=40))
    assert not world.gone(edited)


async def test_a_file_that_was_posted_is_shown_with_its_places_and_goes_with_confirm(
    world: World, harmless: bytes
) -> None:
    message = await world.post(world.fan, harmless)
    unseen = await takedown(world, world.other, fingerprint=digest(b"something else"))
    seen = await takedown(world, world.other, fingerprint=digest(harmless))
    assert world.answer(seen) == world.answer(unseen), "the answer does not tell whether it was posted"
    assert (await world.view(2)).sightings[0].message.message_id == message.id
    assert "still up" in world.text(world.cards()[-1])
    await world.moderator.click(world.cards()[-1], label="Confirm")
    await world.settle()
    assert world.gone(message)


async def test_a_listed_file_needs_no_moderator(world: World, picture: bytes) -> None:
    await world.block(picture)
    answer = world.answer(await takedown(world, world.other, fingerprint=digest(picture)))
    assert "blocklist has this very file already" in answer
    assert world.cards() == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("hello", "certutil -hashfile FILE SHA256"),
        ("pdq:" + "0f" * 32, "keeps no PDQ fingerprints"),
        ("d41d8cd98f00b204e9800998ecf8427e", "keeps no MD5 fingerprints"),
    ],
)
async def test_a_fingerprint_that_is_of_no_use_is_explained(world: World, written: str, said: str) -> None:
    assert said in world.answer(await takedown(world, world.other, fingerprint=written))
    assert world.cards() == []


# ------------------------------------------------------------------------------------------------ the form


@pytest.mark.parametrize("by_link", [True, False])
async def test_with_neither_a_form_asks(world: World, harmless: bytes, by_link: bool) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.other.slash(world.fans, "takedown", **SELF)
    assert shown.modal is not None
    assert shown.modal["title"] == "Take a picture down"
    assert not any(part["component"]["type"] == 19 for part in shown.modal["components"]), "no place for an upload"
    what = link(world, message) if by_link else digest(harmless)
    result = await world.other.submit_modal(shown, {"what": what, "category": ["ncii_real"], "words": "Me."})
    await world.settle()
    assert "at the top of the moderators' queue" in world.answer(result)
    assert (await world.view(1)).case.category is Category.NCII_REAL
    async with world.app.store.read() as tx:
        (report,) = await tx.reports.by_case(1)
    assert report.words == "Me."


async def test_what_is_optional_in_the_form_may_be_left_empty(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.other.slash(world.fans, "takedown", **SELF)
    result = await world.other.submit_modal(shown, {"what": link(world, message)})
    await world.settle()
    assert "at the top of the moderators' queue" in world.answer(result)
    assert (await world.view(1)).case.category is Category.OTHER


async def test_what_is_wrong_in_the_form_is_explained(world: World) -> None:
    shown = await world.other.slash(world.fans, "takedown", **SELF)
    result = await world.other.submit_modal(shown, {"what": "my picture"})
    assert "shasum -a 256 FILE" in world.answer(result)


# ------------------------------------------------------------------------------------------------ refusals


async def test_one_of_the_two(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    result = await takedown(world, world.other, link=link(world, message), fingerprint=digest(harmless))
    assert "one of the two" in world.answer(result)
    assert world.cards() == []


async def test_a_member_learns_nothing_about_a_channel_that_they_cannot_see(world: World, harmless: bytes) -> None:
    message = await world.moderator.send(world.review, attachments=[("a.jpg", harmless)])
    await world.settle()
    result = await takedown(world, world.fan, link=link(world, message))
    assert "no message there that both of us can see" in world.answer(result)


async def test_asking_twice_changes_nothing(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    for _ in range(2):
        result = await takedown(world, world.other, link=link(world, message))
    assert "You have asked for this already" in world.answer(result)
    assert (await world.view(1)).report_count == 1
    assert len(lines(world)) == 1


async def test_too_many_in_a_day_are_refused_with_the_ways_outside(world: World, harmless: bytes) -> None:
    for number in range(5):
        await takedown(world, world.other, fingerprint=digest(bytes([number])))
    message = await world.post(world.fan, harmless)
    answer = world.answer(await takedown(world, world.other, link=link(world, message)))
    assert "as many pictures to be taken down as one member can in a day" in answer
    assert all(place in answer for place in PLACES)
    await world.time_passes(timedelta(days=1))
    assert "at the top" in world.answer(await takedown(world, world.other, link=link(world, message)))


async def test_there_is_no_way_to_send_the_picture(world: World) -> None:
    command = world.env.backend.find_command("takedown", world.guild.id, type=1)
    assert not any(option["type"] == 11 for option in command["options"])
    assert "Never send the picture itself" in command["description"]
    assert command["default_member_permissions"] is None


async def test_it_works_in_a_server_that_only_observes(world: World, harmless: bytes) -> None:
    await world.change(mode=Mode.OBSERVE)
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, link=link(world, message))
    assert "Takedown requested" in world.text(world.card())


async def test_the_hotline_of_the_server_is_named(world: World, harmless: bytes) -> None:
    await world.change(hotline="Digital Sex Crime Victim Support Center, 02-735-8994 {x}")
    message = await world.post(world.fan, harmless)
    answer = world.answer(await takedown(world, world.other, link=link(world, message)))
    assert "as this server names it: Digital Sex Crime Victim Support Center, 02-735-8994 {x}" in answer


# ------------------------------------------------------------------------------------------------ suspected minors


async def test_a_suspected_minor_is_called_in_its_own_channel_alone(world: World, harmless: bytes) -> None:
    closed = discord.PermissionOverwrite(view_channel=False)
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    safe = world.guild.create_text_channel(
        "child-safety",
        overwrites={world.guild.default_role: closed, bot_role: discord.PermissionOverwrite(view_channel=True)},
    )
    await world.change(child_safety_channel_id=safe.id, alert_role_id=world.moderators.id)
    message = await world.post(world.fan, harmless)
    result = await takedown(world, world.other, link=link(world, message), category="minor_suspected")
    assert "do not open, save or send it again" in world.answer(result)
    assert list(world.review.history()) == []
    (line,) = lines(world, safe)
    assert line.content.startswith(f"<@&{world.child_safety.id}> Case 1: a takedown was requested")
    assert world.called() == [world.child_safety.id] * 2, "by the card and by the line"


async def test_where_others_see_the_card_it_says_nothing_about_the_request(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, link=link(world, message), category="minor_suspected")
    card = world.text(world.card())
    assert "suspected minor" in card
    assert "Takedown" not in card
    (line,) = lines(world)
    assert "is urgent and waits for you" in line.content
    assert "takedown" not in line.content
    details = await world.guardian.click(world.card(), label="Details")
    assert "**Takedown requested**" in world.answer(details)


# ------------------------------------------------------------------------------------------------ the clock


async def test_when_the_target_passes_the_escalation_role_is_called_and_at_48_hours_it_is_escalated(
    world: World, harmless: bytes
) -> None:
    elders = world.guild.create_role("Elders", mentionable=True)
    await world.change(escalation_role_id=elders.id, escalate_hours=0, remind_hours=0)
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, link=link(world, message))
    await world.time_passes(HOUR)
    await world.time_passes(HOUR)
    late = [one for one in lines(world) if "The target of one hour has passed" in one.content]
    assert [[role.id for role in one.role_mentions] for one in late] == [[elders.id]]
    await world.restart()
    await world.time_passes(46 * HOUR)
    assert (await world.view(1)).case.state is CaseState.ESCALATED
    over = [one for one in lines(world) if "48 hours are over" in one.content]
    assert len(over) == 1
    history = world.answer(await world.owner.slash(world.review, "case show", case="1"))
    assert "Takedown requested" in history


async def test_the_history_of_a_case_tells_it(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await takedown(world, world.other, link=link(world, message))
    await world.time_passes(HOUR)
    history = await world.moderator.click(world.card(), label="History")
    for _ in range(3):
        shown = world.answer(history)
        if "A takedown was requested" in shown:
            break
        (message_shown,) = [one for one in (history.response, *history.followups) if one is not None][-1:]
        await world.moderator.click(message_shown, label="Next")
        shown = world.text(message_shown)
    assert "A takedown was requested by the person shown." in shown
    assert "The takedown waited: 1 hour without a decision." in shown


async def test_a_refusal_is_in_the_members_language_with_what_it_names(world: World) -> None:
    world.speaks(world.other, "es-ES")
    result = await world.other.slash(world.fans, "takedown", **{"for": "self"}, fingerprint="md5:" + "a" * 32)
    assert world.answer(result).startswith("El bot no guarda huellas digitales MD5")
    result = await world.other.slash(world.fans, "takedown", **{"for": "self"}, fingerprint="none")
    assert "`shasum -a 256 FILE`" in world.answer(result)
