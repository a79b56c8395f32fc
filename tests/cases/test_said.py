"""What files say about themselves puts a case up in the queue, and changes nothing else for anybody."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import pytest
import sqlalchemy as sa

from bot import policy
from bot.cases import said
from bot.cases.priority import SIGNAL
from bot.matching.query import Query
from bot.media.errors import MediaError
from bot.model import (
    MOST_SIGNALS,
    BankKind,
    BankLevel,
    CaseOrigin,
    Category,
    Mode,
    Plan,
    Signal,
    SignalKind,
    SignalSource,
    Unscannable,
    Weight,
)
from bot.store import tables
from cogs.ui.cards import card
from tests.desk import GUILD, MODERATOR, picture

ABUSE = picture(1)
NEAR = picture(1, away=50)
HARMLESS = picture(2)
COMFYUI = Signal(SignalKind.AI_MADE, SignalSource.PNG_TEXT, "ComfyUI")
CAMERA = Signal(SignalKind.CAMERA, SignalSource.EXIF, "Canon")
SIGNED = Signal(SignalKind.AI_EDITED, SignalSource.C2PA, signed=True)
ALL = tuple(Signal(kind, source) for kind in SignalKind for source in SignalSource)


async def listed(desk, category: Category = Category.NCII_SYNTHETIC):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, category, source="test")
    await desk.banks.refresh()


async def weights(desk) -> dict[Weight, int]:
    return {part.weight: part.points for part in (await desk.only_case()).priority}


async def report(desk, shown, message=None, reporter=60, category=Category.NCII_SYNTHETIC):
    guild = await desk.guilds.get(GUILD)
    item = desk.item(message or desk.message(), shown)
    return await desk.reports.report(guild, reporter, category, message, [item])


async def dump(desk) -> str:
    """Everything in the database, as text."""
    rows = []
    async with desk.store.read() as tx:
        for table in tables.metadata.sorted_tables:
            rows += [repr(tuple(row)) for row in await tx.cases._all(sa.select(table))]
    return "\n".join(rows)


async def test_the_signals_of_a_match_stand_with_its_case_and_weigh(desk):
    await listed(desk)
    desk.media.signals[NEAR] = (COMFYUI, CAMERA)
    await desk.post(NEAR)
    assert (await desk.only_case()).signals == (COMFYUI, CAMERA)
    assert (await weights(desk))[Weight.SIGNALS] == SIGNAL


@pytest.mark.parametrize("as_upload", [False, True])
async def test_the_signals_of_a_reported_picture_stand_with_its_case(desk, as_upload):
    desk.media.signals[HARMLESS] = (SIGNED,)
    await report(desk, HARMLESS, None if as_upload else await desk.post(HARMLESS))
    case = await desk.only_case()
    assert (case.origin, case.signals) == (CaseOrigin.REPORT, (SIGNED,))
    assert (await weights(desk))[Weight.SIGNALS] == SIGNAL


async def test_a_camera_and_a_program_weigh_nothing(desk):
    desk.media.signals[HARMLESS] = (CAMERA, Signal(SignalKind.SOFTWARE, SignalSource.XMP, "GIMP"))
    await report(desk, HARMLESS, await desk.post(HARMLESS))
    assert len((await desk.only_case()).signals) == 2
    assert Weight.SIGNALS not in await weights(desk)


async def test_further_files_of_a_case_add_what_is_news(desk):
    await listed(desk)
    desk.media.signals |= {NEAR: (CAMERA,), picture(1, away=52): (COMFYUI, CAMERA), picture(1, away=48): ()}
    for shown in (NEAR, picture(1, away=52), picture(1, away=48)):
        await desk.post(shown)
    assert (await desk.only_case()).signals == (COMFYUI, CAMERA)
    assert (await weights(desk))[Weight.SIGNALS] == SIGNAL


async def test_a_case_keeps_no_more_than_a_file_does_and_those_of_models_first(desk):
    await listed(desk)
    desk.media.signals |= {NEAR: ALL[10:18], picture(1, away=52): ALL[:8]}
    await desk.post(NEAR)
    await desk.post(picture(1, away=52))
    assert (await desk.only_case()).signals == ALL[:MOST_SIGNALS]


async def test_signals_that_are_known_change_nothing(desk):
    await listed(desk)
    desk.media.signals[NEAR] = (COMFYUI,)
    await desk.post(NEAR)
    case = await desk.only_case()
    async with desk.store.write() as tx:
        assert await said.note(tx, case, (COMFYUI,), desk.now()) is case
        changed = await said.note(tx, case, (CAMERA,), desk.now())
    assert changed.signals == (COMFYUI, CAMERA)
    assert changed.version == (await desk.only_case()).version == case.version


async def test_of_a_picture_without_a_case_nothing_is_kept(desk):
    await listed(desk)
    desk.media.signals |= {HARMLESS: (COMFYUI,), picture(3): (replace(COMFYUI, tool="Midjourney"),)}
    await desk.post(HARMLESS)
    await desk.guilds.change(GUILD, mode=Mode.OBSERVE)
    desk.media.signals[NEAR] = (replace(COMFYUI, tool="Fooocus"),)
    await desk.post(NEAR)
    kept = await dump(desk)
    assert "ComfyUI" not in kept
    assert "Fooocus" not in kept
    await desk.guilds.change(GUILD, mode=Mode.REMOVE)
    await report(desk, HARMLESS, await desk.post(HARMLESS))
    assert (await dump(desk)).count("ComfyUI") == 1


async def test_a_file_that_is_remembered_says_what_it_said(desk):
    await listed(desk)
    message = desk.message()
    item = desk.item(message, NEAR)
    desk.media.signals[NEAR] = (COMFYUI,)
    guild = await desk.guilds.get(GUILD)
    first = await desk.scanner.scan(item, guild)
    desk.media.signals.clear()
    assert (await desk.scanner.scan(item, guild)).signals == first.signals == (COMFYUI,)


async def test_a_plain_and_a_damaged_picture_say_it_too(desk, monkeypatch):
    plain = picture(5, plain=True)
    desk.media.signals[plain] = (COMFYUI,)
    guild = await desk.guilds.get(GUILD)
    scan = await desk.scanner.scan(desk.item(desk.message(), plain), guild)
    assert (scan.unscannable, scan.signals) == (Unscannable.TOO_PLAIN, (COMFYUI,))

    async def partly(data, wanted, *, ahead=False):
        raise MediaError(Unscannable.BROKEN, partial=Query(HARMLESS, signals=(SIGNED,)))

    monkeypatch.setattr(desk.media, "query", partly)
    scan = await desk.scanner.scan(desk.item(desk.message(), HARMLESS), guild)
    assert (scan.unscannable, scan.signals) == (Unscannable.BROKEN, (SIGNED,))


SAID = [
    (),
    (COMFYUI,),
    (SIGNED,),
    (CAMERA,),
    (replace(CAMERA, source=SignalSource.C2PA, signed=True),),
    ALL[:MOST_SIGNALS],
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("level", [BankLevel.REVIEW, BankLevel.REMOVE])
async def test_plans_are_the_same_whatever_files_say(desk, mode, level):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")
    await desk.banks.set_level(GUILD, level, by=MODERATOR)
    guild = await desk.guilds.change(GUILD, mode=mode)
    shown = [picture(seed, away=away) for seed, away in ((1, 0), (1, 10), (1, 50), (2, 0))]
    for fingerprint in shown:
        plans: list[Plan] = []
        for signals in SAID:
            desk.media.signals[fingerprint] = signals
            scan = await desk.scanner.scan(desk.item(desk.message(), fingerprint), guild)
            assert scan.signals == signals
            plans.append(scan.plan)
        assert plans.count(plans[0]) == len(SAID)


@pytest.mark.parametrize("signals", SAID)
async def test_what_is_removed_is_the_same_whatever_files_say(desk, signals):
    await listed(desk)
    posted = []
    for shown in (picture(1, away=10), NEAR, HARMLESS):
        desk.media.signals[shown] = signals
        posted.append(await desk.post(shown))
    await desk.settle()
    assert desk.discord.deleted == [posted[0].message_id]


def test_policy_does_not_know_of_signals():
    assert "signal" not in inspect.getsource(policy).lower()
    assert not any("ignal" in name for name in policy.Facts.__dataclass_fields__)


async def test_a_suspected_minors_card_says_nothing_of_it(desk):
    await listed(desk, Category.MINOR_SUSPECTED)
    desk.media.signals[NEAR] = (COMFYUI,)
    await desk.post(NEAR)
    case = await desk.only_case()
    assert case.signals == (COMFYUI,)
    view = await desk.cases.view(case.id)
    guild = await desk.guilds.get(GUILD)
    for server in (guild, replace(guild, child_safety_channel_id=77)):
        for details in (False, True):
            assert "ComfyUI" not in json.dumps(card(view, server, details=details).to_components())
