"""What several tests of reports do: a member reports, and a member gets a standing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from bot.model import (
    BankKind,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    Fingerprint,
    MediaRef,
    MessageRef,
    Surface,
    Thresholds,
)
from bot.reports.service import ReportAnswer, ReportService
from bot.settings import ReportSettings
from tests.desk import GUILD, MODERATOR, Desk, picture

ABUSE = picture(1)
COPY = picture(1, away=9)
OTHER = picture(2)


@dataclass(frozen=True)
class File:
    """A file of which every copy is the very same bytes."""

    data: bytes
    fingerprint: Fingerprint

    @classmethod
    def of(cls, shown: Fingerprint) -> File:
        data = b"file " + shown.sha256
        return cls(data, replace(shown, sha256=hashlib.sha256(data).digest()))


def limit(desk: Desk, **limits: int) -> None:
    """Let members and the server report no more than this."""
    desk.reports = ReportService(
        desk.store, desk.scanner, desk.cases, desk.outbox, ReportSettings(**limits), clock=desk.now
    )


def item_of(desk: Desk, message: MessageRef, shown: Fingerprint | File, number: int = 0) -> MediaRef:
    if not isinstance(shown, File):
        return desk.item(message, shown, number)
    item = desk.item(message, shown.fingerprint, number)
    desk.media.contents[item.url] = shown.data
    return item


async def report(
    desk: Desk, message: MessageRef | None, shown, reporter: int = 60, category=Category.NCII_SYNTHETIC, **more
) -> ReportAnswer:
    """A member reports a picture, several, or the upload of one."""
    guild = await desk.guilds.get(GUILD)
    pictures = shown if isinstance(shown, list) else [shown]
    if message is None:
        upload = desk.message()
        media = [replace(item_of(desk, upload, one, at), surface=Surface.COMMAND) for at, one in enumerate(pictures)]
    else:
        media = [item_of(desk, message, one, at) for at, one in enumerate(pictures)]
    return await desk.reports.report(guild, reporter, category, message, media, **more)


async def post(desk: Desk, shown: Fingerprint | File, author: int = 50) -> MessageRef:
    """A member posts a picture, and the bot sees it."""
    message = desk.message(author)
    await desk.see(message, item_of(desk, message, shown))
    return message


async def know_good(desk: Desk, shown: File | Fingerprint) -> int:
    """Moderators say that a picture is official; the number of its entry."""
    bank = await desk.banks.own(GUILD, BankKind.KNOWN_GOOD)
    fingerprint = shown.fingerprint if isinstance(shown, File) else shown
    return (await desk.banks.add(bank, fingerprint, Category.OTHER, source="test")).entry.id


async def decide(desk: Desk, decision: Decision, case_id: int | None = None):
    """A moderator decides the only case, or this one."""
    case = await desk.only_case() if case_id is None else (await desk.cases.view(case_id)).case
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, decision)
    await desk.settle()
    return decided


async def trust(desk: Desk, *members: int) -> None:
    """Give members the standing of somebody who was right four times, in cases that hold nothing else."""
    async with desk.store.write() as tx:
        for _ in range(4):
            case = await tx.cases.open(
                guild_id=GUILD,
                category=Category.OTHER,
                origin=CaseOrigin.BLOCK,
                opened_at=desk.now(),
                entry_id=None,
                match=None,
                thresholds=Thresholds(),
                program_version="test",
                fingerprint=None,
            )
            for member in members:
                await tx.reports.add(
                    case_id=case.id, guild_id=GUILD, reporter_id=member, category=Category.OTHER, at=desk.now()
                )
            await tx.cases.compare_and_set(
                case.id,
                case.version,
                state=CaseState.CLOSED,
                decision=Decision.CONFIRM,
                decided_by=MODERATOR,
                decided_at=desk.now(),
                decision_number=1,
            )


async def open_cases(desk: Desk):
    async with desk.store.write() as tx:
        return await tx.cases.open_cases(GUILD)


async def kinds(desk: Desk, case_id: int) -> list[str]:
    """The history of a case, by the kinds of its events."""
    return [event.kind for event in (await desk.cases.view(case_id)).events]
