"""The saga engine over memory, in virtual time: killed at every stored point, and resumed."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from omnicloud.contracts.sagas import (
    Saga,
    SagaEngine,
    SagaStates,
    SagaStatus,
    StepContext,
    step,
)
from omnicloud.contracts.sagas.driver import Update
from omnicloud.core.backoff import Backoff
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    CircuitOpenError,
    ConflictError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
    SagaFailedError,
    SagaStateConflictError,
    ThrottledError,
    UnavailableError,
)
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual

QUICK = Backoff(0.01, 0.01, 0.0)


class Killed(BaseException):
    """The process dies here."""


class Mortal(MemorySagas):
    """Dies before, or just after, its nth update."""

    def __init__(self, store: MemoryStore, at: int, *, after: bool) -> None:
        super().__init__(store)
        self._left = at
        self._after = after

    async def update(self, op: Update, /) -> int:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        version = await super().update(op)
        if self._left == 0:
            raise Killed
        return version


class Shop:
    """Effects with idempotency keys, as a service that is called would keep them."""

    def __init__(self, failing: str = "") -> None:
        self.effects: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.order: list[str] = []
        self.failing = failing

    def does(self, name: str) -> Any:
        async def action(context: StepContext) -> None:
            await asyncio.sleep(0.01)
            if context.idempotency_key not in self.keys:
                self.keys.add(context.idempotency_key)
                self.effects[name] += 1
                self.order.append(name)
            context.payload[name] = True
            if name == self.failing:
                raise ValueError("secret words")

        return action

    def saga(self) -> Saga:
        return Saga(
            "order",
            [
                step(self.does(n), self.does(f"undo {n}"), name=n, retries=1, backoff=QUICK)
                for n in ("stock", "payment", "invoice")
            ],
        )


def engine(driver: Any, saga: Saga) -> SagaEngine:
    return SagaEngine(SagaStates(Pipeline(driver)), [saga], lease=5.0, poll=0.1, clock=LoopClock())


async def _killed_then_resumed(shop: Shop, at: int, *, after: bool) -> tuple[SagaStatus, bool]:
    store = MemoryStore(LoopClock())
    first = engine(Mortal(store, at, after=after), shop.saga())
    await first.start("order", {}, saga_id="s")
    died = False
    try:
        await first.run_until_complete("s")
    except BaseExceptionGroup as group:
        died = group.subgroup(Killed) is not None
    second = engine(MemorySagas(store), shop.saga())
    return (await second.run_until_complete("s")).status, died


@pytest.mark.parametrize("failing", ["", "stock", "payment", "invoice"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_stored_point_it_ends_with_each_effect_once(
    failing: str, after: bool
) -> None:
    points = 0
    while True:
        points += 1
        shop = Shop(failing)
        status, died = run_virtual(_killed_then_resumed(shop, points, after=after))
        names = ["stock", "payment", "invoice"]
        begun = names[: names.index(failing) + 1] if failing else names
        undone = [f"undo {name}" for name in reversed(begun)] if failing else []
        assert status is (SagaStatus.COMPENSATED if failing else SagaStatus.COMPLETED)
        assert shop.order == [*begun, *undone]
        assert set(shop.effects.values()) == {1}
        if not died:
            break
    assert points > 3


def test_cancelling_leaves_a_saga_that_is_resumed_at_once() -> None:
    async def main() -> None:
        store, shop = MemoryStore(LoopClock()), Shop()
        first = engine(MemorySagas(store), shop.saga())
        await first.start("order", {}, saga_id="s")
        task = asyncio.create_task(first.run_until_complete("s"))
        await asyncio.sleep(0.015)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        started = asyncio.get_running_loop().time()
        found = await engine(MemorySagas(store), shop.saga()).run_until_complete("s")
        assert found.status is SagaStatus.COMPLETED
        assert asyncio.get_running_loop().time() - started < 1.0

    run_virtual(main())


def test_a_failing_compensation_is_stuck_until_it_is_retried() -> None:
    async def main() -> None:
        store, shop = MemoryStore(LoopClock()), Shop("payment")
        broken = True

        async def undo(context: StepContext) -> None:
            if broken:
                raise RuntimeError

        saga = Saga(
            "order",
            [
                step(shop.does("stock"), undo, name="stock", retries=1, backoff=QUICK),
                step(shop.does("payment"), name="payment", retries=0),
            ],
        )
        worker = engine(MemorySagas(store), saga)
        with pytest.raises(SagaFailedError) as failed:
            await worker.execute("order", {}, saga_id="s")
        assert "secret" not in str(failed.value)
        found = await worker.inspect("s")
        assert found is not None
        assert found.status is SagaStatus.STUCK
        assert "RuntimeError" in (found.reason or "")
        broken = False
        await worker.retry("s")
        assert (await worker.run_until_complete("s")).status is SagaStatus.COMPENSATED
        with pytest.raises(ConflictError):
            await worker.retry("s")

    run_virtual(main())


def test_a_step_that_takes_too_long_is_tried_again_and_its_changes_forgotten() -> None:
    async def main() -> None:
        attempts: list[int] = []

        async def slow(context: StepContext) -> None:
            attempts.append(context.attempt)
            assert "seen" not in context.payload
            context.payload["seen"] = True
            if len(attempts) < 3:
                await asyncio.sleep(100)

        saga = Saga("slow", [step(slow, retries=3, timeout=2.0, backoff=QUICK)])
        worker = engine(MemorySagas(MemoryStore(LoopClock())), saga)
        assert (await worker.execute("slow", {})).payload == {"seen": True}
        assert attempts == [1, 2, 3]

    run_virtual(main())


def test_an_outage_of_the_store_is_waited_out() -> None:
    async def main() -> None:
        store, shop = MemoryStore(LoopClock()), Shop()
        worker = engine(MemorySagas(store), shop.saga())
        await worker.start("order", {}, saga_id="s")
        task = asyncio.create_task(worker.resume_pending())
        await asyncio.sleep(0.012)
        store.down = True
        with pytest.raises(UnavailableError):
            await worker.inspect("s")
        await asyncio.sleep(60)
        store.down = False
        assert (await worker.run_until_complete("s")).status is SagaStatus.COMPLETED
        task.cancel()
        await asyncio.wait({task})

    run_virtual(main())


@pytest.mark.parametrize(
    "refusal",
    [
        CircuitOpenError("open"),
        ThrottledError("too often", retry_after=3.0),
        UnavailableError("refused", outcome=Outcome.NOT_DONE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_service_that_is_away_and_did_nothing_costs_a_step_no_attempt(
    refusal: OmniCloudError,
) -> None:
    async def main() -> None:
        loop, attempts = asyncio.get_running_loop(), set[int]()
        away_until = loop.time() + 600

        async def one(context: StepContext) -> None:
            attempts.add(context.attempt)
            if loop.time() < away_until:
                raise refusal

        saga = Saga("s", [step(one, retries=0)])
        worker = engine(MemorySagas(MemoryStore(LoopClock())), saga)
        found = await worker.execute("s", {}, saga_id="s")
        assert found.status is SagaStatus.COMPLETED
        assert attempts == {1}
        assert loop.time() < away_until + 4.0

    run_virtual(main())


def test_a_failure_that_may_have_had_its_effect_is_an_attempt() -> None:
    async def main() -> None:
        attempts: list[int] = []

        async def one(context: StepContext) -> None:
            attempts.append(context.attempt)
            raise UnavailableError("no answer")

        saga = Saga("s", [step(one, retries=2, backoff=QUICK)])
        worker = engine(MemorySagas(MemoryStore(LoopClock())), saga)
        with pytest.raises(SagaFailedError):
            await worker.execute("s", {})
        assert attempts == [1, 2, 3]

    run_virtual(main())


def test_a_step_may_give_up_on_an_open_circuit() -> None:
    async def main() -> None:
        async def one(_: StepContext) -> None:
            raise CircuitOpenError("open")

        saga = Saga("s", [step(one, give_up_on=(CircuitOpenError,))])
        worker = engine(MemorySagas(MemoryStore(LoopClock())), saga)
        with pytest.raises(SagaFailedError, match="CircuitOpenError"):
            await worker.execute("s", {})

    run_virtual(main())


def test_an_open_circuit_of_the_store_itself_is_waited_out_while_the_lease_lasts() -> None:
    class Refusing(MemorySagas):
        left = 5

        async def update(self, op: Update, /) -> int:
            self.left -= 1
            if self.left >= 0:
                raise CircuitOpenError("open")
            return await super().update(op)

    async def main() -> None:
        ran: list[str] = []

        async def one(context: StepContext) -> None:
            ran.append(context.step)

        driver = Refusing(MemoryStore(LoopClock()))
        worker = engine(driver, Saga("s", [step(one)]))
        assert (await worker.execute("s", {})).status is SagaStatus.COMPLETED
        assert ran == ["one"]
        assert driver.left < 0

    run_virtual(main())


def test_a_worker_leaves_sagas_that_it_does_not_know_to_others() -> None:
    async def main() -> None:
        store, shop = MemoryStore(LoopClock()), Shop()
        one = engine(MemorySagas(store), shop.saga())
        other = engine(MemorySagas(store), Saga("other", [step(shop.does("x"), name="x")]))
        for number in range(20):
            await one.start("order", {}, saga_id=f"s{number}")
        await other.start("other", {}, saga_id="mine")
        assert await other.resume_once() == 1
        assert await one.resume_once() == 20

    run_virtual(main())


def test_bad_starts_are_refused() -> None:
    async def main() -> None:
        worker = engine(MemorySagas(MemoryStore(LoopClock())), Shop().saga())
        with pytest.raises(InvalidArgumentError, match="known: order"):
            await worker.start("unknown", {})
        with pytest.raises(InvalidArgumentError):
            await worker.start("order", {"bytes": b"x"})
        await worker.start("order", {}, saga_id="s")
        with pytest.raises(SagaStateConflictError):
            await worker.start("order", {}, saga_id="s")
        with pytest.raises(InvalidArgumentError):
            Saga("twice", [step(Shop().does("a"), name="a"), step(Shop().does("a"), name="a")])

    run_virtual(main())
