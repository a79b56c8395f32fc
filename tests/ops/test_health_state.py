"""The state of the parts: who speaks for them, what counts, and what outsiders may read of it."""

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.ops import health_state
from bot.ops.health_state import WELL, Health, Part, State, failing, plain


async def test_a_part_that_nobody_speaks_for_is_well():
    assert await Health().look() == dict.fromkeys(Part, WELL)


async def test_a_part_is_well_only_if_all_who_speak_for_it_say_so():
    health = Health()
    health.probe(Part.DECODER, lambda: WELL)
    assert await health.problems([Part.DECODER]) == {}
    health.report(Part.DECODER, ok=False, reason="The pool broke.", source="pool")
    assert await health.problems([Part.DECODER, Part.DATABASE]) == {Part.DECODER: "The pool broke."}
    health.report(Part.DECODER, ok=True, source="watchdog")
    assert await health.problems([Part.DECODER]), "another source takes nothing back"
    health.report(Part.DECODER, ok=True, source="pool")
    assert await health.problems([Part.DECODER]) == {}
    health.probe(Part.DECODER, lambda: failing("It hangs."))
    health.report(Part.DECODER, ok=True, source="pool")
    assert await health.problems([Part.DECODER]) == {Part.DECODER: "It hangs."}


async def test_probes_are_asked_each_time_and_at_once():
    health, answers = Health(), [WELL, failing("Gone.")]
    both = asyncio.Barrier(2)

    async def together() -> State:
        await both.wait()
        return WELL

    async def changing() -> State:
        await both.wait()
        return answers.pop(0)

    health.probe(Part.DATABASE, together)
    health.probe(Part.BANKS, changing)
    assert await health.problems(tuple(Part)) == {}
    assert await health.problems(tuple(Part)) == {Part.BANKS: "Gone."}


async def test_a_probe_that_hangs_or_breaks_is_a_problem_of_its_part(monkeypatch):
    monkeypatch.setattr(health_state, "PATIENCE", 0.05)
    health = Health()

    async def hangs() -> State:
        await asyncio.Event().wait()
        return WELL

    def breaks() -> State:
        raise ValueError("token abc.def")

    health.probe(Part.DATABASE, hangs)
    health.probe(Part.BANKS, breaks)
    assert await health.problems(tuple(Part)) == {
        Part.DATABASE: "It does not answer.",
        Part.BANKS: "Asking it failed (ValueError).",
    }


TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"

secrets = st.one_of(
    st.integers(10**15, 2**63 - 1).map(str),
    st.just(TOKEN),
    st.just("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1"),
    st.just("postgresql://user:word@host/name"),
)


@given(st.text(max_size=60), secrets, st.text(max_size=60))
@example("guild ", "123456789012345678", "\n failed")
def test_a_reason_holds_nothing_that_could_be_an_id_an_address_or_a_secret(before, secret, after):
    shown = plain(f"{before}{secret}{after}")
    assert secret not in shown
    assert "\n" not in shown
    assert len(shown) <= 160


@pytest.mark.parametrize(
    "reason",
    ["The database does not answer.", "Loops have ended: scan-3, outbox-dispatch.", "Waited for 12345 seconds."],
)
def test_ordinary_reasons_stay_as_they_are(reason):
    assert plain(reason) == reason
