"""A posted file that says something of itself, from Discord to the moderators' card, and to nobody else."""

from __future__ import annotations

from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.media.statements import COMMENT, EXIF, PARAMETERS, PROMPT, WORDS, comment
from tests.world import World

LINE = "**The file says of itself:** AI-made with ComfyUI (PNG text)"


def speaking(picture: bytes) -> bytes:
    """The same picture as a PNG of ComfyUI."""
    info = PngInfo()
    info.add_text("prompt", PROMPT)
    target = BytesIO()
    with Image.open(BytesIO(picture)) as image:
        image.save(target, "PNG", pnginfo=info)
    return target.getvalue()


def told(picture: bytes) -> bytes:
    """The same picture as a JPEG of WebUI."""
    exif = Image.Exif()
    exif.get_ifd(EXIF)[COMMENT] = comment(PARAMETERS)
    target = BytesIO()
    with Image.open(BytesIO(picture)) as image:
        image.save(target, "JPEG", quality=92, exif=exif)
    return target.getvalue()


async def test_a_match_tells_what_its_files_say(world: World, picture: bytes) -> None:
    await world.block(picture)
    first = await world.post(world.fan, speaking(picture), "picture.png")
    await world.settle()
    assert world.gone(first)
    assert LINE in world.text(world.card())
    second = await world.post(world.other, told(picture))
    await world.settle()
    assert world.gone(second)
    shown = world.text(world.card())
    assert f"{LINE} · AI-made with Stable Diffusion WebUI (EXIF)" in shown
    assert WORDS not in shown
    assert WORDS not in str(await world.view(1))


async def test_a_report_tells_moderators_alone(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, speaking(harmless), "picture.png")
    shown = await world.other.context_menu(world.fans, "Report picture", message)
    result = await world.other.submit_modal(shown, {"category": ["ncii_synthetic"]})
    await world.settle()
    assert "ComfyUI" not in world.answer(result)
    assert LINE in world.text(world.card())
    assert not world.gone(message)


async def test_a_file_that_says_nothing_has_no_such_line(world: World, picture: bytes, copy: bytes) -> None:
    await world.block(picture)
    await world.post(world.fan, copy)
    await world.settle()
    assert "says of itself" not in world.text(world.card())
