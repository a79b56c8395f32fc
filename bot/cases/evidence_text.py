"""An evidence pack for people to read: the same as its JSON, in plain lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

MOST_POSTS = 200
"""Posts that the text lists; the JSON has them all."""

LEGAL_PROCESS = "https://discord.com/safety/360044157931-working-with-law-enforcement"
_WIDTH = 20
_COLUMNS = 100


def text(evidence: dict[str, Any], key: str) -> str:
    """The text of a pack that was signed with the key of this fingerprint."""
    return "".join(f"{_one_line(line)}\n" for line in _lines(evidence, key))


def _one_line(line: str) -> str:
    """A line in which nothing, such as a note with a line break, looks like another one."""
    return "".join(char if char.isprintable() else " " for char in line).rstrip()


def _lines(evidence: dict[str, Any], key: str) -> Iterator[str]:
    case = evidence["case"]
    yield f"EVIDENCE PACK: CASE {case['id']}"
    yield ""
    yield from textwrap.wrap(evidence["notice"], _COLUMNS)
    yield f"How authorities ask Discord: {LEGAL_PROCESS}"
    yield "The JSON file beside this text is signed; this text is not. Prove it with: stanguard evidence verify FILE"
    yield ""
    contact = evidence.get("contact")
    yield from _fields(
        ("Made", f"{evidence['created_at']} by {evidence['program']}"),
        ("Operator", evidence.get("operator")),
        ("Meant for", contact and f"{contact['address']} ({contact['tag']})"),
        ("Signing key", key),
    )
    yield from _heading("Case")
    yield from _fields(
        ("Server", case["guild_id"]),
        ("Category", case["category"]),
        ("State", _joined(case["state"], case.get("decision"), case.get("decided_at"))),
        ("Opened", f"{case['opened_at']} because of a {case['origin']}"),
        ("Reasons", " ".join(case["reasons"]) or None),
        ("Reports", case["reports"]),
        ("Compared by", case["program"]),
    )
    yield from _pictures(evidence)
    yield from _posts(evidence)
    yield from _trail(evidence)
    yield from _chain(evidence)


def _pictures(evidence: dict[str, Any]) -> Iterator[str]:
    if "picture" in evidence:
        yield from _heading("Picture of the case, by digests alone")
        yield from _fields(*_picture(evidence["picture"]))
    entry, match = evidence.get("entry"), evidence.get("match")
    if entry is not None:
        yield from _heading("Listed picture that it was compared with")
        yield from _fields(
            ("Entry", f"{entry['id']} of the list {entry.get('list', '?')} ({entry.get('list_of', '?')})"),
            ("Category", entry["category"]),
            ("Listed", _joined(entry["added_at"], entry["source"])),
            ("Revoked", entry.get("revoked_at")),
            *_picture(entry["picture"]),
        )
    if match is not None:
        yield from _heading("Comparison")
        yield from _fields(
            ("Nearest entry", match["entry"]),
            ("Found by", match["stage"]),
            ("Bits apart, of 256", match.get("distance")),
            ("Agreement", match.get("agreement")),
            ("Visible", match.get("visible")),
            ("Coverage", match.get("coverage")),
            ("Known-good entry", match.get("known_good")),
            ("Margin to it", _joined(match.get("margin"), match.get("lead"))),
        )


def _picture(picture: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("SHA-256", picture["sha256"] or None),
        ("MD5", picture.get("md5")),
        ("Pixels", f"{picture['width']} x {picture['height']}"),
        ("Frames", picture["frames"]),
        *(("Perceptual hash", view["hash"]) for view in picture["phash"]),
        *(("PDQ hash", pdq) for pdq in picture.get("pdq", ())),
    ]


def _posts(evidence: dict[str, Any]) -> Iterator[str]:
    posts = evidence["posts"]
    left_out = evidence.get("posts_left_out", 0)
    yield from _heading(f"Posts ({len(posts) + left_out})")
    for post in posts[:MOST_POSTS]:
        yield post["link"]
        yield from _fields(
            ("Author", post.get("author_id") or post.get("webhook_id")),
            ("Posted", post["posted_at"]),
            ("Seen", post["seen_at"]),
            ("Deleted", post.get("deleted_at")),
            ("Part of it", _joined(post["surface"], post["media_id"])),
            ("SHA-256", post.get("sha256")),
            ("Bits apart, of 256", post.get("distance")),
            ("Agreement", post.get("agreement")),
        )
    if len(posts) > MOST_POSTS:
        yield f"{len(posts) - MOST_POSTS} more are in the JSON file."
    if left_out:
        yield f"{left_out} more are not in this pack."


def _trail(evidence: dict[str, Any]) -> Iterator[str]:
    yield from _heading("What was decided and done")
    for event in evidence["trail"]:
        who = "the bot"
        if event["by_person"]:
            who = f"person {event['by'][:8]}" if "by" in event else "a person"
        number = f", row {event['seq']}" if "seq" in event else ", from before the audit log"
        detail = f": {event['detail']}" if "detail" in event else ""
        yield f"{event['at']}  {event['kind']} ({who}{number}){detail}"


def _chain(evidence: dict[str, Any]) -> Iterator[str]:
    chain = evidence["chain"]
    head = chain.get("head")
    yield from _heading("Audit log")
    if head is None:
        yield "The server had no audit log when this pack was made."
        return
    yield f"{len(chain['rows'])} rows of this case are in the pack. Head of the server's log when it was made:"
    yield f"{chain['guild_id']}:{head['seq']}:{head['hash']}"


def _heading(title: str) -> Iterable[str]:
    return "", title.upper(), ""


def _fields(*fields: tuple[str, object]) -> Iterator[str]:
    for name, value in fields:
        if value is not None:
            yield f"  {name + ':':<{_WIDTH}} {value}"


def _joined(*parts: object) -> str | None:
    return ", ".join(str(part) for part in parts if part is not None) or None
