"""What authors of removed messages are told: each thing once, whatever else happens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.cases import notice_texts, notices
from bot.model import (
    BankKind,
    CallKind,
    CaseState,
    Category,
    Decision,
    Mode,
    PolicyReason,
    SanctionKind,
    SanctionOrder,
    SanctionState,
)
from bot.outbox import CallError
from bot.store.cases import CaseChanges
from tests.desk import FANS, GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

ABUSE = picture(1)
FAR = picture(1, away=55)
AUTHOR, OTHER_AUTHOR = 51, 52
WARN = SanctionOrder(SanctionKind.WARN)
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1))
BAN = SanctionOrder(SanctionKind.BAN)


async def blocked(desk: Desk, category: Category = Category.NCII_SYNTHETIC, mode: Mode = Mode.REMOVE) -> None:
    await desk.guilds.change(GUILD, mode=mode)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, category, source="test")


async def posted(desk: Desk, author: int = AUTHOR, **changes):
    message = await desk.post(ABUSE, author=author, **changes)
    await desk.settle()
    return message


async def decide(desk: Desk, decision: Decision, by: int = MODERATOR, **options):
    case = await desk.only_case()
    decided = await desk.decisions.decide(case.id, case.version, by, decision, **options)
    await desk.settle()
    return decided


def buttons(desk: Desk, user_id: int) -> list[object]:
    return [
        call.payload.get("button")
        for call in desk.discord.calls
        if call.kind is CallKind.NOTIFY and call.payload["user_id"] == user_id
    ]


async def test_the_author_hears_what_was_removed_why_and_how_to_appeal(desk):
    await blocked(desk)
    await posted(desk)
    (text,) = desk.discord.told(AUTHOR)
    assert text.startswith(f"Your message with a picture in <#{FANS}> was removed automatically")
    assert "lists as a sexual deepfake. A moderator checks it.\n**No penalty was applied.**" in text
    ends = int((desk.now() + timedelta(days=30)).timestamp())
    assert f"you can appeal until <t:{ends}:D>: press the button below, or use `/appeal` in the server." in text
    case = await desk.only_case()
    assert buttons(desk, AUTHOR) == [{"label": "Appeal", "custom_id": f"stanguard:appeal:{case.id}"}]


@pytest.mark.parametrize("category", [Category.NCII_SYNTHETIC, Category.NCII_REAL, Category.HARASSMENT])
async def test_a_notice_of_a_removal_ends_with_the_guide(desk, category):
    await blocked(desk, category)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, sanction=TIMEOUT)
    await posted(desk, OTHER_AUTHOR)
    for text in (*desk.discord.told(AUTHOR), *desk.discord.told(OTHER_AUTHOR)):
        assert text.endswith(f"\n{notice_texts.GUIDE}")
    assert len(desk.discord.told(AUTHOR)) == 2


async def test_the_rule_of_a_decision_says_whether_the_guide_is_about_it(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, reason=PolicyReason.SCAM, sanction=TIMEOUT)
    before, after = desk.discord.told(AUTHOR)
    assert ("/deepfakes" in before, "/deepfakes" in after) == (True, False)


@pytest.mark.parametrize("category", [Category.MINOR_SUSPECTED, Category.SCAM, Category.OTHER])
async def test_the_guide_is_not_named_where_it_is_not_about_that(desk, category):
    await blocked(desk, category)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, sanction=TIMEOUT)
    assert len(desk.discord.told(AUTHOR)) == 2
    assert "/deepfakes" not in "".join(desk.discord.told(AUTHOR))


async def test_it_is_never_named_in_the_lane_of_suspected_minors(desk):
    await blocked(desk, Category.MINOR_SUSPECTED)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, reason=PolicyReason.SEXUAL_DEEPFAKE, sanction=TIMEOUT)
    assert "/deepfakes" not in "".join(desk.discord.told(AUTHOR))


async def test_nobody_is_taught_after_a_mistake(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.NOT_A_MATCH)
    assert "/deepfakes" not in desk.discord.told(AUTHOR)[-1]


async def test_a_suspected_minor_is_told_without_detail(desk):
    await blocked(desk, Category.MINOR_SUSPECTED)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, sanction=TIMEOUT)
    first, second = desk.discord.told(AUTHOR)
    assert "removed automatically until a person has checked it.\n**No penalty was applied.**" in first
    assert (
        "the picture breaks the rules of this server, and the message is removed.\n**The penalty is a timeout" in second
    )
    for word in ("minor", "sexual", "blocklist", "E-1"):
        assert word not in first + second


async def test_a_raid_of_one_author_is_one_notice(desk):
    await blocked(desk)
    for _ in range(50):
        await desk.post(ABUSE, author=AUTHOR)
    await desk.settle()
    assert len(desk.discord.deleted) == 50
    assert len(desk.discord.told(AUTHOR)) == 1


async def test_every_author_of_a_raid_hears_of_it(desk):
    await blocked(desk)
    for author in (AUTHOR, OTHER_AUTHOR):
        await posted(desk, author)
    assert (len(desk.discord.told(AUTHOR)), len(desk.discord.told(OTHER_AUTHOR))) == (1, 1)


@pytest.mark.parametrize("changes", [{"webhook_id": 7}, {"author_is_bot": True}])
async def test_nobody_writes_to_webhooks_and_bots(desk, changes):
    await blocked(desk)
    await desk.guilds.change(GUILD, scan_bots=True)
    message = await posted(desk, **changes)
    await decide(desk, Decision.NOT_A_MATCH)
    assert message.message_id in desk.discord.deleted
    assert desk.discord.count(CallKind.NOTIFY) == 0


async def test_a_guild_that_tells_authors_nothing_still_warns(desk):
    await blocked(desk)
    await desk.guilds.change(GUILD, tell_authors=False)
    await posted(desk)
    assert desk.discord.told(AUTHOR) == []
    await decide(desk, Decision.CONFIRM, sanction=WARN)
    (text,) = desk.discord.told(AUTHOR)
    assert "This is a warning; there is no other penalty." in text


async def test_a_mere_confirmation_is_no_news(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.CONFIRM)
    assert len(desk.discord.told(AUTHOR)) == 1


async def test_who_was_never_told_hears_of_the_confirmation(desk):
    await blocked(desk)
    await desk.guilds.change(GUILD, tell_authors=False)
    await posted(desk)
    await desk.guilds.change(GUILD, tell_authors=True)
    await decide(desk, Decision.CONFIRM)
    (text,) = desk.discord.told(AUTHOR)
    assert "A moderator decided about your message" in text


async def test_a_message_that_a_moderator_removes_is_told_by_its_rule(desk):
    await blocked(desk, mode=Mode.REVIEW)
    await posted(desk)
    assert desk.discord.told(AUTHOR) == []
    await decide(desk, Decision.CONFIRM, reason=PolicyReason.HARASSMENT)
    (text,) = desk.discord.told(AUTHOR)
    assert "A moderator decided about your message" in text
    assert "the picture breaks the rule against harassment, and the message is removed." in text
    assert "**No penalty was applied.**" in text
    assert f"@{MODERATOR}" not in text


async def test_a_copy_of_a_confirmed_picture_is_said_to_be_one(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.CONFIRM)
    desk.time += timedelta(minutes=1)
    await posted(desk, OTHER_AUTHOR)
    await posted(desk)
    (text,) = desk.discord.told(OTHER_AUTHOR)
    assert "removed automatically, because a moderator had already confirmed that the picture breaks the rule" in text
    assert len(desk.discord.told(AUTHOR)) == 2, "of the automatic removal, and of the one after the decision"


@pytest.mark.parametrize(
    ("sanction", "words"),
    [
        (WARN, "This is a warning"),
        (TIMEOUT, "The penalty is a timeout until <t:"),
        (SanctionOrder(SanctionKind.KICK), "you are removed from the server; you may join again"),
        (BAN, "The penalty is a ban from the server."),
    ],
)
async def test_a_penalty_is_told_once_and_before_it_falls(desk, sanction, words):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, sanction=sanction)
    assert words in desk.discord.told(AUTHOR)[-1]
    assert len(desk.discord.told(AUTHOR)) == 2
    theirs = [call.kind for call in desk.discord.calls if call.lane == f"user:{AUTHOR}"]
    assert theirs[:2] == [CallKind.NOTIFY, CallKind.NOTIFY]
    (stands,) = (await desk.cases.view(1)).sanctions
    assert stands.state is SanctionState.DONE


async def test_a_warned_author_whose_message_goes_later_is_not_told_twice(desk):
    await blocked(desk, mode=Mode.REVIEW)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, sanction=WARN)
    assert len(desk.discord.deleted) == 1
    assert len(desk.discord.told(AUTHOR)) == 1


async def test_a_mistake_is_told_and_nothing_is_held_against_anybody(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.NOT_A_MATCH)
    text = desk.discord.told(AUTHOR)[-1]
    assert "it was a mistake: nothing is held against you, and you may post the picture again." in text
    assert buttons(desk, AUTHOR)[-1] is None


async def test_where_nothing_was_learnt_nobody_is_invited_to_post_it_again(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.NO_ACTION)
    text = desk.discord.told(AUTHOR)[-1]
    assert "nothing is held against you" in text
    assert "post the picture again" not in text


async def test_of_copies_that_are_left_out_their_author_hears_that_it_was_a_mistake(desk):
    await blocked(desk)
    await posted(desk)
    await posted(desk, OTHER_AUTHOR)
    view = await desk.cases.view(1)
    (left_out,) = [one.id for one in view.sightings if one.message.author_id == AUTHOR]
    await desk.claims.except_sightings(1, MODERATOR, [left_out], excepted=True)
    await decide(desk, Decision.CONFIRM)
    assert "it was a mistake" in desk.discord.told(AUTHOR)[-1]
    assert len(desk.discord.told(OTHER_AUTHOR)) == 1


async def test_a_deletion_that_ends_after_the_decision_is_told_by_it(desk):
    """A message that was on its way out when it was called a mistake is told as one, and once."""
    await blocked(desk)
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError("Not now.", permanent=False, retry_after=60.0)
    await posted(desk)
    await decide(desk, Decision.NOT_A_MATCH)
    assert desk.discord.told(AUTHOR) == []
    del desk.discord.refuse[CallKind.DELETE_MESSAGE]
    desk.time += timedelta(minutes=2)
    await desk.settle()
    (text,) = desk.discord.told(AUTHOR)
    assert "it was a mistake" in text


async def test_who_heard_of_a_decision_hears_that_it_is_taken_back_and_of_the_next_one(desk):
    await blocked(desk)
    await posted(desk)
    decided = await decide(desk, Decision.CONFIRM, sanction=TIMEOUT)
    await desk.decisions.undo(decided.id, decided.version, MODERATOR)
    await desk.settle()
    text = desk.discord.told(AUTHOR)[-1]
    assert "The moderators took their decision about your message" in text
    assert "Your timeout is lifted. You do not have to do anything" in text
    await decide(desk, Decision.CONFIRM)
    assert "No penalty was applied." in desk.discord.told(AUTHOR)[-1]
    assert len(desk.discord.told(AUTHOR)) == 4


async def test_who_heard_of_no_decision_does_not_hear_that_it_is_taken_back(desk):
    await blocked(desk)
    await posted(desk)
    decided = await decide(desk, Decision.CONFIRM)
    await desk.decisions.undo(decided.id, decided.version, MODERATOR)
    await desk.settle()
    assert len(desk.discord.told(AUTHOR)) == 1


@pytest.mark.parametrize("sanction", [WARN, TIMEOUT, None])
async def test_a_decision_that_is_taken_back_at_once_is_never_told(desk, sanction):
    """Nothing of it was sent yet, so there is nothing to take back either; a further decision is told as the first."""
    await blocked(desk)
    await posted(desk)
    await desk.outbox.stop()
    case = await desk.only_case()
    decision = Decision.NOT_A_MATCH if sanction is None else Decision.CONFIRM
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, decision, sanction=sanction)
    await desk.decisions.undo(decided.id, decided.version, MODERATOR)
    await desk.outbox.start(desk.discord)
    await desk.settle()
    assert len(desk.discord.told(AUTHOR)) == 1
    await decide(desk, Decision.NOT_A_MATCH)
    assert len(desk.discord.told(AUTHOR)) == 2


async def test_a_case_that_another_decision_opens_again_is_told(desk):
    await blocked(desk)
    await desk.post(picture(1, away=20), author=AUTHOR)
    await desk.settle()
    await decide(desk, Decision.CONFIRM, sanction=TIMEOUT)
    await desk.post(picture(1, away=21), author=OTHER_AUTHOR)
    await desk.settle()
    async with desk.store.read() as tx:
        second = await tx.cases.find_open(GUILD)
    await desk.decisions.decide(second.id, second.version, MODERATOR, Decision.NOT_A_MATCH)
    await desk.settle()
    assert "look at it again. Your timeout is lifted." in desk.discord.told(AUTHOR)[-1]


async def test_expiry_counts_against_nobody(desk):
    await blocked(desk)
    await posted(desk)
    case = await desk.only_case()
    guild = await desk.guilds.get(GUILD)
    for _ in range(2):
        async with desk.store.write() as tx:
            expired = await tx.cases.compare_and_set(case.id, case.version, **CaseChanges(state=CaseState.EXPIRED))
            await notices.expired(tx, expired or case, guild, desk.now())
    await desk.settle()
    texts = desk.discord.told(AUTHOR)
    assert len(texts) == 2
    assert "nobody confirmed in time that it breaks a rule" in texts[-1]
    assert "nothing is held against you" in texts[-1]


async def test_copies_of_a_duplicate_are_told_of_the_other_decision(desk):
    await blocked(desk)
    await posted(desk)
    await decide(desk, Decision.CONFIRM)
    await desk.post(picture(1, away=55), author=OTHER_AUTHOR)
    await desk.settle()
    async with desk.store.read() as tx:
        second = await tx.cases.find_open(GUILD)
    await desk.decisions.decide(second.id, second.version, MODERATOR, Decision.DUPLICATE, duplicate_of=1)
    await desk.settle()
    (text,) = desk.discord.told(OTHER_AUTHOR)
    assert "A moderator decided about your message" in text
    assert len(desk.discord.told(AUTHOR)) == 1
    assert buttons(desk, OTHER_AUTHOR) == [{"label": "Appeal", "custom_id": "stanguard:appeal:1"}]


async def test_a_block_tells_the_author_that_a_moderator_decided(desk):
    await desk.guilds.change(GUILD, mode=Mode.REMOVE)
    message = desk.message(AUTHOR)
    desk.item(message, picture(7))
    await desk.block(picture(7), message)
    await desk.settle()
    (text,) = desk.discord.told(AUTHOR)
    assert "A moderator decided about your message" in text
    assert "the rule against sexual deepfakes" in text


async def test_closed_direct_messages_stand_in_the_history_and_trouble_nobody(desk):
    await blocked(desk)
    desk.discord.refuse[CallKind.NOTIFY] = CallError("The member does not take direct messages.", permanent=True)
    await posted(desk)
    await decide(desk, Decision.CONFIRM, by=OTHER_MODERATOR, sanction=TIMEOUT)
    view = await desk.cases.view(1)
    kinds = [event.kind for event in view.events]
    assert (kinds.count("not_told"), kinds.count("call_failed")) == (2, 0)
    assert view.sanctions[0].state is SanctionState.DONE
