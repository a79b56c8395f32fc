"""Harmless pictures that moderators list stay up, however near they lie to a blocked one."""

from __future__ import annotations

from typing import Any

from bot.demo import pictures
from tests.world import World


async def say(world: World, command: str, **options: Any) -> str:
    result = await world.moderator.slash(world.fans, f"known-good {command}", **options)
    await world.settle()
    return world.answer(result)


async def test_the_official_photo_stays_and_the_fake_made_from_it_goes(world: World) -> None:
    photo = pictures.picture(1, (320, 400))
    fake = pictures.encode(pictures.face_swapped(photo, 5))
    await world.block(fake)
    answer = await say(world, "add", picture=("photo.jpg", pictures.encode(photo)), note="album page")
    assert "Listed as **E-2**" in answer
    assert "from blocked entry E-1" in answer
    assert not world.gone(await world.post(world.fan, pictures.encode(photo, quality=70)))
    assert world.gone(await world.post(world.fan, fake))


async def test_it_stands_in_its_own_list(world: World, picture: bytes, harmless: bytes) -> None:
    await world.block(picture)
    await say(world, "add", picture=("a.jpg", harmless), note="album page")
    shown = await say(world, "list")
    assert "**E-2**" in shown
    assert "album page" in shown
    assert "**E-1**" not in shown


async def test_the_same_file_again_is_no_second_entry(world: World, harmless: bytes) -> None:
    await say(world, "add", picture=("a.jpg", harmless))
    assert "on the known-good list already, as **E-1**" in await say(world, "add", picture=("a.jpg", harmless))


async def test_a_revoked_entry_protects_nothing(world: World, picture: bytes) -> None:
    await say(world, "add", picture=("a.jpg", picture))
    await world.block(picture)
    assert not world.gone(await world.post(world.fan, picture))
    assert "E-1 is revoked and protects nothing" in await say(world, "revoke", entry="E-1")
    assert world.gone(await world.post(world.fan, picture))


async def test_a_blocked_entry_is_revoked_elsewhere(world: World, picture: bytes) -> None:
    await world.block(picture)
    assert "use /blocklist for it" in await say(world, "revoke", entry="E-1")


async def test_suggestions(world: World, picture: bytes, harmless: bytes) -> None:
    await world.block(picture)
    await world.know(harmless)
    choices = await world.moderator.autocomplete(world.fans, "known-good revoke", "entry", "")
    assert [choice["value"] for choice in choices] == ["E-2"]


async def test_what_is_no_picture_is_explained(world: World) -> None:
    assert "not a picture of a supported format" in await say(world, "add", picture=("a.txt", b"words"))


async def test_members_are_refused(world: World, harmless: bytes) -> None:
    await world.know(harmless)
    world.reveal("known-good", world.fan)
    for command, options in (("add", {"picture": ("a.jpg", harmless)}), ("list", {}), ("revoke", {"entry": "E-1"})):
        result = await world.fan.slash(world.fans, f"known-good {command}", **options)
        assert "Only this server's moderators can do that" in world.answer(result)
