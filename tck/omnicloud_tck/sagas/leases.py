"""The laws of leases, and of the engine that lives by them."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.sagas import (
    Saga,
    SagaEngine,
    SagaState,
    SagaStates,
    SagaStatus,
    StepContext,
    step,
)
from omnicloud.contracts.sagas.driver import Claim, Create, Keep
from omnicloud.contracts.sagas.models import JSON, SagaRecord
from omnicloud.contracts.sagas.portable import SPACE, to_record
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.sagas.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["LeaseLaws", "a_state"]

_LEASE = 1.0


class LeaseLaws(Contract):
    """Who may run which saga, and what becomes of it when a worker dies."""

    @law("SA-020", "A saga is leased by one; after the lease, by another.", rung=Rung.CONCURRENCY)
    async def leases_are_exclusive(self, world: World[Any]) -> None:
        one, two = await self._pipes(world)
        for number in range(5):
            await one.send(Create(SPACE, to_record(a_state(f"s-{number}"))))
        first, second = await _claim(one, "one", 2), await _claim(two, "two", 10)
        ids = {record.saga_id for record in (*first, *second)}
        equal((2, 5), (len(first), len(ids)), "sagas leased by the first, and by both")
        equal((), await _claim(two, "three", 10), "sagas to lease while all are leased")
        await world.sleep(_LEASE + 0.2)
        again = await _claim(two, "three", 10)
        equal(ids, {record.saga_id for record in again}, "sagas leased after the leases")
        equal([1] * 5, [record.version for record in again], "versions after leasing")

    @law("SA-021", "The owner's lease can be kept and given free; another's, or an ended one, not.")
    async def leases_belong_to_their_owner(self, world: World[Any]) -> None:
        one, two = await self._pipes(world)
        await one.send(Create(SPACE, to_record(a_state("s")), "one", _LEASE))
        equal((), await _claim(two, "two"), "a saga that was created leased")
        for _ in range(3):
            await world.sleep(_LEASE * 0.6)
            equal(True, await _keep(one, "s", "one", _LEASE), "keeping the own lease")
        equal(False, await _keep(two, "s", "two", 60.0), "keeping another's lease")
        equal(False, await _keep(two, "s", "two", 0.0), "freeing another's lease")
        equal((), await _claim(two, "two"), "a saga whose lease is kept")
        equal(True, await _keep(one, "s", "one", 0.0), "giving it free")
        equal(1, len(await _claim(two, "two")), "a saga that was given free")
        equal(False, await _keep(one, "s", "one", 60.0), "the old owner's lease")
        await world.sleep(_LEASE + 0.2)
        equal(False, await _keep(two, "s", "two", 60.0), "keeping a lease that ended")
        equal(False, await _keep(two, "unknown", "two", 60.0), "an unknown saga")

    @law("SA-022", "Claiming looks at status, id and what is excluded; updates leave the lease.")
    async def claims_choose(self, world: World[Any]) -> None:
        one, two = await self._pipes(world)
        for name, status in (("a", "RUNNING"), ("b", "STUCK"), ("c", "RUNNING"), ("d", "OTHER")):
            await one.send(Create(SPACE, to_record(a_state(name, status=status))))
        equal(("b",), _ids(await _claim(one, "one", 10, ("STUCK",))), "sagas that are STUCK")
        found = await _claim(one, "one", 10, excluded=("a",))
        equal(("c",), _ids(found), "sagas that run, but for one")
        equal((), await _claim(two, "two", 10, saga_id="c"), "a leased saga by its id")
        equal(("a",), _ids(await _claim(two, "two", 10, saga_id="a")), "a free saga by its id")
        equal((), await _claim(two, "two", 10, saga_id="d"), "a saga of another status")
        await SagaStates(one).update_state(a_state("c", version=1))
        equal((), await _claim(two, "two", 10, excluded=("a",)), "a leased saga after its update")

    @law("SA-023", "A tenant's worker is given no other tenant's sagas.", rung=Rung.TRUST)
    async def tenants_claim_their_own(self, world: World[Any]) -> None:
        acme = await world.pipeline(Scoping("acme"))
        other, outside = await world.pipeline(Scoping("other")), await world.pipeline()
        await acme.send(Create(SPACE, to_record(a_state("s"))))
        equal((), await _claim(other, "other", 10), "what another tenant is given")
        equal((), await _claim(outside, "outside", 10), "what is given outside all tenants")
        equal(("s",), _ids(await _claim(acme, "acme", 10)), "what the tenant is given")

    @law(
        "SA-030",
        "A saga whose worker died is gone on with, its effects once for each key.",
        rung=Rung.RESILIENCE,
    )
    async def dead_workers_are_replaced(self, world: World[Any]) -> None:
        effects: list[str] = []
        dying = True

        async def pay(context: StepContext) -> None:
            if context.idempotency_key not in effects:
                effects.append(context.idempotency_key)
            if dying:
                await world.sleep(3600)

        async def ship(context: StepContext) -> None:
            effects.append(context.idempotency_key)
            context.payload["shipped"] = True

        saga = Saga("order", [step(pay, timeout=None), step(ship)])
        first, second = [
            SagaEngine(
                await self.portable(world),
                [saga],
                lease=_LEASE,
                poll=0.1,
                grace=0,
                clock=world.clock,
            )
            for _ in range(2)
        ]
        await first.start("order", {"n": 1}, saga_id="s")
        task = asyncio.ensure_future(first.resume_pending())
        for _ in range(50):
            await world.sleep(0.05)
            if effects:
                break
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        dying = False
        found = await second.run_until_complete("s", wait=20)
        equal(SagaStatus.COMPLETED, found.status, "the status")
        equal({"n": 1, "shipped": True}, found.payload, "the payload")
        equal(["s/pay", "s/ship"], effects, "effects")

    @law(
        "SA-031",
        "A saga that fails is undone in reverse order; two workers never share one.",
        rung=Rung.CONCURRENCY,
    )
    async def failures_are_undone(self, world: World[Any]) -> None:
        log: list[str] = []

        def does(name: str) -> Any:
            async def action(context: StepContext) -> None:
                log.append(f"{context.saga_id}:{name}")
                await world.sleep(0.02)
                if name == "three":
                    raise ValueError("on purpose")

            return action

        names = ("one", "two", "three")
        steps = [step(does(name), does(f"undo {name}"), name=name, retries=0) for name in names]
        engines = [
            SagaEngine(
                await self.portable(world), [Saga("fail", steps)], poll=0.1, clock=world.clock
            )
            for _ in range(2)
        ]
        tasks = [asyncio.ensure_future(engine.resume_pending()) for engine in engines]
        for number in range(4):
            await engines[0].start("fail", {}, saga_id=f"s{number}")
        for number in range(4):
            found = await engines[0].run_until_complete(f"s{number}", wait=20)
            equal(SagaStatus.COMPENSATED, found.status, "the status")
            expected = [*names, "undo three", "undo two", "undo one"]
            own = [what.split(":")[1] for what in log if what.startswith(f"s{number}:")]
            equal(expected, own, "what was done and undone")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=10)

    async def _pipes(self, world: World[Any]) -> tuple[Pipeline[Any], Pipeline[Any]]:
        return await world.pipeline(), await world.pipeline()


def a_state(
    saga_id: str, *, status: str = "RUNNING", version: int = 0, payload: JSON | None = None
) -> SagaState:
    return SagaState(saga_id, status, None, [], payload or {}, version)


async def _claim(
    pipe: Pipeline[Any],
    owner: str,
    most: int = 1,
    statuses: tuple[str, ...] = ("RUNNING",),
    *,
    saga_id: str | None = None,
    excluded: tuple[str, ...] = (),
) -> tuple[SagaRecord, ...]:
    op = Claim(SPACE, statuses, owner, _LEASE, most, saga_id, excluded)
    return await claimed(pipe, op)


async def _keep(pipe: Pipeline[Any], saga_id: str, owner: str, lease: float) -> bool:
    return await pipe.send(Keep(SPACE, saga_id, owner, lease))


def _ids(records: tuple[SagaRecord, ...]) -> tuple[str, ...]:
    return tuple(sorted(record.saga_id for record in records))
