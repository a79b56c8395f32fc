"""Questions that the bot asks one person before it does something."""

from __future__ import annotations

import simcord

from tests.world import World


def questions(world: World, result: simcord.InteractionResult) -> list[simcord.ResponseMessage]:
    """The answers that have buttons; all were seen by this person alone."""
    shown = [message for message in (result.response, *result.followups) if message is not None]
    asked = [message for message in shown if world.buttons(message)]
    assert all(message.ephemeral for message in asked)
    return list({message.id: message for message in asked}.values())


def question(world: World, result: simcord.InteractionResult) -> simcord.ResponseMessage:
    (asked,) = questions(world, result)
    return asked


async def choose(world: World, who: simcord.MemberActor, asked: simcord.ResponseMessage, label: str) -> str:
    """Press a button of a question; what the question turned into."""
    await who.click(asked, label=label)
    await world.settle()
    return world.text(asked)
