"""What authors of removed messages are told, each thing once.

Who is told what hangs on the number of the decision (0: only the machine acted), which the keys of the calls carry:
``told:`` of a removal or a decision, ``back:`` that it was taken back, ``expired:`` that nobody decided, ``appeal:``
how an appeal was answered. A warning is told by its sanction's own key. An author who heard of the automatic removal
hears nothing of a mere confirmation, and whoever appealed hears how that ended, in place of everything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from bot.model import (
    Appeal,
    AppealOutcome,
    Call,
    Case,
    CaseState,
    Decision,
    GuildSettings,
    Sanction,
    SanctionKind,
    SanctionState,
    Sighting,
)
from bot.store.engine import Tx

from . import calls, sanctions
from . import notice_texts as texts
from .clusters import MOST_SIGHTINGS
from .notice_texts import Posted

Copies = Mapping[int, Sequence[Sighting]]
"""What each member posted of a case."""


# --------------------------------------------------------------------------------------------- what happened


async def removed(
    tx: Tx, case: Case, guild: GuildSettings, message_id: int, at: datetime, *, held: bool = False
) -> None:
    """Tell the author of a message that it is gone: once for each case, decision and author, however many copies.

    ``held``: it went because members reported it, whatever it may match.
    """
    if not guild.tell_authors:
        return
    told: set[int] = set()
    for sighting in await tx.sightings.by_message(message_id):
        author = sighting.message.member_id
        if author is None or sighting.case_id is None or sighting.case_id in told:
            continue
        told.add(sighting.case_id)
        # A copy that was moved meanwhile belongs to the other case.
        own = case if sighting.case_id == case.id else await tx.cases.get(sighting.case_id)
        if own is None or own.decision_number in (await _heard(tx, own, {author: [sighting]}))[author]:
            continue
        text = texts.removed(own, Posted.of([sighting]), at, seen_at=sighting.seen_at, held=held)
        final = own.state is CaseState.EXPIRED or (own.decision is not None and own.decision.mistaken)
        await tx.outbox.put([_tell(own, author, text, appealable=not final)], at)


async def decided(tx: Tx, case: Case, guild: GuildSettings, ordered: Sequence[Sanction], at: datetime) -> None:
    """Answer every open appeal, and tell authors what a person decided, with the sanctions of this very decision.

    Those whose messages still stand hear it when these are gone. What is told here precedes the sanctions in a member's
    lane of the outbox, if they are carried out after it.
    """
    if case.decision is None or case.decision is Decision.DUPLICATE:
        return
    copies = _by_author(await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS))
    outcome = AppealOutcome.OVERTURNED if case.decision.mistaken else AppealOutcome.UPHELD
    answered = await _answer(tx, case, outcome, case.decided_by, at)
    lifted = [] if case.decision is Decision.CONFIRM else await _lifted(tx, case, case.decision_number - 1)
    penalties = {sanction.user_id: sanction for sanction in ordered}
    pending = [_warning(case, one, copies) for one in ordered if one.kind is SanctionKind.WARN]
    pending += [_answer_call(case, appeal, copies, penalties, lifted) for appeal in answered]
    if guild.tell_authors:
        heard = await _heard(tx, case, copies)
        if case.decision is Decision.CONFIRM:
            pending += _confirmed(case, copies, penalties, heard)
        else:
            pending += _restored(case, copies, lifted, heard)
    await tx.outbox.put(pending, at)


async def upheld(tx: Tx, case: Case, by: int, at: datetime) -> None:
    """Answer every open appeal: another moderator looked at it, and the decision stays."""
    copies = _by_author(await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS))
    penalties = {one.user_id: one for one in await sanctions.of_decision(tx, case, case.decision_number)}
    pending: list[Call] = []
    for appeal in await _answer(tx, case, AppealOutcome.UPHELD, by, at):
        mine = copies.get(appeal.author_id, ())
        if in_favour(case, mine):
            text = texts.appeal_granted(case, Posted.of(mine), ())
        else:
            text = texts.appeal_upheld(case, Posted.of(mine), penalties.get(appeal.author_id))
        pending.append(_tell(case, appeal.author_id, text, key=f"appeal:{appeal.id}"))
    await tx.outbox.put(pending, at)


async def taken_back(tx: Tx, case: Case, at: datetime) -> None:
    """Tell those who heard of a decision that it was taken back. ``case`` is as it was decided.

    To be called after the sanctions were lifted. What nobody has read yet is not sent at all.
    """
    if case.decision is None or case.decision is Decision.DUPLICATE:
        return
    number = case.decision_number
    copies = _by_author(await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS))
    ordered: defaultdict[int, list[Sanction]] = defaultdict(list)
    for one in await sanctions.of_decision(tx, case, number):
        ordered[one.user_id].append(one)
    appellants = {appeal.author_id for appeal in await tx.appeals.by_case(case.id) if _answered_by(case, appeal)}
    keys = {_told(case.id, number, author): author for author in {*copies, *ordered, *appellants}}
    keys |= {f"{sanctions.ORDERED}{one.id}": one.user_id for ones in ordered.values() for one in _warnings(ones)}
    heard = set(appellants)
    for key in await tx.outbox.written(list(keys)):
        if not await tx.outbox.cancel(key):
            heard.add(keys[key])
    pending = [
        _tell(
            case,
            author,
            texts.taken_back(Posted.of(copies.get(author, ())), ordered[author]),
            key=f"back:{case.id}:{number}:{author}",
        )
        for author in sorted(heard)
    ]
    await tx.outbox.put(pending, at)


async def expired(tx: Tx, case: Case, guild: GuildSettings, at: datetime) -> None:
    """Tell the authors of removed messages that nobody decided about them in time, which grants their appeals.

    In the lane of suspected minors only those who appealed hear it: nobody found the others innocent, and where the
    matter goes on is not for the bot to say.
    """
    copies = _by_author(await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS))
    pending: list[Call] = []
    answered: set[int] = set()
    for appeal in await _answer(tx, case, AppealOutcome.OVERTURNED, None, at):
        answered.add(appeal.author_id)
        text = texts.appeal_expired(Posted.of(copies.get(appeal.author_id, ())))
        pending.append(_tell(case, appeal.author_id, text, key=f"appeal:{appeal.id}"))
    for author, mine in copies.items():
        gone = _gone(mine)
        if gone and guild.tell_authors and author not in answered and not case.in_lane:
            key = f"expired:{case.id}:{case.decision_number}:{author}"
            pending.append(_tell(case, author, texts.expired(Posted.of(gone)), key=key))
    await tx.outbox.put(pending, at)


# --------------------------------------------------------------------------------------------- who


def in_favour(case: Case, mine: Sequence[Sighting]) -> bool:
    """Whether the decision on a case is in favour of a member who posted these: a mistake, or all of it left out."""
    if case.decision is None:
        return False
    return case.decision.mistaken or (bool(mine) and all(one.excepted_by is not None for one in mine))


def _by_author(sightings: Iterable[Sighting]) -> dict[int, list[Sighting]]:
    copies: defaultdict[int, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        author = sighting.message.member_id
        if author is not None:
            copies[author].append(sighting)
    return dict(sorted(copies.items()))


def _gone(mine: Sequence[Sighting]) -> list[Sighting]:
    """What was removed and not left out of the decision."""
    return [one for one in mine if one.deleted_at is not None and one.excepted_by is None]


async def _heard(tx: Tx, case: Case, copies: Copies) -> dict[int, set[int]]:
    """Of which decisions on a case, by their numbers, each author heard; 0: of the automatic removal."""
    keys = {_told(case.id, number, author): (author, number) for author in copies for number in _numbers(case)}
    for author, mine in copies.items():
        keys |= {_told(one.moved_from, 0, author): (author, 0) for one in mine if one.moved_from is not None}
    heard: dict[int, set[int]] = {author: set() for author in copies}
    for key in await tx.outbox.written(list(keys)):
        author, number = keys[key]
        heard[author].add(number)
    for one in _warnings(await tx.sanctions.by_case(case.id)):
        if one.user_id in heard:
            heard[one.user_id].add(one.decision_number)
    for appeal in await tx.appeals.by_case(case.id):
        if appeal.author_id in heard and appeal.outcome is not None:
            earlier = max(1, case.decision_number - 1)
            heard[appeal.author_id].add(case.decision_number if _answered_by(case, appeal) else earlier)
    return heard


def _answered_by(case: Case, appeal: Appeal) -> bool:
    """Whether the decision on a case, or an appeal against it, answered this appeal."""
    return appeal.answered_at is not None and case.decided_at is not None and appeal.answered_at >= case.decided_at


def _numbers(case: Case) -> Iterable[int]:
    return range(case.decision_number + 1)


def _warnings(ordered: Iterable[Sanction]) -> list[Sanction]:
    return [one for one in ordered if one.kind is SanctionKind.WARN]


async def _lifted(tx: Tx, case: Case, number: int) -> list[Sanction]:
    """The sanctions of an earlier decision that this one ended."""
    ended = (SanctionState.LIFTING, SanctionState.LIFTED)
    return [
        one
        for one in await sanctions.of_decision(tx, case, number)
        if one.state in ended or (one.state is SanctionState.DONE and not one.kind.lasting)
    ]


async def _answer(tx: Tx, case: Case, outcome: AppealOutcome, by: int | None, at: datetime) -> list[Appeal]:
    """Answer the open appeals of a case and of its duplicates, whose copies are decided with it."""
    answered: list[Appeal] = []
    for case_id in (case.id, *await tx.cases.duplicates_of(case.id)):
        answered += await tx.appeals.answer(case_id, outcome, by, at)
    return answered


# --------------------------------------------------------------------------------------------- calls


def _told(case_id: int, number: int, author: int) -> str:
    return f"told:{case_id}:{number}:{author}"


def _tell(case: Case, author: int, text: str, *, key: str | None = None, appealable: bool = False) -> Call:
    key = key or _told(case.id, case.decision_number, author)
    return calls.notify(author, text, key=key, case=case, appealable=appealable)


def _warning(case: Case, sanction: Sanction, copies: Copies) -> Call:
    """A warning is the notice of the decision, told even where authors are told nothing else: it was ordered."""
    text = texts.confirmed(case, Posted.of(copies.get(sanction.user_id, ())), sanction)
    return _tell(case, sanction.user_id, text, key=f"{sanctions.ORDERED}{sanction.id}", appealable=True)


def _answer_call(
    case: Case, appeal: Appeal, copies: Copies, penalties: Mapping[int, Sanction], lifted: Collection[Sanction]
) -> Call:
    """How the decision answers an appeal."""
    author = appeal.author_id
    mine = copies.get(author, ())
    key = f"appeal:{appeal.id}"
    if in_favour(case, mine):
        ended = [one for one in lifted if one.user_id == author]
        return _tell(case, author, texts.appeal_granted(case, Posted.of(mine), ended), key=key)
    text = texts.appeal_refused(case, Posted.of(mine), penalties.get(author))
    return _tell(case, author, text, key=key, appealable=True)


def _confirmed(
    case: Case, copies: Copies, penalties: Mapping[int, Sanction], heard: Mapping[int, set[int]]
) -> list[Call]:
    pending: list[Call] = []
    for author, mine in copies.items():
        gone, sanction = _gone(mine), penalties.get(author)
        if case.decision_number in heard[author]:
            continue
        if sanction is not None:
            text = texts.confirmed(case, Posted.of(mine), sanction)
        elif gone and heard[author] != {0}:
            text = texts.confirmed(case, Posted.of(gone), None)
        elif in_favour(case, mine) and any(one.deleted_at is not None for one in mine):
            pending.append(_tell(case, author, texts.restored(case, Posted.of(mine))))
            continue
        else:
            continue
        pending.append(_tell(case, author, text, appealable=True))
    return pending


def _restored(case: Case, copies: Copies, lifted: Collection[Sanction], heard: Mapping[int, set[int]]) -> list[Call]:
    """To those whose messages were removed, or who were sanctioned, by mistake."""
    pending: list[Call] = []
    for author, mine in copies.items():
        gone = [one for one in mine if one.deleted_at is not None]
        ended = [one for one in lifted if one.user_id == author]
        if (gone or ended) and case.decision_number not in heard[author]:
            pending.append(_tell(case, author, texts.restored(case, Posted.of(gone), ended)))
    return pending
