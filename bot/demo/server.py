"""The simulated server itself: its channels and roles, and the people on it."""

from __future__ import annotations

from dataclasses import dataclass

import discord
import simcord

from .avatars import AVATAR, put_avatars
from .cdn import LoopbackCdn


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the simulated server."""

    key: str
    name: str
    actor: simcord.MemberActor
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """The places of the simulated server, and its people by key."""

    guild: simcord.GuildHandle
    fans: simcord.ChannelHandle
    review: simcord.ChannelHandle
    elsewhere: simcord.ChannelHandle
    moderators: simcord.RoleHandle
    people: dict[str, Person]

    @property
    def moderator(self) -> Person:
        """The one who reviews."""
        return next(person for person in self.people.values() if person.moderator)


def build(env: simcord.Env, cdn: LoopbackCdn) -> Server:
    """Make the server. Everything that is stored from now on is stored in ``cdn``."""
    backend = env.backend
    backend.cdn = cdn
    backend.edit_bot_profile("stanguard")
    guild = env.create_guild("Moonlark fans")
    powers = discord.Permissions(manage_guild=True, manage_messages=True)
    moderators = guild.create_role("Moderators", permissions=powers)
    fans = guild.create_text_channel("fan-art", topic="Everything about Moonlark")
    review = guild.create_text_channel(
        "review",
        topic="For the moderators alone: what the bot found, and what members reported",
        overwrites={
            guild.default_role: discord.PermissionOverwrite(view_channel=False),
            moderators: discord.PermissionOverwrite(view_channel=True, send_messages=True),
            guild.roles["stanguard"]: discord.PermissionOverwrite(view_channel=True, send_messages=True),
        },
    )
    other_guild = env.create_guild("Another server")
    elsewhere = other_guild.create_text_channel("pictures")
    people: dict[str, Person] = {}
    for key, name in (("mina", "Mina"), ("jules", "Jules"), ("kit", "Kit"), ("ada", "Ada")):
        user = env.create_user(key, global_name=name, avatar=AVATAR)
        roles = [moderators] if key == "ada" else []
        other_guild.add_member(user)
        people[key] = Person(key, name, guild.add_member(user, roles=roles), moderator=bool(roles))
    put_avatars(cdn, backend, [person.actor.id for person in people.values()])
    return Server(guild, fans, review, elsewhere, moderators, people)
