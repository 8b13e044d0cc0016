"""Clock, recorder and chaos do what they say."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar

import pytest

from omnicloud.core.operation import NO_FEATURES, Limits, Operation
from omnicloud.core.pipeline import Layer, Pipeline
from omnicloud.errors import InvalidArgumentError, Outcome, ThrottledError, UnavailableError
from omnicloud.testing import Chaos, FakeClock, LoopClock, Recorder, run_virtual


class Counting:
    features = NO_FEATURES
    limits = Limits()

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, fails: bool) -> int:
        await asyncio.sleep(0)
        if fails:
            raise UnavailableError("down")
        self.runs += 1
        return self.runs

    async def aclose(self) -> None:
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Count(Operation[Counting, int]):
    name: ClassVar[str] = "test.count"
    fails: bool = False

    def run(self, driver: Counting) -> Awaitable[int]:
        return driver.run(self.fails)


def piped(*layers: Layer) -> Pipeline[Counting]:
    return Pipeline(Counting(), layers)


async def test_a_sleep_takes_no_time_but_moves_both_clocks() -> None:
    clock = FakeClock(wall=100.0)
    await clock.sleep(3600)
    assert (clock.monotonic(), clock.wall()) == (3600.0, 3700.0)


async def test_the_wall_clock_steps_alone() -> None:
    clock = FakeClock(wall=100.0)
    clock.step_wall(-50)
    assert (clock.monotonic(), clock.wall()) == (0.0, 50.0)
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)


async def test_without_autojump_sleepers_wake_when_their_time_has_come() -> None:
    clock = FakeClock(autojump=False)
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (30, 10, 20):
            group.create_task(sleeper(seconds))
        await asyncio.sleep(0)
        clock.advance(20)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == [10, 20]
        clock.advance(10)
    assert woken == [10, 20, 30]


def test_the_loops_wall_clock_steps_alone() -> None:
    async def main() -> tuple[float, float]:
        clock = LoopClock(wall_start=100.0)
        await clock.sleep(5)
        clock.step_wall(-50)
        return clock.monotonic(), clock.wall()

    assert run_virtual(main()) == (5.0, 55.0)


def test_the_recorder_keeps_answers_errors_and_cancellations() -> None:
    recorder = Recorder()
    slow = Chaos(seed=1, latency=100)
    pipe = piped(recorder)

    async def main() -> None:
        await pipe.send(Count())
        with pytest.raises(UnavailableError):
            await pipe.send(Count(fails=True))
        task = asyncio.create_task(piped(recorder, slow).send(Count()))
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])

    run_virtual(main())
    ends = [(call.answer, type(call.error)) for call in recorder.calls]
    assert ends == [
        (1, type(None)),
        (None, UnavailableError),
        (None, asyncio.CancelledError),
    ]
    assert recorder.names == ["test.count"] * 3
    recorder.clear()
    assert recorder.calls == ()


def sequence(seed: int, calls: int = 400) -> tuple[list[str], int]:
    chaos = Chaos(seed=seed, errors={ThrottledError: 0.2}, lost_answers=0.1, cancelled=0.1)
    pipe = piped(chaos)

    async def main() -> list[str]:
        ends: list[str] = []
        for _ in range(calls):
            task = asyncio.create_task(pipe.send(Count()))
            await asyncio.wait([task])
            error = None if task.cancelled() else task.exception()
            ends.append("cancelled" if task.cancelled() else type(error).__name__)
        return ends

    return run_virtual(main()), pipe.driver.runs


def test_one_seed_gives_one_sequence_of_faults_at_about_their_rates() -> None:
    ends, runs = sequence(7)
    assert sequence(7) == (ends, runs)
    assert sequence(8)[0] != ends
    counts = Counter(ends)
    assert 50 < counts["ThrottledError"] < 110
    assert 20 < counts["UnavailableError"] < 65
    assert 20 < counts["cancelled"] < 65
    # The driver ran for every answer, also for those that were lost, and for no other.
    assert runs == counts["NoneType"] + counts["UnavailableError"]


def test_a_lost_answer_is_unknown_and_a_refusal_was_not_done() -> None:
    with pytest.raises(UnavailableError) as lost:
        run_virtual(piped(Chaos(seed=1, lost_answers=1.0)).send(Count()))
    with pytest.raises(UnavailableError) as refused:
        run_virtual(piped(Chaos(seed=1, errors={UnavailableError: 1.0})).send(Count()))
    assert (lost.value.outcome, refused.value.outcome) == (Outcome.UNKNOWN, Outcome.NOT_DONE)


def test_chaos_can_be_ended() -> None:
    chaos = Chaos(seed=1, lost_answers=1.0)
    chaos.enabled = False
    assert run_virtual(piped(chaos).send(Count())) == 1


def test_rates_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        Chaos(seed=1, lost_answers=1.1)
    with pytest.raises(InvalidArgumentError):
        Chaos(seed=1, lost_answers=0.6, cancelled=0.6)


def test_the_tools_import_no_test_runner() -> None:
    tools = {name for name in sys.modules if name.startswith("omnicloud.testing")}
    names = tools - {"omnicloud.testing.fixtures"}  # which a test runner asks for by name
    assert not [name for name in names if hasattr(sys.modules[name], "pytest")]
