"""The door, the guard, and how a pipeline is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar

import pytest

from omnicloud.core.context import ServiceInfo
from omnicloud.core.operation import NO_FEATURES, Feature, Limits, Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ClosedError, InternalError, NotFoundError, Outcome, UnsupportedError
from omnicloud.testing import run_virtual


class Extra(Feature):
    WINGS = "wings"


class Slow:
    features: frozenset[Feature] = NO_FEATURES
    limits = Limits()

    def __init__(self, error: Exception | None = None, stubborn: bool = False) -> None:
        self.error = error
        self.stubborn = stubborn
        self.calls = 0
        self.closed = 0

    async def work(self, seconds: float) -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if not self.stubborn:
                raise
            await asyncio.sleep(1000)
        return "done"

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


@dataclass(frozen=True, slots=True)
class Work(Operation[Slow, str]):
    name: ClassVar[str] = "test.work"
    seconds: float = 0.0
    wings: bool = False

    def needs(self) -> frozenset[Feature]:
        return frozenset({Extra.WINGS}) if self.wings else NO_FEATURES

    def run(self, driver: Slow) -> Awaitable[str]:
        return driver.work(self.seconds)


def piped(driver: Slow) -> Pipeline[Slow]:
    return Pipeline(driver, service=ServiceInfo("orders", "test", "slow"))


def test_what_no_table_maps_becomes_an_internal_error_with_its_cause() -> None:
    native = ValueError("payload-4711")
    with pytest.raises(InternalError) as caught:
        run_virtual(piped(Slow(native)).send(Work()))
    assert caught.value.__cause__ is native
    assert caught.value.outcome is Outcome.UNKNOWN
    assert "4711" not in str(caught.value)
    assert caught.value.provider == "slow"


def test_a_librarys_error_passes_as_it_is_and_says_where() -> None:
    error = NotFoundError("no such thing")
    with pytest.raises(NotFoundError) as caught:
        run_virtual(piped(Slow(error)).send(Work()))
    assert caught.value is error
    assert str(error) == "no such thing [operation test.work, service orders, provider slow]"


def test_a_feature_that_is_not_declared_is_refused_before_the_driver() -> None:
    driver = Slow()
    with pytest.raises(UnsupportedError, match="wings"):
        run_virtual(piped(driver).send(Work(wings=True)))
    assert driver.calls == 0


def test_a_call_in_flight_gets_its_grace() -> None:
    driver = Slow()
    pipe = piped(driver)

    async def main() -> str:
        task = asyncio.create_task(pipe.send(Work(4.0)))
        await asyncio.sleep(0)
        await pipe.aclose()
        await pipe.aclose()
        return await task

    assert run_virtual(main()) == "done"
    assert driver.closed == 1


def test_a_call_that_outlasts_the_grace_is_cut_and_told_so() -> None:
    pipe = piped(Slow())

    async def main() -> float:
        task = asyncio.create_task(pipe.send(Work(60.0)))
        await asyncio.sleep(0)
        await pipe.aclose()
        with pytest.raises(ClosedError) as caught:
            await task
        assert caught.value.outcome is Outcome.UNKNOWN
        with pytest.raises(ClosedError):
            await pipe.send(Work())
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 5.0


def test_a_call_that_ignores_its_cancellation_does_not_keep_the_driver_open() -> None:
    driver = Slow(stubborn=True)
    pipe = piped(driver)

    async def main() -> float:
        task = asyncio.create_task(pipe.send(Work(60.0)))
        await asyncio.sleep(0)
        await pipe.aclose()
        ended = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.wait([task])
        return ended

    assert run_virtual(main()) == 10.0
    assert driver.closed == 1


def test_closing_closes_the_driver_also_when_it_is_cancelled() -> None:
    driver = Slow()
    pipe = piped(driver)

    async def main() -> None:
        call = asyncio.create_task(pipe.send(Work(60.0)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(pipe.aclose())
        await asyncio.sleep(1)
        closing.cancel()
        await asyncio.wait([closing, call])
        assert closing.cancelled()
        assert isinstance(call.exception(), ClosedError)

    run_virtual(main())
    assert driver.closed == 1


def test_a_driver_that_was_lent_is_not_closed() -> None:
    lent = Slow()
    pipe = piped(Slow()).around(lent)
    run_virtual(pipe.aclose())
    assert lent.closed == 0
