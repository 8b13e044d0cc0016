"""The laws of the breaker contract: when a circuit opens, and how it closes again."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.breaker import Breaker, CircuitState
from omnicloud.errors import CircuitOpenError
from omnicloud_tck.breaker.calls import (
    DependencyError,
    OtherError,
    Probe,
    fail,
    open_circuit,
    state_of,
    stays_apart,
)
from omnicloud_tck.breaker.edges import BreakerEdges
from omnicloud_tck.breaker.programs import BreakerPrograms
from omnicloud_tck.breaker.shared import SharedCircuits
from omnicloud_tck.breaker.tenants import TenantLaws
from omnicloud_tck.breaker.trials import Trials
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general.verbs import EveryVerb
from omnicloud_tck.law import Rung, law
from omnicloud_tck.samples import LONG_ALIKE, SEPARATED_ALIKE, look_alikes
from omnicloud_tck.world import World

__all__ = ["BreakerContract"]

CLOSED, OPEN = CircuitState.CLOSED, CircuitState.OPEN
_LONG = 300.0  # seconds; longer than any law takes


class BreakerContract(Trials, SharedCircuits, BreakerEdges, TenantLaws, BreakerPrograms, EveryVerb):
    """Every promise of ``Breaker``.

    A provider whose breaker is an object of its own overrides :meth:`portable`.
    """

    contract = "breaker"

    async def portable(
        self,
        world: World[Any],
        failure_threshold: int = 2,
        reset_timeout: float = _LONG,
        **more: Any,
    ) -> Any:
        more.setdefault("name", "tck")
        pipeline = more.pop("pipeline", None) or await world.pipeline()
        return Breaker(
            failure_threshold, reset_timeout, pipeline=pipeline, clock=world.clock, **more
        )

    @law(
        "BRK-001",
        "A call gets its arguments; its result, or its own error, comes out unchanged.",
        rung=Rung.SHAPE,
    )
    async def calls_pass_unchanged(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 3)
        answer = object()

        async def call(*args: object, **kwargs: object) -> object:
            equal(((1, None), {"key": "value"}), (args, kwargs), "the arguments of the call")
            return answer

        that(await breaker.execute(call, 1, None, key="value") is answer, "another result came out")
        error = DependencyError("its own")

        async def failing() -> None:
            raise error

        try:
            await breaker.execute(failing)
        except Exception as raised:
            that(raised is error, f"its error came out as {type(raised).__name__}")
        else:
            that(False, "the error of the call was swallowed")
        for falsy in (None, False, 0, ""):
            equal(falsy, await breaker.execute(_giving, falsy), "a result")

    @law(
        "BRK-002",
        "The circuit opens at the threshold of failures in a row, and not before.",
        rung=Rung.SHAPE,
    )
    async def it_opens_at_the_threshold(self, world: World[Any]) -> None:
        for threshold in (1, 2, 3, 5, 12):
            breaker = await self.portable(world, threshold, name=f"threshold-{threshold}")
            for number in range(threshold):
                equal(CLOSED, await state_of(breaker), f"after {number} of {threshold} failures")
                await fail(breaker)
            equal(OPEN, await state_of(breaker), f"after {threshold} failures")

    @law("BRK-003", "While the circuit is open calls are refused, and not made.", rung=Rung.SHAPE)
    async def open_means_not_called(self, world: World[Any]) -> None:
        breaker = await open_circuit(await self.portable(world))
        for _ in range(5):
            probe = Probe()
            with refused(CircuitOpenError, "a call while the circuit is open"):
                await breaker.execute(probe)
            equal(0, probe.calls, "calls made while the circuit is open")
        equal(OPEN, await state_of(breaker), "after calls that were refused")

    @law("BRK-004", "Failures count in a row: a success begins the count anew.")
    async def a_success_begins_anew(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 3)
        for _ in range(4):
            await fail(breaker, 2)
            await breaker.execute(Probe())
        equal(CLOSED, await state_of(breaker), "two failures at a time, of a threshold of three")
        await fail(breaker, 2)
        equal(CLOSED, await state_of(breaker), "after two failures in a row")
        await fail(breaker)
        equal(OPEN, await state_of(breaker), "after three failures in a row")

    @law("BRK-005", "Every error of the dependency counts, of whatever class.")
    async def every_error_counts(self, world: World[Any]) -> None:
        kinds = (ValueError, OSError, TimeoutError, KeyError, OtherError, AssertionError)
        for kind in kinds:
            breaker = await self.portable(world, 2, name=f"error-{kind.__name__}")
            await fail(breaker, 2, kind)
            equal(OPEN, await state_of(breaker), f"after two failures of class {kind.__name__}")

    @law("BRK-006", "Errors that are excluded neither count nor begin the count anew.")
    async def excluded_errors_say_nothing(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 2, excluded=(OtherError,))
        await fail(breaker)
        await fail(breaker, 5, OtherError)
        equal(CLOSED, await state_of(breaker), "after one failure and five excluded errors")
        await fail(breaker)
        equal(OPEN, await state_of(breaker), "after two failures with excluded ones between")

    @law(
        "BRK-007",
        "A cancelled call is cancelled, and says nothing about the dependency.",
        rung=Rung.CONCURRENCY,
    )
    async def cancellation_says_nothing(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 2)
        await fail(breaker)
        for turns in range(8):
            task: asyncio.Future[Any] = asyncio.ensure_future(breaker.execute(asyncio.sleep, 30))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,))
            that(task.cancelled(), "a call that was cancelled did not end cancelled")
        for _ in range(3):
            with refused(TimeoutError, "a call in a budget that ran out"):
                async with asyncio.timeout(0.05):
                    await breaker.execute(asyncio.sleep, 30)
        equal(CLOSED, await state_of(breaker), "after one failure and calls that were cancelled")
        await fail(breaker)
        equal(OPEN, await state_of(breaker), "after two failures with cancelled calls between")

    @law("BRK-008", "Each circuit has a state of its own, however alike the names.")
    async def circuits_are_apart(self, world: World[Any]) -> None:
        names = ["payments", *look_alikes("like-"), *LONG_ALIKE, *SEPARATED_ALIKE]
        breakers = [await self.portable(world, 2, name=name) for name in names]
        await open_circuit(breakers[0])
        for name, breaker in zip(names[1:], breakers[1:], strict=True):
            await stays_apart(breaker, name)
        for breaker in breakers[1::2]:
            await open_circuit(breaker)
        for number, breaker in enumerate(breakers):
            expected = OPEN if not number or number % 2 else CLOSED
            equal(expected, await state_of(breaker), f"the circuit {names[number][:40]!r}")

    @law("BRK-009", "Thresholds and times belong to a breaker, not to all of them.")
    async def settings_are_its_own(self, world: World[Any]) -> None:
        strict = await self.portable(world, 1, name="strict")
        patient = await self.portable(world, 4, name="patient")
        await fail(patient, 3)
        await fail(strict)
        equal(OPEN, await state_of(strict), "the circuit of threshold 1 after one failure")
        equal(CLOSED, await state_of(patient), "the circuit of threshold 4 after three failures")

    @law(
        "BRK-010",
        "Calls of a closed circuit run at once; each gets its own answer.",
        rung=Rung.CONCURRENCY,
    )
    async def calls_run_at_once(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 3)
        inside, most = 0, 0

        async def call(number: int) -> int:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await world.sleep(0.3)
            inside -= 1
            return number

        answers = await asyncio.gather(*(breaker.execute(call, n) for n in range(12)))
        equal(list(range(12)), answers, "the answers of calls at once")
        that(most > 1, "calls of a closed circuit were made one after another")

    @law("BRK-011", "A ratio of failed calls in the window opens the circuit, if one is given.")
    async def a_failure_rate_opens(self, world: World[Any]) -> None:
        breaker = await self.portable(world, 1000, failure_rate=0.5, minimum_calls=8)
        for _ in range(3):
            await fail(breaker)
            await breaker.execute(Probe())
        await breaker.execute(Probe())
        equal(CLOSED, await state_of(breaker), "half of the calls failed, but they are too few")
        await fail(breaker)
        equal(OPEN, await state_of(breaker), "4 of 8 calls failed")
        calm = await self.portable(world, 1000, name="calm", failure_rate=0.5, minimum_calls=8)
        for _ in range(8):
            await fail(calm)
            await calm.execute(Probe())
            await calm.execute(Probe())
        equal(CLOSED, await state_of(calm), "a third of the calls failed")

    @law("BRK-012", "A ratio of slow calls in the window opens the circuit, if one is given.")
    async def a_slow_rate_opens(self, world: World[Any]) -> None:
        more = {"slow_rate": 0.5, "slow_call": 0.5, "minimum_calls": 4}
        breaker = await self.portable(world, 1000, **more)
        quick = await self.portable(world, 1000, name="quick", **more)
        for _ in range(4):
            await quick.execute(Probe())
        await asyncio.gather(*(breaker.execute(world.sleep, 0.7) for _ in range(4)))
        equal(OPEN, await state_of(breaker), "after slow calls")
        equal(CLOSED, await state_of(quick), "after quick calls")


async def _giving(value: object) -> object:
    return value
