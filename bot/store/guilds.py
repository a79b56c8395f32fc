"""What each guild decided for itself."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from bot.model import GuildSettings

from .repository import Repository
from .tables import guilds
from .topics import Topic


class Guilds(Repository):
    """Settings of guilds."""

    __slots__ = ()

    async def ids(self) -> list[int]:
        """Every guild that decided anything."""
        return [row.guild_id for row in await self._all(sa.select(guilds.c.guild_id).order_by(guilds.c.guild_id))]

    async def get(self, guild_id: int) -> GuildSettings | None:
        """The settings of a guild; None if it never decided anything."""
        row = await self._first(sa.select(guilds).where(guilds.c.guild_id == guild_id))
        if row is None:
            return None
        return GuildSettings(
            guild_id=row.guild_id,
            mode=row.mode,
            review_channel_id=row.review_channel_id,
            moderator_role_id=row.moderator_role_id,
            child_safety_role_id=row.child_safety_role_id,
            scan_webhooks=row.scan_webhooks,
            scan_bots=row.scan_bots,
            scan_avatars=row.scan_avatars,
            strictness=row.strictness,
            local_features=row.local_features,
            near_matches=row.near_matches,
            lane_order=row.lane_order,
            child_safety_channel_id=row.child_safety_channel_id,
            escalation_role_id=row.escalation_role_id,
            alert_role_id=row.alert_role_id,
            log_channel_id=row.log_channel_id,
            reveal=row.reveal,
            tell_authors=row.tell_authors,
            remind_hours=row.remind_hours,
            escalate_hours=row.escalate_hours,
            show_reporters=row.show_reporters,
            hold_reports=row.hold_reports,
            hotline=row.hotline,
        )

    async def save(self, settings: GuildSettings) -> None:
        """Write all settings of a guild, over what was there."""
        values = asdict(settings)
        changed = {name: value for name, value in values.items() if name != "guild_id"}
        if await self._run(guilds.update().where(guilds.c.guild_id == settings.guild_id).values(changed)) == 0:
            await self._run(self._insert_new(guilds).values(values))
        await self._tell(Topic.GUILD, settings.guild_id)

    async def delete(self, guild_id: int) -> None:
        """Forget the settings of a guild. Its banks and cases stay."""
        await self._run(guilds.delete().where(guilds.c.guild_id == guild_id))
        await self._tell(Topic.GUILD, guild_id)
