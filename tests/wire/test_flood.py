"""A flood in one server over the wire: the server beside it does not wait for its end."""

from __future__ import annotations

from bot.model import BankKind, Category, Mode
from tests.discordd import Discordd, Hold

from .conftest import BLOCKED, HARMLESS, Install, picture

FLOOD, CAPACITY, WORKERS = 80, 10, 8


async def test_a_quiet_servers_picture_is_deleted_before_a_flood_is_done(discordd: Discordd, install: Install) -> None:
    installation = install(queue={"capacity": CAPACITY}, media={"fetch_concurrency": WORKERS})
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    world = discordd.world
    async with installation.running() as app:
        quiet = world.create_guild("quiet")
        art, fan = world.create_channel(quiet, "art"), world.create_member(quiet, "fay")
        await app.guilds.change(quiet.id, mode=Mode.REMOVE)
        bank = await app.banks.own(None, BankKind.BLOCK)
        listed = await app.scanner.reference_of(picture(BLOCKED))
        await app.banks.add(bank, listed, Category.NCII_SYNTHETIC, source="test")
        held = Hold()  # none of the flood is done before the test says so
        slow = discordd.faults.always("GET", f"/*/attachments/{installation.fans.id}/**", held)
        flood = [
            world.post(installation.fans, installation.fan, attachments=[("a.jpg", picture(HARMLESS, 20 + number))])
            for number in range(FLOOD)
        ]
        message = world.post(art, fan, attachments=[("b.jpg", picture(BLOCKED, 71))])
        await discordd.wait_for(lambda: message.deleted)
        assert await installation.outcomes() == {}, "nothing of the flood was done first"
        discordd.faults.lift(slow)
        held.release()
        await app.idle()
    assert await installation.outcomes() == {"clear": FLOOD}
    assert not any(message.deleted for message in flood)
