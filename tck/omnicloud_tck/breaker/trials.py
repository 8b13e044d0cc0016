"""The laws of the breaker contract about time: half open, trials, and what comes late."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.breaker import CircuitState
from omnicloud.errors import CircuitOpenError
from omnicloud_tck.breaker.calls import (
    BreakerLaws,
    Held,
    OtherError,
    Probe,
    closes,
    fail,
    open_circuit,
    rejects,
    state_of,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Trials"]

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
_RESET = 0.6  # seconds
_MARGIN = 0.1  # seconds, for clocks that tick apart


class Trials(BreakerLaws):
    """What happens once the reset timeout has passed."""

    @law("BRK-020", "An open circuit turns half open after its reset timeout, by time alone.")
    async def reset_timeout_is_kept(self, world: World[Any]) -> None:
        await asyncio.gather(*(self._opens_for(world, reset) for reset in (0.6, 1.3, 2.6)))

    async def _opens_for(self, world: World[Any], reset: float) -> None:
        breaker = await self.portable(world, 2, reset, name=f"reset-{reset}")
        before = world.clock.monotonic()
        await open_circuit(breaker)
        after = world.clock.monotonic()
        for part in (0.3, 0.6, 0.85):
            await world.sleep(max(0.0, before + part * reset - world.clock.monotonic()))
            state, passed = await state_of(breaker), world.clock.monotonic() - before
            that(state is OPEN or passed >= reset, f"{state} {passed:.2f} s into {reset} s")
        await world.sleep(max(0.0, after + reset + _MARGIN - world.clock.monotonic()))
        equal(HALF_OPEN, await state_of(breaker), f"once the {reset} s have passed")
        equal(HALF_OPEN, await state_of(breaker), "when it is looked at again")
        await closes(breaker, f"once the {reset} s have passed")

    @law("BRK-021", "A trial that succeeds closes the circuit, and the count begins anew.")
    async def success_closes(self, world: World[Any]) -> None:
        breaker = await self._half_open(world, 3)
        await closes(breaker, "half open")
        await fail(breaker, 2)
        equal(CLOSED, await state_of(breaker), "closed again, after two failures of three")
        await fail(breaker)
        equal(OPEN, await state_of(breaker), "closed again, after three failures")
        await rejects(breaker, "opened a second time")

    @law("BRK-022", "A trial that fails opens the circuit at once, for a whole reset timeout.")
    async def failure_opens_again(self, world: World[Any]) -> None:
        breaker = await self._half_open(world, 3, 1.2)
        for turn in range(2):
            before = world.clock.monotonic()
            await fail(breaker)
            equal(OPEN, breaker.state, f"after failed trial {turn}")
            await rejects(breaker, f"a call right after failed trial {turn}")
            await world.sleep(0.6)
            state, passed = await state_of(breaker), world.clock.monotonic() - before
            that(state is OPEN or passed >= 1.2, f"{state} {passed:.2f} s after a failed trial")
            await world.sleep(0.6 + _MARGIN)
            equal(HALF_OPEN, await state_of(breaker), f"a reset timeout after trial {turn}")
        await closes(breaker, "half open the third time")

    @law(
        "BRK-023",
        "Half open, one call at a time is let through; the others are refused.",
        rung=Rung.CONCURRENCY,
    )
    async def one_trial_at_a_time(self, world: World[Any]) -> None:
        breaker = await self._half_open(world)
        made = 0

        async def slow() -> None:
            nonlocal made
            made += 1
            await world.sleep(0.4)

        ends = await asyncio.gather(
            *(breaker.execute(slow) for _ in range(10)), return_exceptions=True
        )
        equal(1, made, "calls let through at once by a half-open circuit")
        equal(9, sum(isinstance(end, CircuitOpenError) for end in ends), "calls refused of ten")
        equal(CLOSED, await state_of(breaker), "after the trial that succeeded")
        await self._later_callers_wait(world)

    async def _later_callers_wait(self, world: World[Any]) -> None:
        breaker = await self._half_open(world, name="later")
        trial = Held(breaker)
        await trial.started()
        for _ in range(3):
            await rejects(breaker, "a call while a trial is under way")
            await world.sleep(_RESET / 2)
        equal(HALF_OPEN, await state_of(breaker), "while a trial is under way")
        await trial.fail()
        equal(OPEN, breaker.state, "after the trial that failed")

    @law(
        "BRK-024",
        "A cancelled trial gives its place back and changes nothing.",
        rung=Rung.CONCURRENCY,
    )
    async def a_cancelled_trial_frees_its_place(self, world: World[Any]) -> None:
        breakers = [await self._open(world, name=f"cancelled-{turns}") for turns in range(10)]
        await world.sleep(_RESET + _MARGIN)
        for turns, breaker in enumerate(breakers):
            task = asyncio.ensure_future(breaker.execute(asyncio.sleep, 30))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            equal(HALF_OPEN, await state_of(breaker), f"after a trial cancelled at turn {turns}")
        for turns, breaker in enumerate(breakers[:5]):
            with refused(TimeoutError, "a trial in a budget that ran out"):
                async with asyncio.timeout(0.2):
                    await breaker.execute(asyncio.sleep, 30)
            equal(HALF_OPEN, await state_of(breaker), f"after trial {turns} ran out of time")
        for turns, breaker in enumerate(breakers):
            await closes(breaker, f"after a trial cancelled at turn {turns}")

    @law(
        "BRK-025",
        "A call from before the trip that ends late neither re-arms, opens nor closes.",
        rung=Rung.CONCURRENCY,
    )
    async def late_ends_are_ignored(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 2, 1.2, name="late")
        late = [Held(breaker) for _ in range(5)]
        for call in late:
            await call.started()
        before = world.clock.monotonic()
        await open_circuit(breaker)
        after = world.clock.monotonic()
        await world.sleep(0.7)
        await late[0].succeed()
        passed = world.clock.monotonic() - before
        that(breaker.state is OPEN or passed >= 1.2, "a late success closed the open circuit")
        await late[1].fail()
        await world.sleep(max(0.0, after + 1.2 + _MARGIN - world.clock.monotonic()))
        equal(HALF_OPEN, await state_of(breaker), "on time, though a call failed late")
        await late[2].fail()
        equal(HALF_OPEN, await state_of(breaker), "half open, after a late failure")
        await closes(breaker, "half open, after late failures")
        await late[3].fail()
        await late[4].fail()
        equal(CLOSED, await state_of(breaker), "closed again, after late failures")
        await fail(breaker)
        equal(CLOSED, await state_of(breaker), "closed again, after late failures and one of now")

    @law("BRK-026", "Calls that are refused neither prolong the open time nor count.")
    async def refusals_do_not_prolong(self, world: World[Any]) -> None:
        breaker = await self._open(world, name="hammered")
        after = world.clock.monotonic()
        for _ in range(4):
            await world.sleep(_RESET / 8)
            if world.clock.monotonic() - after < _RESET / 2 + _MARGIN:
                with refused(CircuitOpenError, "a call while the circuit is open"):
                    await breaker.execute(Probe())
        await world.sleep(max(0.0, after + _RESET + _MARGIN - world.clock.monotonic()))
        equal(HALF_OPEN, await state_of(breaker), "on time, though calls were refused")
        await closes(breaker, "half open")

    @law("BRK-027", "A trial that ends with an excluded error gives its place back.")
    async def an_excluded_trial_says_nothing(self, world: World[Any]) -> None:
        breaker = await self._half_open(world, name="excluded", excluded=(OtherError,))
        for _ in range(3):
            await fail(breaker, 1, OtherError)
            equal(HALF_OPEN, await state_of(breaker), "after a trial with an excluded error")
        await closes(breaker, "after trials with excluded errors")

    @law(
        "BRK-028",
        "Reset closes the circuit, forgets failures, and ignores calls under way.",
        rung=Rung.CONCURRENCY,
    )
    async def reset_forgets(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 2, name="reset")
        under_way = [Held(breaker), Held(breaker)]
        for call in under_way:
            await call.started()
        await open_circuit(breaker)
        await breaker.reset()
        equal(CLOSED, await state_of(breaker), "after a reset")
        await fail(breaker)
        await breaker.reset()
        await fail(breaker)
        equal(CLOSED, await state_of(breaker), "one failure before a reset and one after it")
        for call in under_way:
            await call.fail()
        equal(CLOSED, await state_of(breaker), "after late failures from before the reset")
        await fail(breaker)
        equal(OPEN, await state_of(breaker), "two failures after a reset")

    async def _open(self, world: World[Any], threshold: int = 2, **more: Any) -> Any:
        return await open_circuit(
            await self.portable(world, threshold, more.pop("reset", _RESET), **more), threshold
        )

    async def _half_open(
        self, world: World[Any], threshold: int = 2, reset: float = _RESET, **more: Any
    ) -> Any:
        breaker = await self._open(world, threshold, reset=reset, **more)
        await world.sleep(reset + _MARGIN)
        equal(HALF_OPEN, breaker.state, "after the reset timeout")
        return breaker
