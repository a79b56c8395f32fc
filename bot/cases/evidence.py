"""Evidence packs: all that is known of a case, signed, without any picture or thumbnail of one.

What goes in is named here field by field: digests and upright hashes, never a grid, a local feature or a rendering, and
never who reported. People who acted appear as pseudonyms. Nothing is sent anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import __version__
from bot.errors import NotFoundError
from bot.model import PHASH_BYTES, AuditHead, AuditRow, CaseView, Entry, Fingerprint, Match, Sighting, View
from bot.settings import EvidenceSettings
from bot.store import chain
from bot.store.audit import Told
from bot.store.codec import thresholds_to_json
from bot.store.engine import Store, Tx

from . import evidence_text, packs
from .packs import EvidenceError, stamp

MOST_POSTS = 10_000
"""Posts of a case that a pack lists; it says how many it leaves out."""

MOST_LINKS = 50_000
"""Rows of other cases through which a pack proves the way to the head of the chain, by their digests alone."""

NOTICE = (
    "This pack holds no picture, no thumbnail and no part of one. What was posted can be obtained from Discord by "
    "legal process, by the ids in this pack. Deleted messages may not be kept for long, so ask to have them preserved "
    "first."
)
_DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EvidencePack:
    """A pack: the signed JSON, the same for people to read, a name for its files without an ending, and its key."""

    json: bytes
    text: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database holds of a case, read in one transaction."""

    view: CaseView
    posts: Sequence[Sighting]
    told: Sequence[Told]
    rows: Sequence[AuditRow]
    links: Sequence[dict[str, Any]] | None
    head: AuditHead | None


class EvidenceService:
    """Makes evidence packs. The first one makes the installation's signing key."""

    def __init__(self, store: Store, settings: EvidenceSettings, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def tags(self) -> list[str]:
        """Whom a pack can be addressed to, by tag."""
        return sorted(self._settings.contacts)

    async def pack(
        self, case_id: int, *, tag: str | None = None, guild_id: int | None = None, by: int | None = None
    ) -> EvidencePack:
        """The evidence pack of a case, addressed to the contact of ``tag``; that it was made is logged.

        ``guild_id``: the only guild whose cases may be asked for; None for the operator. ``by`` is who asks. Raises
        NotFoundError for a case or tag that does not exist there, and EvidenceError when the audit log is broken.
        """
        if tag is not None and tag not in self._settings.contacts:
            known = f"these are set: {', '.join(self.tags())}" if self._settings.contacts else "none is set"
            raise NotFoundError(f"There is no contact with the tag {tag[:32]}; {known} ([evidence] in config.toml).")
        async with self._store.read() as tx:
            found = await _found(tx, case_id, guild_id)
        seed = await self._store.signing_seed()
        now = self._clock()
        evidence = self._evidence(found, tag, now)
        data = packs.signed(evidence, seed)
        try:
            proven = packs.prove(data)
        except EvidenceError as error:
            raise EvidenceError(
                f"The audit log does not fit case {case_id}, so that no pack is made; run `stanguard db check`."
            ) from error
        async with self._store.write() as tx:
            made = {"case_id": str(case_id), "sha256": hashlib.sha256(data).hexdigest()}
            guild = found.view.case.guild_id
            tx.audit.append(guild, chain.AuditAction.EVIDENCE_MADE, now, by, made, case_id=case_id, subject=tag)
        return EvidencePack(data, evidence_text.text(evidence, proven.key), f"evidence-case-{case_id}", proven.key)

    def _evidence(self, found: _Found, tag: str | None, now: datetime) -> dict[str, Any]:
        view, settings = found.view, self._settings
        case = view.case
        fingerprint = case.fingerprint
        deletions = _deletions(found)
        return _filled(
            format=packs.FORMAT,
            version=packs.VERSION,
            created_at=stamp(now),
            program=f"stanguard {__version__}",
            notice=NOTICE,
            operator=settings.operator,
            contact=None if tag is None else {"tag": tag, "address": settings.contacts[tag]},
            case=_filled(
                id=str(case.id),
                guild_id=str(case.guild_id),
                category=case.category.value,
                origin=case.origin.value,
                state=case.state.value,
                opened_at=stamp(case.opened_at),
                decision=case.decision and case.decision.value,
                decided_at=case.decided_at and stamp(case.decided_at),
                reasons=list(case.reasons),
                program=f"stanguard {case.program_version}",
                reports=view.report_count,
            ),
            picture=fingerprint and _picture(fingerprint),
            entry=None if view.entry is None else _entry(view, view.entry),
            match=case.match and _match(case.match),
            thresholds=_spelled(thresholds_to_json(case.thresholds)),
            posts=[_post(sighting, deletions) for sighting in found.posts],
            posts_left_out=(view.sighting_count - len(found.posts)) or None,
            trail=_trail(found),
            chain=_filled(
                guild_id=str(case.guild_id),
                rows=[_row(row) for row in found.rows],
                links=found.links,
                head=found.head and {"seq": found.head.seq, "hash": found.head.hash.hex()},
            ),
        )


async def _found(tx: Tx, case_id: int, guild_id: int | None) -> _Found:
    view = await tx.views.of_case(case_id)
    if view is None or guild_id not in {None, view.case.guild_id}:
        raise NotFoundError(f"There is no case {case_id} here; it may have been erased after its time.")
    rows = [row for row in await tx.audit.excerpt(case_id) if row.guild_id == view.case.guild_id]
    head = await tx.audit.head(view.case.guild_id)
    return _Found(
        view,
        await tx.sightings.by_case(case_id, limit=MOST_POSTS),
        await tx.audit.told(case_id),
        rows,
        await _links(tx, rows, head),
        head,
    )


async def _links(tx: Tx, rows: Sequence[AuditRow], head: AuditHead | None) -> list[dict[str, Any]] | None:
    """The digests of all other rows from the first of the case to the head; None if they are too many to follow."""
    if not rows or head is None or head.seq - rows[0].seq >= MOST_LINKS + len(rows):
        return None
    own = {row.seq for row in rows}
    links: list[dict[str, Any]] = []
    last = 0
    async for batch in tx.audit.stream(rows[0].guild_id, after=rows[0].seq):
        for row in batch:
            if row.seq in own:
                continue
            if not links or row.seq != last + 1:
                links.append({"seq": row.seq, "bodies": []})
            links[-1]["bodies"].append(chain.body_sha256(row).hex())
            last = row.seq
    return links


def _filled(**values: object) -> dict[str, Any]:
    """An object without the keys of which nothing is known."""
    return {name: value for name, value in values.items() if value is not None}


def _spelled(value: Any) -> Any:  # noqa: ANN401 - values of JSON
    """The same with shares written as text."""
    if isinstance(value, dict):
        return {name: _spelled(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return _share(value) if isinstance(value, float) else value


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _picture(fingerprint: Fingerprint) -> dict[str, Any]:
    """What is told of a picture: digests and hashes, never a grid or a local feature."""
    return _filled(
        sha256=fingerprint.sha256.hex(),
        md5=fingerprint.md5.hex() or None,
        width=fingerprint.width,
        height=fingerprint.height,
        frames=fingerprint.frames,
        phash=[_hash(view) for view in fingerprint.views],
        pdq=[pdq.hex() for pdq in fingerprint.pdq] or None,
        pdq_quality=fingerprint.quality if fingerprint.pdq else None,
    )


def _hash(view: View) -> dict[str, Any]:
    return {"form": view.form.value, "frame": view.frame, "hash": view.hashes[:PHASH_BYTES].hex()}


def _entry(view: CaseView, entry: Entry) -> dict[str, Any]:
    bank = view.bank
    return _filled(
        id=f"E-{entry.id}",
        list=None if bank is None else bank.name,
        list_of=None if bank is None else ("installation" if bank.guild_id is None else "server"),
        category=entry.category.value,
        added_at=stamp(entry.added_at),
        revoked_at=entry.revoked_at and stamp(entry.revoked_at),
        source=entry.source,
        picture=_picture(entry.fingerprint),
    )


def _match(match: Match) -> dict[str, Any]:
    evidence = match.evidence
    return _filled(
        entry=f"E-{match.entry_id}",
        category=match.category.value,
        stage=match.stage.value,
        part=match.part.value,
        orientation=match.orientation.name.lower(),
        inverted=match.inverted,
        distance=match.distance,
        agreement=_share(match.agreement),
        visible=_share(evidence and evidence.visible),
        coverage=_share(evidence and evidence.coverage),
        significance=_share(evidence and evidence.significance),
        inliers=evidence and evidence.inliers,
        known_good=None if match.known_good_id is None else f"E-{match.known_good_id}",
        known_good_distance=match.known_good_distance,
        known_good_agreement=_share(match.known_good_agreement),
        margin=match.margin,
        lead=_share(match.lead),
        frames_matched=match.frames_matched,
        frames_compared=match.frames_compared,
    )


def _post(sighting: Sighting, deletions: dict[bytes, int]) -> dict[str, Any]:
    message, fingerprint = sighting.message, sighting.fingerprint
    payload = chain.deletion_payload(sighting.case_id, message.channel_id, message.message_id)
    return _filled(
        guild_id=str(message.guild_id),
        channel_id=str(message.channel_id),
        message_id=str(message.message_id),
        author_id=_id(message.author_id),
        author_is_bot=message.author_is_bot or None,
        webhook_id=_id(message.webhook_id),
        link=message.link,
        posted_at=stamp(_posted_at(message.message_id)),
        edited=message.edited or None,
        seen_at=stamp(sighting.seen_at),
        deleted_at=sighting.deleted_at and stamp(sighting.deleted_at),
        deletion_seq=deletions.get(chain.digest(payload)) if sighting.deleted_at else None,
        surface=sighting.surface.value,
        media_id=sighting.media_id,
        verdict=sighting.verdict.value,
        unscannable=sighting.unscannable and sighting.unscannable.value,
        sha256=fingerprint and fingerprint.sha256.hex(),
        # The first frame alone: a pack of a raid with animations must stay of a size that can be read.
        phash=fingerprint and [_hash(view) for view in fingerprint.views if view.frame == fingerprint.views[0].frame],
        entry=None if sighting.entry_id is None else f"E-{sighting.entry_id}",
        distance=sighting.distance,
        agreement=_share(sighting.agreement),
        margin=sighting.margin,
    )


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)


def _posted_at(message_id: int) -> datetime:
    """When a message was posted, which its id tells (Discord's API reference, "Snowflakes")."""
    return _DISCORD_EPOCH + timedelta(milliseconds=message_id >> 22)


def _deletions(found: _Found) -> dict[bytes, int]:
    """The rows that tell of a deleted message, by their digests."""
    deleted = chain.AuditAction.MESSAGE_DELETED
    return {row.payload_sha256: row.seq for row in found.rows if row.action == deleted}


def _trail(found: _Found) -> list[dict[str, Any]]:
    rows = {row.event_id: row for row in found.rows if row.event_id is not None}
    return [_event(told, rows.get(told.event_id)) for told in found.told]


def _event(told: Told, row: AuditRow | None) -> dict[str, Any]:
    event = told.event
    known = row is not None and told.salt is not None
    return _filled(
        at=stamp(event.at),
        kind=event.kind,
        detail=event.detail or None,
        by_person=event.actor_id is not None or (row is not None and row.actor is not None),
        by=row and row.actor and row.actor.hex(),
        seq=row.seq if row is not None and known else None,
        event_id=str(told.event_id) if known else None,
        salt=told.salt.hex() if told.salt is not None and known else None,
    )


def _row(row: AuditRow) -> dict[str, Any]:
    return _filled(
        seq=row.seq,
        at=stamp(row.at),
        actor=row.actor and row.actor.hex(),
        action=row.action,
        event_id=_id(row.event_id),
        subject=row.subject,
        payload_sha256=row.payload_sha256.hex(),
        prev=row.prev.hex(),
        hash=row.hash.hex(),
    )
