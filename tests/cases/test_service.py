"""Cases: what is recorded, decided and taken back."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import NotAllowedError, NotFoundError, StaleCaseError
from bot.model import (
    BankKind,
    CallKind,
    CaseState,
    Category,
    Decision,
    Mode,
    Unscannable,
    Verdict,
)
from bot.outbox import CallError
from bot.store.outbox import OutboxRows
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, picture

ABUSE = picture(1)
NEAR = picture(1, away=10)
FAR = picture(1, away=55)
HARMLESS = picture(2)


async def blocked(desk, mode: Mode = Mode.REMOVE):
    """An entry of the guild's own bank, blocked by an upload, whose own case is out of the way."""
    await desk.guilds.change(GUILD, mode=mode)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    return (await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")).entry


async def test_a_harmless_picture_leaves_a_sighting_without_its_author(desk):
    await blocked(desk)
    message = await desk.post(HARMLESS)
    async with desk.store.read() as tx:
        (sighting,) = await tx.sightings.by_message(message.message_id)
    assert (sighting.verdict, sighting.message.author_id) == (Verdict.CLEAR, None)
    await desk.settle()
    assert desk.discord.calls == []


async def test_two_copies_make_one_case_with_two_sightings_and_both_go(desk):
    entry = await blocked(desk)
    first, second = await desk.post(ABUSE, author=51), await desk.post(NEAR, author=52)
    await desk.settle()
    assert sorted(desk.discord.deleted) == [first.message_id, second.message_id]
    case = await desk.only_case()
    view = await desk.cases.view(case.id)
    assert (view.sighting_count, view.removed_count) == (2, 2)
    assert {sighting.message.author_id for sighting in view.sightings} == {51, 52}
    assert case.entry_id == entry.id
    assert desk.discord.count(CallKind.POST_CARD) == 1


async def test_a_delete_is_called_for_before_the_card(desk):
    await blocked(desk)
    await desk.post(ABUSE)
    await desk.settle()
    assert desk.discord.calls[0].kind is CallKind.DELETE_MESSAGE


async def test_a_message_with_two_blocked_pictures_is_deleted_once(desk):
    await blocked(desk)
    message = desk.message()
    await desk.see(message, desk.item(message, ABUSE, 0))
    await desk.see(message, desk.item(message, NEAR, 1))
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_seeing_the_same_item_again_changes_nothing(desk):
    await blocked(desk)
    message = desk.message()
    item = desk.item(message, ABUSE)
    await desk.see(message, item)
    await desk.settle()
    before = list(desk.discord.calls)
    await desk.see(message, item)
    await desk.settle()
    assert desk.discord.calls == before
    assert (await desk.cases.view((await desk.only_case()).id)).sighting_count == 1


async def test_what_was_seen_and_what_follows_from_it_are_written_together_or_not_at_all(desk, monkeypatch):
    await blocked(desk)

    async def broken(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(OutboxRows, "put", broken)
    message = desk.message()
    with pytest.raises(ZeroDivisionError):
        await desk.see(message, desk.item(message, ABUSE))
    async with desk.store.read() as tx:
        assert await tx.sightings.by_message(message.message_id) == []
        assert await tx.cases.list(GUILD) == []


async def test_an_observing_guild_gets_a_line_and_nothing_else(desk):
    await blocked(desk, Mode.OBSERVE)
    message = await desk.post(ABUSE)
    await desk.settle()
    (call,) = desk.discord.calls
    assert call.kind is CallKind.LOG_LINE
    assert message.link in call.payload["text"]
    assert "would be removed" in call.payload["text"]


async def test_the_line_about_a_suspected_minor_says_what_to_do_and_no_detail(desk):
    await desk.guilds.change(GUILD, mode=Mode.OBSERVE)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.MINOR_SUSPECTED, source="test")
    message = await desk.post(NEAR)
    await desk.settle()
    (call,) = desk.discord.calls
    assert message.link in call.payload["text"]
    assert "Do not open" in call.payload["text"]
    assert "Report Message" in call.payload["text"]
    assert "bits" not in call.payload["text"]


async def test_a_reviewing_guild_keeps_the_message_until_somebody_confirms(desk):
    await blocked(desk, Mode.REVIEW)
    message = await desk.post(ABUSE)
    await desk.settle()
    assert desk.discord.deleted == []
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_an_unscannable_item_is_kept_with_its_reason(desk):
    message = await desk.post(Unscannable.TOO_MANY_PIXELS)
    async with desk.store.read() as tx:
        assert await tx.sightings.counts(GUILD, desk.now()) == {"unscannable:too_many_pixels": 1}
        (sighting,) = await tx.sightings.by_message(message.message_id)
    assert sighting.unscannable is Unscannable.TOO_MANY_PIXELS


async def test_confirming_a_near_match_lists_the_picture_itself(desk):
    await blocked(desk)
    near = await desk.post(FAR)
    await desk.settle()
    assert desk.discord.deleted == []
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.deleted == [near.message_id]
    again = await desk.post(FAR)
    await desk.settle()
    assert again.message_id in desk.discord.deleted


async def test_confirming_a_match_that_was_too_near_to_a_known_good_picture_lists_it(desk):
    await blocked(desk)
    bank = await desk.banks.own(GUILD, BankKind.KNOWN_GOOD)
    await desk.banks.add(bank, picture(1, away=12), Category.OTHER, source="test")
    shown = picture(1, away=5)
    await desk.post(shown)
    await desk.settle()
    assert desk.discord.deleted == []
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    again = await desk.post(shown)
    await desk.settle()
    assert again.message_id in desk.discord.deleted


async def test_confirming_does_not_list_a_file_twice(desk):
    await blocked(desk)
    await desk.post(FAR)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, FAR, Category.NCII_SYNTHETIC, source="test")
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    assert (await desk.banks.list(GUILD, BankKind.BLOCK))[1] == 2


async def test_not_a_match_teaches_tells_the_author_and_lets_the_picture_stand(desk):
    await blocked(desk)
    await desk.post(NEAR, author=51)
    await desk.settle()
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NOT_A_MATCH)
    await desk.settle()
    assert "it was a mistake" in desk.discord.told(51)[-1]
    again = await desk.post(NEAR)
    original = await desk.post(ABUSE)
    await desk.settle()
    assert again.message_id not in desk.discord.deleted
    assert original.message_id in desk.discord.deleted


async def test_not_a_match_on_the_entry_itself_revokes_it(desk):
    entry = await blocked(desk)
    await desk.post(ABUSE)
    await desk.settle()
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NOT_A_MATCH)
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_at is not None
    kept = await desk.post(NEAR)
    await desk.settle()
    assert kept.message_id not in desk.discord.deleted


async def test_not_a_match_reopens_confirmed_cases_that_it_puts_in_doubt(desk):
    await blocked(desk)
    await desk.post(picture(1, away=20))
    await desk.settle()
    first = await desk.only_case()
    await desk.decisions.decide(first.id, first.version, MODERATOR, Decision.CONFIRM)
    await desk.post(picture(1, away=21))
    await desk.settle()
    async with desk.store.read() as tx:
        second = await tx.cases.find_open(GUILD)
    await desk.decisions.decide(second.id, second.version, MODERATOR, Decision.NOT_A_MATCH)
    view = await desk.cases.view(first.id)
    assert view.case.state is CaseState.OPEN
    assert view.events[-1].kind == "reopened"


async def test_what_a_reopened_case_had_listed_goes_when_it_was_no_match(desk):
    await blocked(desk)
    shown = picture(1, away=50)
    await desk.post(shown)
    first = await desk.only_case()
    await desk.decisions.decide(first.id, first.version, MODERATOR, Decision.CONFIRM)
    async with desk.store.write() as tx:  # as a decision about another case on the same entry does
        await tx.cases.compare_and_set(
            first.id, 2, state=CaseState.OPEN, decision=None, decided_by=None, decided_at=None
        )
    first = (await desk.cases.view(first.id)).case
    decided = await desk.decisions.decide(first.id, first.version, MODERATOR, Decision.NOT_A_MATCH)
    kept = await desk.post(picture(1, away=51))
    await desk.settle()
    assert kept.message_id not in desk.discord.deleted
    await desk.decisions.undo(first.id, decided.version, MODERATOR)
    again = await desk.post(picture(1, away=52))
    await desk.settle()
    assert again.message_id in desk.discord.deleted, "the entry is back as it was before the decision"


async def test_undo_does_not_bring_back_an_entry_that_somebody_else_revoked(desk):
    entry = await blocked(desk)
    await desk.post(ABUSE)
    case = await desk.only_case()
    await desk.banks.revoke(entry.id, guild_id=GUILD, by=OTHER_MODERATOR)
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NOT_A_MATCH)
    await desk.decisions.undo(case.id, decided.version, MODERATOR)
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_by == OTHER_MODERATOR


async def test_undo_gives_back_what_the_decision_took(desk):
    entry = await blocked(desk)
    await desk.post(ABUSE)
    await desk.settle()
    case = await desk.only_case()
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NOT_A_MATCH)
    reopened = await desk.decisions.undo(case.id, decided.version, OTHER_MODERATOR)
    assert (reopened.state, reopened.decision, reopened.decided_by) == (CaseState.OPEN, None, None)
    assert (await desk.banks.show(entry.id, guild_id=GUILD))[0].revoked_at is None
    again = await desk.post(NEAR)
    await desk.settle()
    assert again.message_id in desk.discord.deleted
    kinds = [event.kind for event in (await desk.cases.view(case.id)).events]
    assert kinds.index("not_a_match") < kinds.index("undone")


async def test_undoing_a_confirmation_takes_the_new_entry_back(desk):
    await blocked(desk)
    await desk.post(FAR)
    case = await desk.only_case()
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.decisions.undo(case.id, decided.version, MODERATOR)
    entries, total = await desk.banks.list(GUILD, BankKind.BLOCK)
    assert total == 1
    assert entries[0].fingerprint == ABUSE


async def test_of_two_moderators_one_decides_and_the_other_hears_who(desk):
    await blocked(desk)
    await desk.post(ABUSE)
    case = await desk.only_case()
    results = await asyncio.gather(
        desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM),
        desk.decisions.decide(case.id, case.version, OTHER_MODERATOR, Decision.NOT_A_MATCH),
        return_exceptions=True,
    )
    lost = [result for result in results if isinstance(result, StaleCaseError)]
    won = [result for result in results if not isinstance(result, BaseException)]
    assert (len(lost), len(won)) == (1, 1)
    assert f"<@{won[0].decided_by}> was faster" in str(lost[0])
    decisions = [e.kind for e in (await desk.cases.view(case.id)).events if e.kind in set(Decision)]
    assert decisions == [won[0].decision]


async def test_a_case_that_does_not_exist_is_named(desk):
    with pytest.raises(NotFoundError, match="no case 77"):
        await desk.decisions.decide(77, 1, MODERATOR, Decision.CONFIRM)


async def test_a_call_that_was_given_up_stands_in_the_case_and_on_the_card(desk):
    await blocked(desk)
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError("The bot lacks Manage Messages in #fans.", permanent=True)
    await desk.post(ABUSE)
    await desk.settle()
    view = await desk.cases.view((await desk.only_case()).id)
    assert view.events[-1].kind == "call_failed"
    assert "Manage Messages" in view.events[-1].detail
    assert view.removed_count == 0
    assert desk.discord.calls[-1].kind in {CallKind.POST_CARD, CallKind.EDIT_CARD}


async def test_a_raid_posts_one_card_and_does_not_draw_it_for_every_copy(desk):
    """While a drawing is under way, all that changes meanwhile is shown by one more."""
    await blocked(desk)
    desk.discord.hold = asyncio.Event()
    copies = [await desk.post(ABUSE) for _ in range(30)]
    while len(desk.discord.deleted) < len(copies):  # noqa: ASYNC110 - deletions tell nobody
        await asyncio.sleep(0.01)
    desk.discord.hold.set()
    await desk.settle()
    assert desk.discord.count(CallKind.POST_CARD) == 1
    assert desk.discord.count(CallKind.EDIT_CARD) <= 2
    assert (await desk.cases.view((await desk.only_case()).id)).removed_count == 30


async def test_a_guild_without_a_review_channel_still_removes(desk):
    await blocked(desk)
    await desk.guilds.change(GUILD, review_channel_id=None)
    message = await desk.post(ABUSE)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]
    assert desk.discord.count(CallKind.POST_CARD) == 0


async def test_nobody_decides_about_their_own_message_however_many_copies_there_are(desk):
    await blocked(desk)
    for _ in range(30):
        await desk.post(ABUSE, author=51)
    await desk.post(NEAR, author=MODERATOR)
    case = await desk.only_case()
    with pytest.raises(NotAllowedError, match="yours"):
        await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.NOT_A_MATCH)
    await desk.decisions.decide(case.id, case.version, OTHER_MODERATOR, Decision.CONFIRM)


async def test_cases_from_before_there_was_a_review_channel_get_their_cards(desk):
    await blocked(desk)
    review = (await desk.guilds.get(GUILD)).review_channel_id
    await desk.guilds.change(GUILD, review_channel_id=None)
    await desk.post(FAR)
    await desk.cases.post_missing_cards(await desk.guilds.change(GUILD, review_channel_id=review))
    await desk.settle()
    assert desk.discord.count(CallKind.POST_CARD) == 1
