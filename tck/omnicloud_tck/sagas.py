"""The laws of the sagas contract: states with versions, leases, and what the engine needs."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.sagas import (
    Saga,
    SagaEngine,
    SagaFeature,
    SagaState,
    SagaStates,
    SagaStatus,
    SagaStepHistory,
    StepContext,
    step,
)
from omnicloud.contracts.sagas.driver import Claim, Create, Keep
from omnicloud.contracts.sagas.models import JSON, SagaRecord
from omnicloud.contracts.sagas.portable import SPACE, to_record
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CorruptedError, InvalidArgumentError, SagaStateConflictError
from omnicloud_tck.check import equal, refused, that, together
from omnicloud_tck.general import Kept, Pipe
from omnicloud_tck.law import law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.probes import Scoping
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["SagaContract"]

_LEASE = 1.0


class SagaContract(Kept):
    """Every promise of ``SagaStates``, and of the engine as far as drivers carry it."""

    contract = "sagas"

    async def portable(self, world: World[Any]) -> SagaStates:
        return SagaStates(await world.pipeline())

    # Names, tenants, seals: a saga of that id holds the payload; there is no deleting.

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        states = SagaStates(pipeline)
        state = _state(name, payload={"bytes": payload.decode("latin-1")})
        found = await states.get_state(name)
        if found is None:
            await states.create_state(state)
        else:
            await states.update_state(state._replace(version=found.version))

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        try:
            state = await SagaStates(pipeline).get_state(name)
        except CorruptedError:
            return None  # sealed: no JSON that could be told
        if state is None or state.status == "GONE":
            return None
        text = state.payload["bytes"]
        return text.encode("latin-1") if isinstance(text, str) else None

    async def remove(self, pipeline: Pipe, name: str) -> None:
        states = SagaStates(pipeline)
        found = await states.get_state(name)
        if found is not None:
            await states.update_state(found._replace(status="GONE"))

    async def names(self, pipeline: Pipe) -> set[str] | None:
        if SagaFeature.LIST not in pipeline.driver.features:
            return None
        return {state.saga_id async for state in SagaStates(pipeline).list("RUNNING")}

    # States

    @law("SA-001", "A created saga has version 1 and comes back whole, in every field.")
    async def states_come_back_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        equal(None, await two.get_state("s"), "a saga that was never created")
        for number, name in enumerate(NAMES[:40]):
            history = [SagaStepHistory(f"{name} {n}", f"DONE {n}") for n in range(number % 4)]
            step_: str | int | None = (name, number, None)[number % 3]
            state = SagaState(f"s-{number}", name, step_, history, _payload(name), 0)
            equal(1, (await one.create_state(state)).version, "the version of a new saga")
            equal(state._replace(version=1), await two.get_state(f"s-{number}"), "the saga")

    @law("SA-002", "Each update is stored whole, in every field, and has the next version.")
    async def updates_are_stored_whole(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        state = await one.create_state(_state("s"))
        other = await one.create_state(_state("other"))
        for number in range(1, 8):
            history = [*state.history, SagaStepHistory(f"step-{number}", "DONE")]
            payload: JSON = {"n": number} if number % 2 else {}
            status = ("RUNNING", "COMPENSATING")[number % 2]
            changed = SagaState("s", status, f"step-{number}", history, payload, state.version)
            state = await (two if number % 2 else one).update_state(changed)
            equal(number + 1, state.version, "the version after an update")
            equal(changed._replace(version=number + 1), await one.get_state("s"), "the saga")
        equal(other, await two.get_state("other"), "another saga")

    @law("SA-003", "An update with another version, older or newer, conflicts and writes nothing.")
    async def other_versions_conflict(self, world: World[Any]) -> None:
        one = await self.portable(world)
        await one.create_state(_state("s"))
        current = await one.update_state(_state("s", version=1, payload={"kept": True}))
        for version in (1, 0, -1, 3, 4, 99, 1 << 40):
            stale = _state("s", status="LOST", version=version, payload={"lost": True})
            with refused(SagaStateConflictError, f"version {version} where 2 is stored"):
                await one.update_state(stale)
            equal(current, await one.get_state("s"), f"the saga after version {version}")
        equal(3, (await one.update_state(current)).version, "the version after the right one")

    @law("SA-004", "Updating a saga that is not there conflicts and makes none.")
    async def unknown_sagas_conflict(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for version in (0, 1, 2):
            with refused(SagaStateConflictError, "an update of a saga that is not there"):
                await one.update_state(_state("s", version=version))
            equal(None, await one.get_state("s"), "the saga")

    @law("SA-005", "Creating a saga whose id is taken is refused, whatever became of the saga.")
    async def ids_are_taken_once(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        state = await one.create_state(_state("s", payload={"first": True}))
        for status in ("RUNNING", "COMPLETED", "STUCK"):
            state = await one.update_state(state._replace(status=status))
            with refused(SagaStateConflictError, f"a second create where one is {status}"):
                await two.create_state(_state("s", payload={"second": True}))
            equal(state, await two.get_state("s"), "the saga after the second create")

    @law("SA-006", "Of concurrent updates of one version one succeeds; of creates as well.")
    async def one_writer_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        for round_ in range(6):
            name = f"s-{round_}"
            made = await together(
                *(clients[n % 3].create_state(_state(name, payload={"n": n})) for n in range(6))
            )
            equal(1, sum(isinstance(one, SagaState) for one in made), "creates that succeeded")
            written = await together(
                *(
                    clients[n % 3].update_state(_state(name, version=1, payload={"n": n}))
                    for n in range(6)
                )
            )
            won = [one for one in written if isinstance(one, SagaState)]
            equal(1, len(won), "updates that succeeded")
            lost = [one for one in written if isinstance(one, SagaStateConflictError)]
            equal(5, len(lost), "updates that conflicted")
            equal(won[0], await clients[0].get_state(name), "the saga")

    @law("SA-007", "A payload over payload_max_bytes is refused, and nothing written.")
    async def the_payload_limit_is_true(self, world: World[Any]) -> None:
        one = await self.portable(world)
        limit = one.pipeline.driver.limits.payload_max_bytes
        state = await one.create_state(_state("s"))
        with refused(InvalidArgumentError, "a payload over the limit"):
            await one.update_state(state._replace(payload={"x": "x" * limit}))
        equal(state, await one.get_state("s"), "the saga")
        large: JSON = {"x": "x" * (min(limit, 2 << 20) - 8)}
        state = await one.update_state(state._replace(payload=large))
        that(await one.get_state("s") == state, "a large payload came back changed")

    @law("SA-008", "A long history is kept to its last entry.")
    async def histories_are_kept(self, world: World[Any]) -> None:
        one = await self.portable(world)
        state = await one.create_state(_state("s"))
        for round_ in range(6):
            more = [SagaStepHistory(f"step-{round_}-{n}", "DONE") for n in range(50)]
            state = await one.update_state(state._replace(history=[*state.history, *more]))
        equal(state, await one.get_state("s"), "the saga with 300 entries")

    @law(
        "SA-009",
        "Listing gives the sagas of that status once each, by id.",
        needs=[SagaFeature.LIST],
    )
    async def listing_is_by_status(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for number in range(230):
            status = "RUNNING" if number % 2 else "STUCK"
            await one.create_state(_state(f"s-{number:03}", status=status, payload={"n": number}))
        for status, odd in (("RUNNING", 1), ("STUCK", 0), ("running", 2)):
            found = [state async for state in one.list(status)]
            expected = [n for n in range(230) if n % 2 == odd]
            equal(expected, [state.payload["n"] for state in found], f"sagas that are {status}")
        moved = await one.get_state("s-001")
        that(moved is not None, "a saga is gone")
        if moved is not None:
            await one.update_state(moved._replace(status="STUCK"))
        equal(114, len([1 async for _ in one.list("RUNNING")]), "running ones after an update")

    # Leases

    @law("SA-020", "A saga is leased by one; after the lease, by another.")
    async def leases_are_exclusive(self, world: World[Any]) -> None:
        one, two = await self._pipes(world)
        for number in range(5):
            await one.send(Create(SPACE, to_record(_state(f"s-{number}"))))
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
        await one.send(Create(SPACE, to_record(_state("s")), "one", _LEASE))
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
            await one.send(Create(SPACE, to_record(_state(name, status=status))))
        equal(("b",), _ids(await _claim(one, "one", 10, ("STUCK",))), "sagas that are STUCK")
        found = await _claim(one, "one", 10, excluded=("a",))
        equal(("c",), _ids(found), "sagas that run, but for one")
        equal((), await _claim(two, "two", 10, saga_id="c"), "a leased saga by its id")
        equal(("a",), _ids(await _claim(two, "two", 10, saga_id="a")), "a free saga by its id")
        equal((), await _claim(two, "two", 10, saga_id="d"), "a saga of another status")
        await SagaStates(one).update_state(_state("c", version=1))
        equal((), await _claim(two, "two", 10, excluded=("a",)), "a leased saga after its update")

    @law("SA-023", "A tenant's worker is given no other tenant's sagas.")
    async def tenants_claim_their_own(self, world: World[Any]) -> None:
        acme = await world.pipeline(Scoping("acme"))
        other, outside = await world.pipeline(Scoping("other")), await world.pipeline()
        await acme.send(Create(SPACE, to_record(_state("s"))))
        equal((), await _claim(other, "other", 10), "what another tenant is given")
        equal((), await _claim(outside, "outside", 10), "what is given outside all tenants")
        equal(("s",), _ids(await _claim(acme, "acme", 10)), "what the tenant is given")

    # The engine

    @law("SA-030", "A saga whose worker died is gone on with, its effects once for each key.")
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

    @law("SA-031", "A saga that fails is undone in reverse order; two workers never share one.")
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

    @law(
        "SA-090",
        "Whatever is done in whatever order, by two clients, states follow their model.",
        machine=True,
    )
    def it_follows_the_model(self, lab: Lab) -> None:
        from hypothesis import given
        from hypothesis import strategies as st

        clients = [lab.run(self.portable(lab.world)) for _ in range(2)]
        verbs = st.sampled_from(("create", "update", "stale", "future", "get"))
        one = st.tuples(verbs, st.integers(0, 1), st.sampled_from("ab"), st.integers(0, 9))
        number = 0

        @drawn(lab)
        @given(steps=st.lists(one, max_size=25))
        def follow(steps: list[tuple[str, int, str, int]]) -> None:
            nonlocal number
            number += 1
            lab.run(_follow(f"model-{number}-", steps, clients))

        follow()

    async def _pipes(self, world: World[Any]) -> tuple[Pipeline[Any], Pipeline[Any]]:
        return await world.pipeline(), await world.pipeline()


async def _follow(
    prefix: str, steps: list[tuple[str, int, str, int]], clients: list[SagaStates]
) -> None:
    model: dict[str, SagaState] = {}
    shift = {"update": 0, "stale": -1, "future": 1}
    for verb, client, key, value in steps:
        states, current = clients[client], model.get(key)
        state = _state(prefix + key, status=f"S{value % 3}", payload={"n": value})
        if verb == "get":
            equal(current, await states.get_state(prefix + key), f"get {key}")
            continue
        version = (current.version if current else 1) + shift.get(verb, 0)
        state = state._replace(history=[SagaStepHistory(verb, str(value))], version=version)
        fine = current is None if verb == "create" else current is not None and not shift[verb]
        call = states.create_state if verb == "create" else states.update_state
        try:
            model[key] = await call(state)
        except SagaStateConflictError:
            that(not fine, f"{verb} {key} conflicted")
        else:
            that(fine, f"{verb} {key} succeeded")
    for key in "ab":
        equal(model.get(key), await clients[0].get_state(prefix + key), f"{key} in the end")


def _state(
    saga_id: str, *, status: str = "RUNNING", version: int = 0, payload: JSON | None = None
) -> SagaState:
    return SagaState(saga_id, status, None, [], payload or {}, version)


def _payload(text: str) -> JSON:
    return {
        text: text,
        "deep": {"list": [1, -2.5, True, None, "", {"é🦀": []}]},
        "large": 1 << 53,
    }


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
    return await pipe.send(op)


async def _keep(pipe: Pipeline[Any], saga_id: str, owner: str, lease: float) -> bool:
    return await pipe.send(Keep(SPACE, saga_id, owner, lease))


def _ids(records: tuple[SagaRecord, ...]) -> tuple[str, ...]:
    return tuple(sorted(record.saga_id for record in records))
