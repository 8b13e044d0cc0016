"""The laws of the sagas contract: states with versions, leases, and what the engine needs."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas import (
    SagaFeature,
    SagaState,
    SagaStates,
    SagaStepHistory,
)
from omnicloud.contracts.sagas.models import JSON
from omnicloud.errors import CorruptedError, InvalidArgumentError, SagaStateConflictError
from omnicloud_tck.check import equal, refused, that, together
from omnicloud_tck.general.faults import Faults
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.sagas.beginnings import BeginningLaws
from omnicloud_tck.sagas.crowds import CrowdLaws
from omnicloud_tck.sagas.edges import SagaEdges
from omnicloud_tck.sagas.fractions import FractionLaws
from omnicloud_tck.sagas.hands import HandLaws
from omnicloud_tck.sagas.histories import SagaHistories
from omnicloud_tck.sagas.joined import JoinedLaws
from omnicloud_tck.sagas.leases import LeaseLaws, a_state
from omnicloud_tck.sagas.orders import OrderLaws
from omnicloud_tck.sagas.programs import SagaPrograms
from omnicloud_tck.sagas.strangers import SagaStrangers
from omnicloud_tck.sagas.updates import UpdateLaws
from omnicloud_tck.samples import NAMES, PAYLOADS
from omnicloud_tck.world import World

__all__ = ["SagaContract"]


class SagaContract(
    LeaseLaws,
    SagaEdges,
    SagaStrangers,
    OrderLaws,
    UpdateLaws,
    BeginningLaws,
    CrowdLaws,
    HandLaws,
    JoinedLaws,
    FractionLaws,
    SagaHistories,
    SagaPrograms,
    Silences,
    Faults,
):
    """Every promise of ``SagaStates``, and of the engine as far as drivers carry it."""

    contract = "sagas"

    async def portable(self, world: World[Any]) -> SagaStates:
        return SagaStates(await world.pipeline())

    # Names, tenants, seals: a saga of that id holds the payload; there is no deleting.

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        states = SagaStates(pipeline)
        state = a_state(name, payload={"bytes": payload.decode("latin-1")})
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

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        # As JSON a byte may become six: NUL is written \\u0000.
        limit = (pipeline.driver.limits.payload_max_bytes - 100) // 6
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    # States

    @law(
        "SA-001",
        "A created saga has version 1 and comes back whole, in every field.",
        rung=Rung.SHAPE,
    )
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
        state = await one.create_state(a_state("s"))
        other = await one.create_state(a_state("other"))
        for number in range(1, 8):
            history = [*state.history, SagaStepHistory(f"step-{number}", "DONE")]
            payload: JSON = {"n": number} if number % 2 else {}
            status = ("RUNNING", "COMPENSATING")[number % 2]
            changed = SagaState("s", status, f"step-{number}", history, payload, state.version)
            state = await (two if number % 2 else one).update_state(changed)
            equal(number + 1, state.version, "the version after an update")
            equal(changed._replace(version=number + 1), await one.get_state("s"), "the saga")
        equal(other, await two.get_state("other"), "another saga")

    @law(
        "SA-003",
        "An update with another version, older or newer, conflicts and writes nothing.",
        rung=Rung.SHAPE,
    )
    async def other_versions_conflict(self, world: World[Any]) -> None:
        one = await self.portable(world)
        await one.create_state(a_state("s"))
        current = await one.update_state(a_state("s", version=1, payload={"kept": True}))
        for version in (1, 0, -1, 3, 4, 99, 1 << 40):
            stale = a_state("s", status="LOST", version=version, payload={"lost": True})
            with refused(SagaStateConflictError, f"version {version} where 2 is stored"):
                await one.update_state(stale)
            equal(current, await one.get_state("s"), f"the saga after version {version}")
        equal(3, (await one.update_state(current)).version, "the version after the right one")

    @law("SA-004", "Updating a saga that is not there conflicts and makes none.", rung=Rung.SHAPE)
    async def unknown_sagas_conflict(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for version in (0, 1, 2):
            with refused(SagaStateConflictError, "an update of a saga that is not there"):
                await one.update_state(a_state("s", version=version))
            equal(None, await one.get_state("s"), "the saga")

    @law("SA-005", "Creating a saga whose id is taken is refused, whatever became of the saga.")
    async def ids_are_taken_once(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        state = await one.create_state(a_state("s", payload={"first": True}))
        for status in ("RUNNING", "COMPLETED", "STUCK"):
            state = await one.update_state(state._replace(status=status))
            with refused(SagaStateConflictError, f"a second create where one is {status}"):
                await two.create_state(a_state("s", payload={"second": True}))
            equal(state, await two.get_state("s"), "the saga after the second create")

    @law(
        "SA-006",
        "Of concurrent updates of one version one succeeds; of creates as well.",
        rung=Rung.CONCURRENCY,
    )
    async def one_writer_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        for round_ in range(6):
            name = f"s-{round_}"
            made = await together(
                *(clients[n % 3].create_state(a_state(name, payload={"n": n})) for n in range(6))
            )
            equal(1, sum(isinstance(one, SagaState) for one in made), "creates that succeeded")
            written = await together(
                *(
                    clients[n % 3].update_state(a_state(name, version=1, payload={"n": n}))
                    for n in range(6)
                )
            )
            won = [one for one in written if isinstance(one, SagaState)]
            equal(1, len(won), "updates that succeeded")
            lost = [one for one in written if isinstance(one, SagaStateConflictError)]
            equal(5, len(lost), "updates that conflicted")
            equal(won[0], await clients[0].get_state(name), "the saga")

    @law(
        "SA-007",
        "A payload over payload_max_bytes is refused, and nothing written.",
        rung=Rung.SHAPE,
    )
    async def the_payload_limit_is_true(self, world: World[Any]) -> None:
        one = await self.portable(world)
        limit = one.pipeline.driver.limits.payload_max_bytes
        state = await one.create_state(a_state("s"))
        with refused(InvalidArgumentError, "a payload over the limit"):
            await one.update_state(state._replace(payload={"x": "x" * limit}))
        equal(state, await one.get_state("s"), "the saga")
        large: JSON = {"x": "x" * (min(limit, 2 << 20) - 8)}
        state = await one.update_state(state._replace(payload=large))
        that(await one.get_state("s") == state, "a large payload came back changed")

    @law("SA-008", "A long history is kept to its last entry.")
    async def histories_are_kept(self, world: World[Any]) -> None:
        one = await self.portable(world)
        state = await one.create_state(a_state("s"))
        most = min(50, one.pipeline.driver.limits.history_max_entries // 6)
        for round_ in range(6):
            more = [SagaStepHistory(f"step-{round_}-{n}", "DONE") for n in range(most)]
            state = await one.update_state(state._replace(history=[*state.history, *more]))
        equal(state, await one.get_state("s"), f"the saga with {6 * most} entries")

    @law(
        "SA-009",
        "Listing gives the sagas of that status once each, by id.",
        needs=[SagaFeature.LIST],
    )
    async def listing_is_by_status(self, world: World[Any]) -> None:
        one = await self.portable(world)
        for number in range(230):
            status = "RUNNING" if number % 2 else "STUCK"
            await one.create_state(a_state(f"s-{number:03}", status=status, payload={"n": number}))
        for status, odd in (("RUNNING", 1), ("STUCK", 0), ("running", 2)):
            found = [state async for state in one.list(status)]
            expected = [n for n in range(230) if n % 2 == odd]
            equal(expected, [state.payload["n"] for state in found], f"sagas that are {status}")
        moved = await one.get_state("s-001")
        that(moved is not None, "a saga is gone")
        if moved is not None:
            await one.update_state(moved._replace(status="STUCK"))
        equal(114, len([1 async for _ in one.list("RUNNING")]), "running ones after an update")

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


async def _follow(
    prefix: str, steps: list[tuple[str, int, str, int]], clients: list[SagaStates]
) -> None:
    model: dict[str, SagaState] = {}
    shift = {"update": 0, "stale": -1, "future": 1}
    for verb, client, key, value in steps:
        states, current = clients[client], model.get(key)
        state = a_state(prefix + key, status=f"S{value % 3}", payload={"n": value})
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


def _payload(text: str) -> JSON:
    return {
        text: text,
        "deep": {"list": [1, -2.5, True, None, "", {"é🦀": []}]},
        "large": 1 << 53,
    }
