"""How the texts look that generators of pictures write. Nothing of them is kept but which generator it was."""

from __future__ import annotations

import re

from bot.model import Signal, SignalKind, SignalSource

from . import names

_PARAMETERS = re.compile(r"(?:^|[\s,])Steps: \d{1,5}, (?:[^\n]{0,400}, )?(?:Sampler|CFG scale|Seed|Size|Model): ")
"""The last line of what Stable Diffusion WebUI writes, and the many programs that write it as it does."""

_DREAM = re.compile(r"-s ?\d{1,4} .{0,40}-S ?\d{1,12}")
"""The command line that early versions of InvokeAI kept."""

_JOB = re.compile(r"Job ID: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEYWORDS = {
    "invokeai_metadata": names.INVOKEAI,
    "invokeai_graph": names.INVOKEAI,
    "invokeai_workflow": names.INVOKEAI,
    "sd-metadata": names.INVOKEAI,
    "fooocus_scheme": names.FOOOCUS,
    "use_stable_diffusion_model": names.EASY_DIFFUSION,
}
_LABELS = ("prompt:", "workflow:")
"""What ComfyUI puts before its JSON in a field of EXIF."""


def text(keyword: str, value: str) -> Signal | None:
    """What a text chunk of a PNG says."""
    source = SignalSource.PNG_TEXT
    key = keyword.lower()
    tool = _KEYWORDS.get(key) or generator(value)
    if key == "dream" and _DREAM.search(value):
        tool = names.INVOKEAI
    if tool is not None:
        return Signal(SignalKind.AI_MADE, source, tool)
    return field(value, source) if key in ("software", "source", "creator tool", "creatortool") else None


def field(value: str, source: SignalSource) -> Signal | None:
    """What a field says that names a program."""
    known = names.program(value)
    return None if known is None else Signal(known.kind, source, known.name)


def credit(value: str) -> Signal | None:
    """What a line of credit says. Most name people, so that no program counts but those that sign pictures so."""
    found = field(value, SignalSource.IPTC)
    return found if found is not None and found.tool in names.CREDITED else None


def generator(value: str) -> str | None:
    """Whose generated picture a free text belongs to; empty if that is all it tells, None if it tells nothing."""
    if _JOB.search(value):
        return names.MIDJOURNEY
    if value[: len("workflow:")].lower().startswith(_LABELS):
        value = value.partition(":")[2]
    head = value.lstrip()[:1]
    return _json(value) if head == "{" else _lines(value)


def _lines(value: str) -> str | None:
    return names.WEBUI if _PARAMETERS.search(value) else None


def _json(value: str) -> str | None:
    """By keys alone: a text is read up to a length, so that it seldom is whole."""
    if '"class_type"' in value or ('"nodes"' in value and '"last_node_id"' in value):
        return names.COMFYUI
    if '"sui_image_params"' in value:
        return names.SWARMUI
    if '"metadata_scheme"' in value or '"Fooocus' in value:
        return names.FOOOCUS
    sampled = ('"steps"' in value or '"Steps"' in value) and ('"sampler"' in value or '"Sampler"' in value)
    if not sampled:
        return None
    return names.NOVELAI if '"uc"' in value else ""
