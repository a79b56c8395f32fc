"""Files that say something about themselves, as generators, editors and cameras write it. All of them are made here."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from functools import cache

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.model import Signal, SignalKind, SignalSource

from .pictures import encoded, picture

SMALL = (72, 56)
WORDS = "a portrait of somebody whose name nobody should read"
"""What stands for a prompt: it must not be found anywhere afterwards."""

PARAMETERS = (
    f"{WORDS}\nNegative prompt: blurry, watermark\n"
    "Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234567, Size: 512x768, Model hash: 6ce0161689, Model: x"
)
PROMPT = json.dumps(
    {
        "3": {"inputs": {"seed": 1, "steps": 20, "sampler_name": "euler"}, "class_type": "KSampler"},
        "6": {"inputs": {"text": WORDS}, "class_type": "CLIPTextEncode"},
    }
)
WORKFLOW = json.dumps(
    {"last_node_id": 9, "last_link_id": 9, "nodes": [{"id": 7, "type": "CLIPTextEncode"}], "version": 0.4}
)
NOVELAI = json.dumps(
    {"prompt": WORDS, "steps": 28, "height": 768, "scale": 11, "seed": 1, "sampler": "k_euler_ancestral", "uc": "bad"}
)
SWARM = json.dumps({"sui_image_params": {"prompt": WORDS, "model": "x", "seed": 1, "steps": 20}})
FOOOCUS = json.dumps({"prompt": WORDS, "metadata_scheme": "fooocus", "steps": 30, "version": "Fooocus v2.5"})
JOB = f"{WORDS} --ar 2:3 --v 6.1 Job ID: 9d1f0f0c-1c3b-4a6e-9c59-0d6b3ad0c0de"

DESCRIPTION, MAKE, MODEL, SOFTWARE, ARTIST, COMMENT, EXIF = 0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x9286, 0x8769


def says(kind: SignalKind, source: SignalSource, tool: str = "", *, signed: bool = False) -> tuple[Signal, ...]:
    return (Signal(kind, source, tool, signed=signed),)


def image() -> Image.Image:
    return picture(1, SMALL)


def png(
    texts: Mapping[str, str] | None = None, *, packed: bool = False, wide: bool = False, **options: object
) -> bytes:
    """A PNG with text chunks: ``packed`` as zTXt, ``wide`` as iTXt, both as a packed iTXt."""
    info = PngInfo()
    for keyword, text in (texts or {}).items():
        (info.add_itxt if wide else info.add_text)(keyword, text, zip=packed)
    return encoded(image(), "PNG", pnginfo=info, **options)


def exif(fields: Mapping[int, str | bytes] | None = None, comment: bytes | None = None) -> bytes:
    block = Image.Exif()
    for tag, value in (fields or {}).items():
        block[tag] = value
    if comment is not None:
        block.get_ifd(EXIF)[COMMENT] = comment
    return block.tobytes()


def comment(text: str, order: str = "be") -> bytes:
    """A comment of the user as WebUI writes it, in either order of bytes."""
    return b"UNICODE\0" + text.encode(f"utf-16-{order}")


def xmp(properties: str = "", attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{properties}</rdf:Description></rdf:RDF>'
        "</x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


def source_type(name: str) -> str:
    return (
        f"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/{name}"
        "</Iptc4xmpExt:DigitalSourceType>"
    )


def records(*fields: tuple[int, str]) -> bytes:
    """Records of IPTC as they lie in what Photoshop writes into a JPEG."""
    body = b"".join(
        b"\x1c\x02" + bytes([number]) + len(text.encode()).to_bytes(2) + text.encode() for number, text in fields
    )
    return b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(body).to_bytes(4) + body + bytes(len(body) % 2)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def jpeg(*segments: bytes, **options: object) -> bytes:
    data = encoded(image(), "JPEG", **options)
    return data[:2] + b"".join(segments) + data[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def png_with(*chunks: bytes) -> bytes:
    """A PNG with chunks right behind its header."""
    data = png()
    return data[:33] + b"".join(chunks) + data[33:]


def gif_with_xmp(packet: bytes) -> bytes:
    data = encoded(image(), "GIF")
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return data[:-1] + b"\x21\xff\x0bXMP DataXMP" + packet + trailer + b";"


AI, EDIT, CAMERA, PROGRAM = SignalKind.AI_MADE, SignalKind.AI_EDITED, SignalKind.CAMERA, SignalKind.SOFTWARE
TEXT, IN_EXIF, IPTC, XMP = SignalSource.PNG_TEXT, SignalSource.EXIF, SignalSource.IPTC, SignalSource.XMP


@cache
def samples() -> dict[str, tuple[bytes, tuple[Signal, ...]]]:
    """What each file is, to the file and what it says of itself."""
    webui, comfy = "Stable Diffusion WebUI", "ComfyUI"
    nai = {
        "Title": "AI generated image",
        "Description": WORDS,
        "Software": "NovelAI",
        "Source": "Stable Diffusion C1E1DE52",
    }
    made = xmp(source_type("trainedAlgorithmicMedia"))
    tool = xmp("<xmp:CreatorTool>Adobe Firefly 2.0</xmp:CreatorTool>")
    generated = exif(comment=comment(PARAMETERS))
    flow = exif({MAKE: f"workflow:{WORKFLOW}", MODEL: f"prompt:{PROMPT}"})
    job = f"<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>{JOB}</rdf:li></rdf:Alt></dc:description>"
    return {
        "WebUI, PNG": (png({"parameters": PARAMETERS}), says(AI, TEXT, webui)),
        "WebUI, packed PNG": (png({"parameters": PARAMETERS}, packed=True), says(AI, TEXT, webui)),
        "WebUI, international PNG": (png({"parameters": "é" + PARAMETERS}, wide=True), says(AI, TEXT, webui)),
        "WebUI, packed international PNG": (
            png({"parameters": PARAMETERS}, wide=True, packed=True),
            says(AI, TEXT, webui),
        ),
        "WebUI, JPEG": (jpeg(exif=generated), says(AI, IN_EXIF, webui)),
        "WebUI, JPEG, other order": (jpeg(exif=exif(comment=comment(PARAMETERS, "le"))), says(AI, IN_EXIF, webui)),
        "WebUI, JPEG, ASCII": (
            jpeg(exif=exif(comment=b"ASCII\0\0\0" + PARAMETERS.encode())),
            says(AI, IN_EXIF, webui),
        ),
        "WebUI, WebP": (encoded(image(), "WEBP", exif=generated), says(AI, IN_EXIF, webui)),
        "WebUI, AVIF": (encoded(image(), "AVIF", exif=generated), says(AI, IN_EXIF, webui)),
        "WebUI, EXIF of a PNG": (png(exif=generated), says(AI, IN_EXIF, webui)),
        "ComfyUI, PNG": (png({"prompt": PROMPT, "workflow": WORKFLOW}), says(AI, TEXT, comfy)),
        "ComfyUI, workflow alone": (png({"workflow": WORKFLOW}), says(AI, TEXT, comfy)),
        "ComfyUI, WebP": (encoded(image(), "WEBP", exif=flow), says(AI, IN_EXIF, comfy)),
        "ComfyUI, JPEG": (jpeg(exif=exif({DESCRIPTION: f"Workflow:{WORKFLOW}"})), says(AI, IN_EXIF, comfy)),
        "NovelAI, PNG": (
            png({**nai, "Comment": NOVELAI}),
            says(AI, TEXT, "NovelAI") + says(AI, TEXT, "Stable Diffusion"),
        ),
        "NovelAI, comment alone": (png({"Comment": NOVELAI}), says(AI, TEXT, "NovelAI")),
        "NovelAI, WebP": (
            encoded(image(), "WEBP", exif=exif({SOFTWARE: "NovelAI"}, comment(NOVELAI))),
            says(AI, IN_EXIF, "NovelAI"),
        ),
        "InvokeAI, PNG": (png({"invokeai_metadata": "{}", "invokeai_graph": "{}"}), says(AI, TEXT, "InvokeAI")),
        "InvokeAI before 3": (png({"sd-metadata": "{}"}), says(AI, TEXT, "InvokeAI")),
        "InvokeAI before 2": (
            png({"Dream": f'"{WORDS}" -s 50 -S 123456 -W 512 -H 512 -C 7.5 -A k_lms'}),
            says(AI, TEXT, "InvokeAI"),
        ),
        "Midjourney, PNG": (
            png({"Description": JOB, "Author": WORDS}),
            says(AI, TEXT, "Midjourney"),
        ),
        "Midjourney, XMP": (jpeg(xmp=xmp(job)), says(AI, XMP, "Midjourney")),
        "SwarmUI, PNG": (png({"parameters": SWARM}), says(AI, TEXT, "SwarmUI")),
        "SwarmUI, JPEG": (jpeg(exif=exif(comment=comment(SWARM))), says(AI, IN_EXIF, "SwarmUI")),
        "Fooocus, PNG": (png({"parameters": FOOOCUS, "fooocus_scheme": "fooocus"}), says(AI, TEXT, "Fooocus")),
        "Fooocus, JPEG": (jpeg(exif=exif(comment=comment(FOOOCUS))), says(AI, IN_EXIF, "Fooocus")),
        "Draw Things, PNG": (png({"Software": "Draw Things"}), says(AI, TEXT, "Draw Things")),
        "a model's name in EXIF": (jpeg(exif=exif({SOFTWARE: "DALL·E 3".encode()})), says(AI, IN_EXIF, "DALL·E")),
        "a model's name in Latin-1": (
            jpeg(exif=exif({SOFTWARE: "DALL·E 3".encode("latin-1")})),
            says(AI, IN_EXIF, "DALL·E"),
        ),
        "FLUX": (jpeg(exif=exif({MAKE: "Black Forest Labs", MODEL: "flux-1.1-pro"})), says(AI, IN_EXIF, "FLUX")),
        "IPTC, JPEG": (jpeg(xmp=made), says(AI, IPTC)),
        "IPTC, PNG": (png({"XML:com.adobe.xmp": made.decode()}, wide=True), says(AI, IPTC)),
        "IPTC, packed PNG": (png({"XML:com.adobe.xmp": made.decode()}, wide=True, packed=True), says(AI, IPTC)),
        "IPTC, WebP": (encoded(image(), "WEBP", xmp=made), says(AI, IPTC)),
        "IPTC, AVIF": (encoded(image(), "AVIF", xmp=made), says(AI, IPTC)),
        "IPTC, GIF": (gif_with_xmp(made), says(AI, IPTC)),
        "IPTC as an attribute": (
            jpeg(xmp=xmp(attributes="Iptc4xmpExt:DigitalSourceType='digsrctype:trainedAlgorithmicMedia'")),
            says(AI, IPTC),
        ),
        "IPTC as a reference": (
            jpeg(
                xmp=xmp(
                    '<Iptc4xmpExt:DigitalSourceType rdf:resource="https://cv.iptc.org/newscodes/digitalsourcetype/'
                    'trainedAlgorithmicMedia"/>'
                )
            ),
            says(AI, IPTC),
        ),
        "IPTC, a part": (jpeg(xmp=xmp(source_type("compositeWithTrainedAlgorithmicMedia"))), says(EDIT, IPTC)),
        "IPTC, by a formula": (jpeg(xmp=xmp(source_type("algorithmicMedia"))), says(PROGRAM, IPTC)),
        "IPTC, a camera": (jpeg(xmp=xmp(source_type("digitalCapture"))), says(CAMERA, IPTC)),
        "Firefly, XMP": (jpeg(xmp=tool), says(AI, XMP, "Adobe Firefly")),
        "Photoshop, XMP": (
            jpeg(xmp=xmp(attributes='xmp:CreatorTool="Adobe Photoshop 25.3 (Windows)"')),
            says(PROGRAM, XMP, "Adobe Photoshop"),
        ),
        "Photoshop, EXIF": (
            jpeg(exif=exif({SOFTWARE: "Adobe Photoshop 25.3 (Macintosh)"})),
            says(PROGRAM, IN_EXIF, "Adobe Photoshop"),
        ),
        "Photoshop, records": (
            jpeg(segment(0xED, records((5, WORDS), (65, "Adobe Photoshop"), (80, WORDS)))),
            says(PROGRAM, IPTC, "Adobe Photoshop"),
        ),
        "Google, records": (
            jpeg(segment(0xED, records((110, "Edited with Google AI")))),
            says(EDIT, IPTC, "Google AI"),
        ),
        "Google, XMP": (
            jpeg(xmp=xmp("<photoshop:Credit>Made with Google AI</photoshop:Credit>")),
            says(AI, IPTC, "Google AI"),
        ),
        "a camera": (
            jpeg(exif=exif({MAKE: "NIKON CORPORATION", MODEL: "NIKON Z 6", ARTIST: WORDS, DESCRIPTION: WORDS})),
            says(CAMERA, IN_EXIF, "Nikon"),
        ),
        "a telephone and a program": (
            jpeg(exif=exif({MAKE: "Apple", MODEL: "iPhone 15", SOFTWARE: "Snapseed 2.0"})),
            says(CAMERA, IN_EXIF, "Apple") + says(PROGRAM, IN_EXIF, "Snapseed"),
        ),
        "ImageMagick's copy of EXIF": (
            png({"Raw profile type exif": _profile("exif", generated)}),
            says(AI, IN_EXIF, webui),
        ),
    }


def _profile(name: str, block: bytes) -> str:
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\n{name}\n{len(block):8d}\n{lines}\n"


@cache
def clean() -> dict[str, bytes]:
    """Files that say nothing that counts, though some of it looks as if it did."""
    story = xmp(
        "<dc:description><rdf:Alt><rdf:li>Gemini and Sora under the Firefly</rdf:li></rdf:Alt></dc:description>"
    )
    return {
        **{kind: encoded(image(), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF")},
        "a title": png(
            {"Title": "Stable Diffusion explained", "Description": "Midjourney, ComfyUI, steps: 3, sampler"}
        ),
        "a comment": jpeg(
            exif=exif({DESCRIPTION: "made with ComfyUI, they say", ARTIST: "Sora"}, comment("Steps: many"))
        ),
        "a person's credit": jpeg(xmp=xmp("<photoshop:Credit>Sora Gemini</photoshop:Credit>")),
        "a recorded credit": jpeg(segment(0xED, records((110, "Sora Gemini"), (80, "Made with Google AI")))),
        "a story": jpeg(xmp=story),
        "an unknown program": png({"Software": "Somebody's own program <@123>"}),
        "an unknown maker": jpeg(exif=exif({MAKE: "Planet Computers", MODEL: "Gemini PDA"})),
        "a maker within a word": jpeg(exif=exif({MAKE: "Sonya", SOFTWARE: "Photoshopped, Fluxus"})),
        "another source": jpeg(xmp=xmp(source_type("screenCapture"))),
        "an unknown source": jpeg(xmp=xmp(source_type("somethingElse"))),
        "other JSON": png({"prompt": '{"hello": "world"}', "workflow": "[1, 2, 3]"}),
    }


def tiff(entries: list[tuple[int, int, int, int]], body: bytes = b"") -> bytes:
    """A TIFF structure of one directory at offset 8, little end first, and what follows it."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4) + body
