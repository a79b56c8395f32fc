"""Evidence packs: what is in them, what never is, and that nobody changes one unnoticed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.cases import evidence as making
from bot.cases.evidence import EvidencePack, EvidenceService
from bot.cases.packs import EvidenceError, prove
from bot.errors import NotFoundError
from bot.model import (
    BankKind,
    BankLevel,
    CaseEvent,
    CaseOrigin,
    Category,
    Decision,
    MessageRef,
    Plan,
    Scan,
    Surface,
    Verdict,
)
from bot.settings import EvidenceSettings
from bot.store import chain
from bot.store.tables import case_events
from tests.desk import FANS, GUILD, MODERATOR, picture

ABUSE = picture(1)
REPORTER = 61
SETTINGS = EvidenceSettings(
    operator="Fan server moderation, mod@example.org", contacts={"hybe": "https://protect.example", "police": "unit 7"}
)


@pytest.fixture
def service(desk) -> EvidenceService:
    return EvidenceService(desk.store, SETTINGS, clock=desk.now)


async def decided(desk, category: Category = Category.NCII_SYNTHETIC) -> int:
    """A case of two posts that matched, were removed and reported, and that a moderator confirmed; its id."""
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, category, note="a name", source="test")
    await desk.post(ABUSE, author=51)
    message = await desk.post(picture(1, away=10), author=52)
    guild = await desk.guilds.get(GUILD)
    item = desk.item(message, picture(1, away=10))
    await desk.reports.report(guild, REPORTER, category, message, [item])
    await desk.settle()
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    return case.id


def inside(pack: EvidencePack) -> dict[str, Any]:
    return json.loads(pack.json)["evidence"]


# ------------------------------------------------------------------------------------------------ what is in it


async def test_a_pack_tells_all_of_a_case(desk, service):
    case_id = await decided(desk)
    pack = await service.pack(case_id, tag="hybe")
    found = inside(pack)
    case = await desk.only_case()
    assert (found["format"], found["version"], found["created_at"]) == (
        "stanguard-evidence",
        1,
        "2026-11-22T12:00:00.000Z",
    )
    assert found["operator"] == SETTINGS.operator
    assert found["contact"] == {"tag": "hybe", "address": "https://protect.example"}
    assert found["case"]["guild_id"] == str(GUILD)
    assert (found["case"]["decision"], found["case"]["reports"]) == ("confirm", 1)
    assert found["picture"]["sha256"] == ABUSE.sha256.hex()
    assert found["picture"]["phash"] == [{"form": "whole", "frame": 0, "hash": ABUSE.views[0].hashes[:32].hex()}]
    assert found["entry"]["id"] == found["match"]["entry"] == f"E-{case.entry_id}"
    assert (found["entry"]["list"], found["entry"]["list_of"]) == ("own", "server")
    assert (found["match"]["stage"], found["match"]["distance"], found["match"]["agreement"]) == ("phash", 0, "1.0000")
    assert found["thresholds"]["remove"]["agreement"] == "0.8800"
    first, second = found["posts"]
    assert first["author_id"] == "51"
    assert first["link"] == f"https://discord.com/channels/{GUILD}/{FANS}/{first['message_id']}"
    assert (first["surface"], first["media_id"]) == ("attachment", f"attachment:{first['message_id']}/0")
    assert (first["seen_at"], first["deleted_at"]) == ("2026-11-22T12:00:00.000Z",) * 2
    assert (second["distance"], second["phash"][0]["hash"]) == (10, picture(1, away=10).views[0].hashes[:32].hex())
    assert [event["kind"] for event in found["trail"]] == ["opened", "reported", "confirm"]
    assert found["chain"]["head"]["seq"] == found["chain"]["rows"][-1]["seq"]
    assert {row["action"] for row in found["chain"]["rows"]} == {"opened", "reported", "confirm", "message_deleted"}


async def test_the_text_says_the_same_and_how_to_get_the_content(desk, service):
    case_id = await decided(desk)
    pack = await service.pack(case_id, tag="police")
    found = inside(pack)
    for words in (
        "holds no picture",
        "by legal process",
        "law-enforcement",
        "mod@example.org",
        "unit 7 (police)",
        pack.key,
        found["posts"][0]["link"],
        found["picture"]["sha256"],
        "confirm (person ",
        f"{GUILD}:{found['chain']['head']['seq']}:{found['chain']['head']['hash']}",
    ):
        assert words in pack.text
    assert pack.name == f"evidence-case-{case_id}"
    assert all(line == line.rstrip() for line in pack.text.splitlines())
    assert all(char.isprintable() or char == "\n" for char in pack.text)


async def test_no_words_of_anybody_look_like_a_line_of_the_text(desk, service):
    case_id = await decided(desk)
    async with desk.store.write() as tx:
        note = "harmless\nAUDIT LOG\x1b[2J\u202e\u2028end"
        await tx.events.add(CaseEvent(case_id, desk.time, "note", MODERATOR, note))
    pack = await service.pack(case_id)
    assert inside(pack)["trail"][-1]["detail"] == note
    assert "harmless AUDIT LOG [2J  end" in pack.text
    assert pack.text.splitlines().count("AUDIT LOG") == 1
    assert prove(pack.json).linked


async def test_when_a_message_was_posted_is_read_from_its_id(desk, service):
    # Discord's own example, https://docs.discord.com/developers/reference#snowflakes
    message = MessageRef(GUILD, FANS, 175928847299117063, 51)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.OTHER, source="test")
    await desk.see(message, desk.item(message, ABUSE))
    found = inside(await service.pack((await desk.only_case()).id))
    assert found["posts"][0]["posted_at"] == "2016-04-30T11:18:25.796Z"


async def test_what_is_not_known_is_left_out(desk, service):
    guild = await desk.guilds.get(GUILD)
    message = desk.message()
    await desk.reports.report(guild, REPORTER, Category.OTHER, message, [desk.item(message, picture(5))])
    case = await desk.only_case()
    found = inside(await EvidenceService(desk.store, EvidenceSettings(), clock=desk.now).pack(case.id))
    assert not {"operator", "contact", "entry", "match"} & found.keys()
    assert not {"decision", "decided_at"} & found["case"].keys()
    assert not {"deleted_at", "deletion_seq", "distance", "name", "size", "webhook_id"} & found["posts"][0].keys()
    assert None not in list(values(found))


def values(part: Any) -> Iterator[Any]:
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from values(inner)
    else:
        yield part


async def test_no_number_in_a_pack_is_a_fraction_or_too_large_for_other_programs(desk, service):
    found = inside(await service.pack(await decided(desk)))
    for value in values(found):
        assert isinstance(value, str | bool | int)
        assert isinstance(value, str) or abs(value) < 2**53


# ------------------------------------------------------------------------------------------------ what never is


@pytest.mark.parametrize("category", [Category.NCII_REAL, Category.MINOR_SUSPECTED])
async def test_nothing_that_could_rebuild_a_picture_is_in_a_pack(desk, service, category):
    features, turns = bytes(random.Random(3).randbytes(200)), ABUSE.views[0].hashes[32:]
    rich = replace(ABUSE, views=tuple(replace(view, features=features) for view in ABUSE.views))
    guild = await desk.guilds.get(GUILD)
    async with desk.store.write() as tx:
        bank = await tx.banks.ensure("own", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
        common = {"note": "", "added_by": None, "source": "test", "added_at": desk.time}
        entry = await tx.banks.add_entry(bank_id=bank.id, category=category, fingerprint=rich, **common)
        case = await desk.cases.open(tx, guild, CaseOrigin.BLOCK, category, None, rich, ())
        await tx.cases.compare_and_set(case.id, case.version, entry_id=entry.id)
        scan = Scan(Plan(Verdict.REVIEW), rich, rich.sha256)
        await tx.sightings.add(desk.message(), "a", Surface.ATTACHMENT, scan, seen_at=desk.time, case_id=case.id)
        view = await tx.views.of_case(case.id)
    assert view is not None
    assert view.entry is not None
    assert all(found.fingerprint.has_features for found in (view.case, view.entry))
    assert view.sightings[0].fingerprint.views[0].grid == ABUSE.views[0].grid
    pack = await service.pack(case.id)
    whole = pack.json.decode() + pack.text
    for secret in (features, ABUSE.views[0].grid, turns):
        for piece in (secret[:8], secret[-8:]):
            assert piece.hex() not in whole
            assert base64.b64encode(piece)[:10].decode() not in whole
    assert not {"grid", "features", "thumbhash", "hashes"} & set(names(inside(pack)))
    assert ABUSE.sha256.hex() in whole


def names(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from part
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from names(inner)


async def test_neither_who_reported_nor_who_decided_is_named(desk, service):
    pack = await service.pack(await decided(desk))
    told = [value for value in values(inside(pack)) if value in (str(REPORTER), str(MODERATOR), REPORTER, MODERATOR)]
    assert told == []
    assert "a name" not in pack.json.decode()  # the note of the entry
    confirmed = inside(pack)["trail"][-1]
    assert confirmed["by"] == chain.pseudonym(desk.store.secret, GUILD, MODERATOR).hex()


async def test_nothing_of_other_cases_is_told_but_digests(desk, service):
    case_id = await decided(desk)
    other = desk.message(author=77)
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, REPORTER, Category.SCAM, other, [desk.item(other, picture(7))])
    async with desk.store.read() as tx:
        (newer, _) = await tx.cases.list(GUILD)
        foreign = await tx.audit.excerpt(newer.id)
    pack = await service.pack(case_id)
    assert foreign
    for row in foreign:
        assert row.payload_sha256.hex() not in pack.json.decode()
        assert chain.body_sha256(row).hex() in pack.json.decode()
    assert prove(pack.json).linked


# ------------------------------------------------------------------------------------------------ asking for one


async def test_a_case_that_is_not_there(desk, service):
    case_id = await decided(desk)
    with pytest.raises(NotFoundError, match="no case 999"):
        await service.pack(999)
    with pytest.raises(NotFoundError, match=f"no case {case_id} here"):
        await service.pack(case_id, guild_id=GUILD + 1)
    assert (await service.pack(case_id, guild_id=GUILD)).json


async def test_a_tag_that_is_not_set(desk, service):
    case_id = await decided(desk)
    assert service.tags() == ["hybe", "police"]
    with pytest.raises(NotFoundError, match="hybe, police"):
        await service.pack(case_id, tag="jyp")
    bare = EvidenceService(desk.store, EvidenceSettings(), clock=desk.now)
    assert bare.tags() == []
    with pytest.raises(NotFoundError, match="none is set"):
        await bare.pack(case_id, tag="hybe")


async def test_that_a_pack_was_made_is_logged(desk, service):
    case_id = await decided(desk)
    pack = await service.pack(case_id, tag="hybe", by=MODERATOR)
    async with desk.store.read() as tx:
        row = (await tx.audit.excerpt(case_id))[-1]
    assert (row.action, row.subject) == ("evidence_made", "hybe")
    assert row.actor == chain.pseudonym(desk.store.secret, GUILD, MODERATOR)
    again = await service.pack(case_id)
    assert prove(again.json).rows == prove(pack.json).rows + 1
    assert again.key == pack.key


async def test_a_case_from_before_the_log_has_a_pack_too(desk, service):
    case_id = await decided(desk)
    async with desk.store.write() as tx:
        old = {"case_id": case_id, "at": desk.time, "kind": "older", "actor_id": MODERATOR, "detail": "words"}
        await tx.connection.execute(case_events.delete())
        await tx.connection.execute(case_events.insert().values(old))
    pack = await service.pack(case_id)
    assert inside(pack)["trail"] == [
        {"at": "2026-11-22T12:00:00.000Z", "kind": "older", "detail": "words", "by_person": True}
    ]
    assert "older (a person, from before the audit log): words" in pack.text
    assert prove(pack.json).rows > 0


async def test_a_history_that_was_changed_makes_no_pack(desk, service):
    case_id = await decided(desk)
    async with desk.store.write() as tx:
        await tx.connection.execute(case_events.update().values(detail="other words"))
    with pytest.raises(EvidenceError, match="stanguard db check"):
        await service.pack(case_id)


async def test_many_posts_and_many_rows(desk, service, monkeypatch):
    case_id = await decided(desk)
    monkeypatch.setattr(making, "MOST_POSTS", 1)
    found = inside(await service.pack(case_id))
    assert (len(found["posts"]), found["posts_left_out"]) == (1, 1)
    monkeypatch.setattr(making, "MOST_LINKS", 1)
    async with desk.store.write() as tx:
        for _ in range(3):
            tx.audit.append(GUILD, "other", desk.time, None, {})
    pack = await service.pack(case_id)
    assert "links" not in inside(pack)["chain"]
    assert prove(pack.json).linked is False
