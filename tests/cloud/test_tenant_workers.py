"""One worker for each tenant: what it does, whom it sees, and when it comes and goes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Mapping

import pytest

from omnicloud import (
    ClosedError,
    InvalidArgumentError,
    Message,
    OmniCloud,
    OutboxEvent,
    ProcessingOutcome,
    Relay,
    Saga,
    SagaEngine,
    StepContext,
    TenantWorkers,
    step,
    tenant,
)
from omnicloud.core.context import current
from omnicloud.testing import LoopClock, run_virtual

MEMORY = {"defaults": {"provider": "memory"}}


async def _ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def test_each_tenants_events_are_relayed_to_that_tenant_and_others_wait() -> None:
    async def main() -> None:
        async with OmniCloud(MEMORY, clock=LoopClock()) as cloud:
            got: list[tuple[str | None, bytes]] = []

            async def handle(message: Message) -> ProcessingOutcome:
                await asyncio.sleep(0)
                got.append((current().tenant, message.payload))
                return ProcessingOutcome.SUCCESS

            def relay() -> Awaitable[object]:
                publish = cloud.messaging("broker").forward
                return Relay(cloud.outbox("events"), publish, clock=LoopClock()).run()

            def consume() -> Awaitable[object]:
                return cloud.messaging("broker").consume("orders", handle)

            for name in ("acme", "globex", "left out"):
                with tenant(name):
                    await cloud.outbox("events").save_event(OutboxEvent("orders", name.encode()))
            await cloud.outbox("events").save_event(OutboxEvent("orders", b"of none"))
            names = ["acme", "globex"]
            tasks = [
                asyncio.create_task(TenantWorkers(names, work, clock=LoopClock()).run())
                for work in (relay, consume)
            ]
            await asyncio.sleep(60)
            await _ended(*tasks)
            assert sorted(got) == [("acme", b"acme"), ("globex", b"globex")]
            with tenant("left out"):
                assert (await cloud.outbox("events").lag()).pending == 1
            assert (await cloud.outbox("events").lag()).pending == 1

    run_virtual(main())


def test_sagas_of_several_tenants_are_brought_to_their_ends() -> None:
    async def main() -> None:
        done: list[tuple[str | None, object]] = []

        async def ship(context: StepContext) -> None:
            await asyncio.sleep(0)
            done.append((current().tenant, context.payload["item"]))

        async with OmniCloud(MEMORY, clock=LoopClock()) as cloud:

            def engine() -> SagaEngine:
                sagas = [Saga("order", [step(ship)])]
                return SagaEngine(cloud.sagas("orders"), sagas, clock=LoopClock())

            for name in ("acme", "globex"):
                with tenant(name):
                    await engine().start("order", {"item": f"{name}'s"}, saga_id="o-1")
            workers = TenantWorkers(
                ["acme", "globex"], lambda: engine().resume_pending(), clock=LoopClock()
            )
            task = asyncio.create_task(workers.run())
            await asyncio.sleep(10)
            await _ended(task)
        assert sorted(done) == [("acme", "acme's"), ("globex", "globex's")]

    run_virtual(main())


def test_tenants_come_and_go_and_a_question_that_fails_changes_nothing() -> None:
    async def main() -> None:
        answers: list[list[str] | Exception] = [["a"], ["a", "b"], ValueError("x"), ["b"]]
        ended: Counter[str | None] = Counter()

        async def tenants() -> list[str]:
            await asyncio.sleep(0)
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def work() -> None:
            try:
                await asyncio.sleep(1e6)
            finally:
                ended[current().tenant] += 1

        workers = TenantWorkers(tenants, work, every=10, clock=LoopClock())
        task = asyncio.create_task(workers.run())
        seen = []
        for _ in range(4):
            await asyncio.sleep(5)
            seen.append(sorted(workers.running))
            await asyncio.sleep(5)
        assert seen == [["a"], ["a", "b"], ["a", "b"], ["b"]]
        assert ended == {"a": 1}
        await _ended(task)
        assert ended == {"a": 1, "b": 1}

    run_virtual(main())


def test_one_tenants_failures_are_told_and_do_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun: Counter[str | None] = Counter()

    async def work() -> None:
        begun[current().tenant] += 1
        await asyncio.sleep(0)
        if current().tenant == "bad":
            raise ValueError("4111 1111")
        await asyncio.sleep(1e6)

    async def main() -> None:
        task = asyncio.create_task(TenantWorkers(["bad", "good"], work, clock=LoopClock()).run())
        await asyncio.sleep(600)
        await _ended(task)

    with caplog.at_level(logging.WARNING):
        run_virtual(main())
    assert begun["good"] == 1
    assert 8 <= begun["bad"] <= 25  # 1, 2, 4 … 60 s apart
    assert "the worker of a tenant raised ValueError" in caplog.text
    assert "4111" not in caplog.text


def test_it_ends_when_the_cloud_is_closed() -> None:
    async def main() -> None:
        async with OmniCloud(MEMORY, clock=LoopClock()) as cloud:
            events, broker = cloud.outbox("events"), cloud.messaging("broker")

            def relay() -> Awaitable[object]:
                return Relay(events, broker.forward, clock=LoopClock()).run()

            async def names() -> list[str]:
                await asyncio.sleep(0)
                return ["a", "b"]

            tasks = [
                asyncio.create_task(TenantWorkers(told, relay, clock=LoopClock()).run())
                for told in (["a", "b"], names)
            ]
            await asyncio.sleep(1)
        done, _ = await asyncio.wait(tasks, timeout=100)
        assert len(done) == 2
        assert [task.exception() for task in tasks] == [None, None]
        with pytest.raises(ClosedError):
            await TenantWorkers(["a", "b"], relay, clock=LoopClock()).run()

    run_virtual(main())


@pytest.mark.parametrize(
    "said",
    [
        {"tenants": "acme"},
        {"tenants": ["a" * 129]},
        {"tenants": [None]},
        {"tenants": [f"t{number}" for number in range(10_001)]},
        {"tenants": ["a"], "work": "relay"},
        {"tenants": ["a"], "every": 0},
    ],
)
def test_wrong_arguments_are_refused(said: Mapping[str, object]) -> None:
    given: dict[str, object] = {"work": asyncio.sleep, **said}
    with pytest.raises(InvalidArgumentError):
        TenantWorkers(**given)  # type: ignore[arg-type]  # on purpose
