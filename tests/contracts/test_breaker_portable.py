"""Breakers: what they refuse, what they tell, and what they do over a shared store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omnicloud.contracts.breaker import Breaker, CircuitEvent, CircuitState
from omnicloud.contracts.breaker.driver import Report
from omnicloud.contracts.breaker.keeper import InProcess
from omnicloud.contracts.breaker.models import Reading
from omnicloud.contracts.iam import IAM
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, UnsupportedError
from omnicloud.layers.tenancy import TenancyLayer
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual


async def failing() -> None:
    raise ConnectionError("down")


async def working() -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"failure_threshold": True},
        {"failure_threshold": 1.5},
        {"reset_timeout": 0},
        {"reset_timeout": float("nan")},
        {"failure_rate": 0.0},
        {"slow_rate": 1.1},
        {"minimum_calls": 0},
        {"excluded": ("ValueError",)},
        {"name": ""},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        Breaker(**wrong)


def test_listeners_are_told_each_change_once() -> None:
    async def main() -> list[tuple[CircuitState, CircuitState]]:
        breaker = Breaker(1, 1, name="payments", clock=LoopClock())
        told: list[CircuitEvent] = []
        stop = breaker.listen(told.append)
        with pytest.raises(ConnectionError):
            await breaker.execute(failing)
        await asyncio.sleep(1.1)
        await breaker.execute(working)
        await breaker.execute(working)
        stop()
        with pytest.raises(ConnectionError):
            await breaker.execute(failing)
        await asyncio.sleep(0)
        assert {event.circuit for event in told} == {"payments"}
        return [(event.before, event.after) for event in told]

    assert run_virtual(main()) == [
        (CircuitState.CLOSED, CircuitState.OPEN),
        (CircuitState.OPEN, CircuitState.HALF_OPEN),
        (CircuitState.HALF_OPEN, CircuitState.CLOSED),
    ]


def test_a_calm_circuit_leaves_nothing_in_the_store() -> None:
    async def main() -> int:
        store = MemoryStore(LoopClock())
        breaker = Breaker(pipeline=Pipeline(MemoryBreaker(store)), clock=store.clock)
        for _ in range(3):
            await breaker.execute(working)
        return len(store.rows(("breaker", "")))

    assert run_virtual(main()) == 0


async def test_rules_cannot_be_managed_inside_a_tenant() -> None:
    store = MemoryStore()
    iam = IAM(pipeline=Pipeline(MemoryIAM(store)))
    inside = IAM(pipeline=Pipeline(MemoryIAM(store), [TenancyLayer("acme")]))
    await iam.replace([{"effect": "Allow", "principal": "p", "action": "a", "resource": "r"}])
    with pytest.raises(UnsupportedError, match="above them"):
        await inside.replace([])
    with pytest.raises(UnsupportedError, match="above them"):
        await inside.policies()
    assert await inside.is_allowed("p", "a", "r")


def test_an_answer_that_comes_in_late_does_not_undo_a_newer_one() -> None:
    class Tardy(InProcess):
        """Holds back the answer to the first report until after the second."""

        reports = 0

        async def report(self, op: Report, /) -> Reading:
            self.reports += 1
            mine = self.reports
            answer = await super().report(op)
            if mine == 1:
                await asyncio.sleep(5)
            return answer

    async def main() -> CircuitState:
        pipe = Pipeline(Tardy(LoopClock()))
        breaker = Breaker(2, 60, pipeline=pipe, clock=LoopClock())

        await asyncio.gather(*(breaker.execute(failing) for _ in range(2)), return_exceptions=True)
        return breaker.state

    assert run_virtual(main()) is CircuitState.OPEN
