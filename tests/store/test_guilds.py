from bot.model import GuildSettings, Mode, Strictness
from bot.store.engine import Store

from .samples import GUILD, OTHER_GUILD


async def test_settings_are_written_changed_and_forgotten(store: Store):
    full = GuildSettings(
        guild_id=GUILD,
        mode=Mode.REMOVE,
        review_channel_id=2**62 + 1,
        moderator_role_id=2**62 + 2,
        child_safety_role_id=2**62 + 3,
        scan_webhooks=False,
        scan_bots=True,
        scan_avatars=True,
        strictness=Strictness.STRICT,
        local_features=False,
    )
    bare = GuildSettings(guild_id=OTHER_GUILD)
    async with store.write() as tx:
        await tx.guilds.save(GuildSettings(guild_id=GUILD, review_channel_id=5))
        await tx.guilds.save(full)
        await tx.guilds.save(bare)
    async with store.read() as tx:
        assert await tx.guilds.get(GUILD) == full
        assert await tx.guilds.get(OTHER_GUILD) == bare
        assert await tx.guilds.get(1) is None
    async with store.write() as tx:
        await tx.guilds.delete(GUILD)
        assert await tx.guilds.get(GUILD) is None
        assert await tx.guilds.get(OTHER_GUILD) == bare
