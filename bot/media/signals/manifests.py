"""C2PA manifests, where c2pa-python is installed (the extra ``provenance``). Nothing is ever fetched for one.

A manifest is signed by whoever wrote it, which may be anybody: nobody is trusted here. Its reader is native code that
is given a file of somebody's choice, so it runs apart from the decoding, and what it does to its process costs the
statement and not the picture: see :meth:`bot.media.sandbox.Sandbox.query`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from types import ModuleType
from typing import Any, cast

from bot.media.errors import MediaError
from bot.media.formats import sniff
from bot.model import Signal, SignalKind, SignalSource, together

from . import iptc, names

SETTINGS: dict[str, dict[str, object]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    # Identities can name a document on the web that says whose they are, and nothing is asked there either.
    "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
}

MOST_JSON = 1 << 22
"""Characters of a manifest store, as its reader tells it, that are looked into."""

MOST_ACTIONS = 256
MOST_PARENTS = 8
"""Manifests of earlier versions of the picture that are gone back to."""

_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "MP4": "video/mp4",
}
_FITS = frozenset({"Valid", "Trusted"})
_FETCHES = "Remote"


@cache
def readable() -> bool:
    """Whether c2pa-python is there, which the extra ``provenance`` installs."""
    return find_spec("c2pa") is not None


def prepare() -> None:
    """Load the reader, where it is installed: a process with limits may not be able to."""
    if readable():
        with suppress(ImportError, OSError, RuntimeError):  # one that is broken must not hold up decoding
            _library()


def read(data: bytes) -> tuple[Signal, ...]:
    """What the manifest of a file says. Nothing, of one that cannot be read; never raises but for a lack of memory."""
    try:
        kind = _TYPES[sniff(data)]
    except (MediaError, KeyError):
        return ()
    c2pa = _library()
    try:
        reader = c2pa.Reader.try_create(kind, BytesIO(data), context=_context())
        if reader is None:
            return ()
        with reader:
            text = reader.json()
        return together(_said(json.loads(text))) if len(text) <= MOST_JSON else ()
    except c2pa.C2paError as error:
        elsewhere = str(error).startswith(_FETCHES)
        return (Signal(SignalKind.REMOTE, SignalSource.C2PA),) if elsewhere else ()
    except Exception:  # noqa: BLE001 - whatever shape a manifest has that its standard does not know
        return ()


def _library() -> ModuleType:  # it declares no types of its own
    return import_module("c2pa")


@cache
def _context() -> object:
    return _library().Context.from_dict(SETTINGS)


def _said(store: Mapping[str, Any]) -> Iterator[Signal]:
    """What the actions of the picture's own manifest say, and those of the versions that it was made from."""
    signed = store.get("validation_state") in _FITS
    manifests = cast("Mapping[str, Mapping[str, Any]]", store["manifests"])
    label = store.get("active_manifest")
    seen: set[object] = set()
    while label in manifests and label not in seen and len(seen) < MOST_PARENTS:
        seen.add(label)
        manifest = manifests[str(label)]
        yield from _actions(manifest, signed=signed)
        label = next(
            (
                ingredient.get("active_manifest")
                for ingredient in manifest.get("ingredients", ())
                if ingredient.get("relationship") == "parentOf"
            ),
            None,
        )


def _actions(manifest: Mapping[str, Any], *, signed: bool) -> Iterator[Signal]:
    author = _generator(manifest)
    for assertion in manifest.get("assertions", ()):
        if not str(assertion.get("label", "")).startswith("c2pa.actions"):
            continue
        for action in assertion["data"]["actions"][:MOST_ACTIONS]:
            kind = iptc.source_type(str(action.get("digitalSourceType", "")))
            if kind is not None:
                tool = _name(action.get("softwareAgent"), kind) or _name(author, kind)
                yield Signal(kind, SignalSource.C2PA, tool, signed=signed)


def _generator(manifest: Mapping[str, Any]) -> object:
    infos = manifest.get("claim_generator_info") or ()
    return infos[0] if infos else manifest.get("claim_generator")


def _name(agent: object, kind: SignalKind) -> str:
    """The name on the list of a program, given as a text or as an object with one."""
    if isinstance(agent, Mapping):
        agent = cast("Mapping[str, object]", agent).get("name")
    if not isinstance(agent, str):
        return ""
    if kind is SignalKind.CAMERA:
        return names.maker(agent) or ""
    known = names.program(agent)
    return "" if known is None else known.name
