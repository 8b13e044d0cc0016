"""The laws of circuits at their edges: windows, verdicts, late reports, long times, clocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omnicloud.contracts.breaker import BreakerFeature, CircuitSettings, CircuitState
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Reading
from omnicloud.core.circuit import Verdict
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.breaker.calls import BreakerLaws
from omnicloud_tck.check import equal, that
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.world import World

__all__ = ["BreakerEdges"]

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
GOOD, BAD = Verdict.SUCCESS, Verdict.FAILURE
_SHARED = [BreakerFeature.SHARED]
_TWO = CircuitSettings(2, 0.6, trial_seconds=0.5)
_RATE = CircuitSettings(1000, 300.0, failure_rate=0.75, window_seconds=2.0, minimum_calls=4)


class BreakerEdges(BreakerLaws):
    """What a store that keeps circuits is told, and how long it remembers."""

    @law("BRK-060", "What is older than the window is forgotten.", needs=_SHARED)
    async def windows_forget(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for turn in range(3):
            for verdict in (BAD, BAD, BAD):
                reading = await _call(pipe, "c", _RATE, verdict)
                equal(CLOSED, reading.state, f"three failures in a window, for time {turn}")
            await world.sleep(2.3)

    @law("BRK-061", "A window rolls: wherever it begins, what is in it counts.", needs=_SHARED)
    async def windows_roll(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for part in range(4):
            name = f"c-{part}"
            began = world.clock.monotonic()
            await _call(pipe, name, _RATE, BAD)
            await _call(pipe, name, _RATE, BAD)
            took = world.clock.monotonic() - began  # so long the other two may take too
            await world.sleep(max(0.0, 1.3 - 2 * took))
            await _call(pipe, name, _RATE, BAD)
            reading = await _call(pipe, name, _RATE, BAD)
            equal(OPEN, reading.state, f"four failures within 1.3 s of 2 s, begun {part}")

    @law("BRK-062", "The caller's mistake is no failure, and ends a trial well.", needs=_SHARED)
    async def answers_are_answers(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for verdict in (BAD, Verdict.ANSWERED, Verdict.NEUTRAL, Verdict.ANSWERED):
            reading = await _call(pipe, "c", _TWO, verdict)
            equal(CLOSED, reading.state, f"after {verdict.value}")
        equal(OPEN, (await _call(pipe, "c", _TWO, BAD)).state, "two failures in a row")
        await world.sleep(0.7)
        reading = await _call(pipe, "c", _TWO, Verdict.ANSWERED)
        equal((CLOSED, 0), (reading.state, reading.failures), "after a trial that was answered")

    @law(
        "BRK-063",
        "What a trial reports after it was given up changes nothing.",
        needs=_SHARED,
        rung=Rung.RESILIENCE,
    )
    async def given_up_trials_say_nothing(self, world: World[Any]) -> None:
        for verdict in (GOOD, BAD, Verdict.NEUTRAL, Verdict.ANSWERED):
            pipe, name = await world.pipeline(), f"c-{verdict.value}"
            for _ in range(2):
                await _call(pipe, name, _TWO, BAD)
            await world.sleep(0.7)
            old = (await _answer(pipe, Admit(name, _TWO, "old"))).permit
            await world.sleep(0.6)
            new = (await _answer(pipe, Admit(name, _TWO, "new"))).permit
            that(old is not None and new is not None, "a trial was refused")
            reading = await _answer(pipe, Report(name, _TWO, old, verdict, 0.1))
            equal(HALF_OPEN, reading.state, f"a late {verdict.value} of the trial given up")
            third = await _answer(pipe, Admit(name, _TWO, "third"))
            equal(None, third.permit, "a call beside the new trial")
            reading = await _answer(pipe, Report(name, _TWO, new, GOOD, 0.1))
            equal(CLOSED, reading.state, "after the new trial's success")

    @law(
        "BRK-064",
        "After a reset no call from before it counts, whatever the circuit was.",
        needs=_SHARED,
        rung=Rung.CONCURRENCY,
    )
    async def resets_forget_calls_under_way(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        permits = [(await _answer(pipe, Admit("c", _TWO, f"t-{n}"))).permit for n in range(3)]
        await _answer(pipe, Reset("c", _TWO))
        for permit in permits:
            reading = await _answer(pipe, Report("c", _TWO, permit, BAD, 0.1))
            equal((CLOSED, 0), (reading.state, reading.failures), "a call from before the reset")

    @law(
        "BRK-065",
        "An open circuit of which nothing is heard stays open for its whole timeout.",
        needs=_SHARED,
        patience=3 * 86_400.0,
    )
    async def silence_closes_nothing(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for timeout in (400.0, 90_000.0) if world.virtual else (3.0,):
            settings, name = replace(_TWO, reset_timeout=timeout), f"c-{timeout}"
            for _ in range(2):
                await _call(pipe, name, settings, BAD)
            await world.sleep(timeout - 0.5)
            reading = await _answer(pipe, Look(name, settings))
            equal((OPEN, True), (reading.state, reading.retry_after <= 0.6), "before the timeout")
            equal(None, (await _answer(pipe, Admit(name, settings, "t"))).permit, "a call")
            await world.sleep(0.7)
            reading = await _answer(pipe, Look(name, settings))
            equal(HALF_OPEN, reading.state, "after the timeout")

    @law(
        "BRK-066",
        "A step of the wall clock opens, closes and half opens nothing.",
        needs=_SHARED,
        level=Level.SHOULD,
        abilities=[Ability.STEP_WALL],
    )
    async def wall_clocks_change_nothing(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for _ in range(2):
            await _call(pipe, "c", _TWO, BAD)
        world.step_wall(7200)
        equal(OPEN, (await _answer(pipe, Look("c", _TWO))).state, "the wall clock went forward")
        world.step_wall(-14400)
        await world.sleep(0.8)
        equal(HALF_OPEN, (await _answer(pipe, Look("c", _TWO))).state, "the wall clock set back")

    @law(
        "BRK-071",
        "Each question is answered by the settings that it came with, whoever asked before.",
        needs=_SHARED,
        rung=Rung.CONCURRENCY,
    )
    async def settings_are_the_askers(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        patient = CircuitSettings(50, 300.0, trial_seconds=300.0)
        for _ in range(2):
            equal(CLOSED, (await _call(one, "c", patient, BAD)).state, "two failures of fifty")
        equal(OPEN, (await _call(two, "c", _TWO, BAD)).state, "a third, by one that bears two")
        await world.sleep(0.7)
        for pipe, settings, expected in (
            (one, patient, OPEN),
            (two, _TWO, HALF_OPEN),
            (two, patient, OPEN),
            (one, _TWO, HALF_OPEN),
        ):
            about = f"after 0.7 s, to one with a reset timeout of {settings.reset_timeout} s"
            equal(expected, (await _answer(pipe, Look("c", settings))).state, about)
        refused = await _answer(two, Admit("c", patient, "t"))
        equal(None, refused.permit, "a call of the one that waits for longer")
        equal(CLOSED, (await _call(one, "c", _TWO, GOOD)).state, "after a trial of the other")

    @law(
        "BRK-067",
        "While the store is down looking at a circuit is an error, not a guess.",
        needs=_SHARED,
        abilities=[Ability.OUTAGE],
    )
    async def outages_are_errors(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await _call(pipe, "c", _TWO, BAD)
        async with world.outage():
            for op in (Look("c", _TWO), Admit("c", _TWO, "t"), Reset("c", _TWO)):
                try:
                    await _answer(pipe, op)
                except (UnavailableError, DeadlineExceededError):
                    continue
                that(False, f"{op.name} was answered during an outage")


async def _call(
    pipe: Pipeline[Any], name: str, settings: CircuitSettings, verdict: Verdict
) -> Reading:
    """A call that is let through, and its report."""
    permit = (await _answer(pipe, Admit(name, settings, f"{name}-{verdict.value}"))).permit
    that(permit is not None, "a call was refused by a circuit that lets calls pass")
    reading: Reading = await _answer(pipe, Report(name, settings, permit, verdict, 0.1))
    return reading


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
