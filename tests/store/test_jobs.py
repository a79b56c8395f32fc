from datetime import timedelta

from bot.model import MediaRef, Surface, Unscannable, UnscannableRef
from bot.store.engine import Store

from .samples import MINUTE, NOW, message

MEDIA = (
    MediaRef("a", Surface.ATTACHMENT, "https://cdn.discordapp.com/a.png?ex=1", "a.png", 2**40),
    UnscannableRef("b", Surface.EMBED_IMAGE, Unscannable.NO_PROXY, forwarded=True),
)


async def test_jobs_come_back_whole_and_in_order(store: Store):
    async with store.write() as tx:
        for number in range(3):
            await tx.jobs.put(message(number), MEDIA, NOW)
        assert await tx.jobs.count() == 3
    async with store.write() as tx:
        taken = await tx.jobs.take(2, now=NOW)
    assert [(ref, media) for _, ref, media in taken] == [(message(0), MEDIA), (message(1), MEDIA)]


async def test_a_taken_job_is_not_given_out_again_until_its_lease_ends(store: Store):
    async with store.write() as tx:
        await tx.jobs.put(message(1), MEDIA, NOW)
        [taken] = await tx.jobs.take(5, now=NOW, lease=MINUTE)
    async with store.write() as tx:
        assert await tx.jobs.take(5, now=NOW + MINUTE - timedelta(seconds=1)) == []
        assert await tx.jobs.take(5, now=NOW + MINUTE) == [taken]
        await tx.jobs.done(taken[0])
        assert await tx.jobs.take(5, now=NOW + 2 * MINUTE) == []
        assert await tx.jobs.count() == 0


async def test_a_new_process_takes_what_the_old_one_held(store: Store):
    async with store.write() as tx:
        await tx.jobs.put(message(1), MEDIA, NOW)
        taken = await tx.jobs.take(5, now=NOW)
    async with store.write() as tx:
        await tx.jobs.release()
        assert await tx.jobs.take(5, now=NOW) == taken
