"""The law of sagas that an update keeps what a creation keeps."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas import SagaFeature, SagaState, SagaStates, SagaStepHistory
from omnicloud.contracts.sagas.driver import Claim, Keep
from omnicloud.contracts.sagas.portable import SPACE
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.tenants import of_tenants
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["UpdateLaws"]

_TEXTS = (" ", "done ", "None", "007", "true", "caf\u00e9", "cafe\u0301", "\ufeffx", "a\0b", "x")
_STEPS: tuple[str | int | None, ...] = (*_TEXTS, "", None, 0, 1, -1, 2**31, 2**53 + 1)
_MANY = 300
_STATUSES = (
    "RUN",
    "RUNNING",
    "running",
    "RUNNING ",
    "RUN%",
    "RUN*",
    "R_N",
    "NING",
    "\u00e9",
    "e\u0301",
)
_NEIGHBOURS = ("ac", "acme", "acme2", "ACME")


class UpdateLaws(Contract):
    """A field comes back from every question as the last write of any kind gave it."""

    @law(
        "SA-135",
        "Whatever step, history and payload a saga is updated to come back as they were given.",
    )
    async def updates_keep_values(self, world: World[Any]) -> None:
        one, two = SagaStates(await world.pipeline()), SagaStates(await world.pipeline())
        state = await one.create_state(SagaState("s", "RUNNING", "first", [], {}, 0))
        history: list[SagaStepHistory] = []
        for number, step in enumerate(_STEPS):
            text = _TEXTS[number % len(_TEXTS)]
            history = [*history, SagaStepHistory(text, "TRIED"), SagaStepHistory(text, "TRIED")]
            payload: dict[str, object] = {"text": text, f"of {text}": [step, step]}
            given = SagaState("s", "RUNNING", step, history, payload, state.version)
            state = await one.update_state(given)
            await self._is_told(two, given._replace(version=state.version))
        most = min(_MANY, one.pipeline.driver.limits.history_max_entries)
        longer = given._replace(history=[*history] * (most // len(history)), version=state.version)
        state = await two.update_state(longer)
        await self._is_told(one, longer._replace(version=state.version))
        shorter = longer._replace(history=[], current_step=None, version=state.version)
        state = await one.update_state(shorter)
        await self._is_told(two, shorter._replace(version=state.version))

    @law(
        "SA-136",
        "A status is listed and claimed as a whole text.",
        needs=[SagaFeature.LIST],
    )
    async def statuses_are_whole(self, world: World[Any]) -> None:
        one, two = SagaStates(await world.pipeline()), SagaStates(await world.pipeline())
        for number, status in enumerate(_STATUSES):
            await one.create_state(SagaState(f"s-{number}", status, None, [], {}, 0))
        for number, status in enumerate(_STATUSES):
            listed = [state.saga_id async for state in two.list(status)]
            equal([f"s-{number}"], listed, f"sagas of status {status!r}")
            claimed = await two.pipeline.send(Claim(SPACE, (status,), f"o-{number}", 60.0, 10))
            equal([f"s-{number}"], [one.saga_id for one in claimed], f"claimed of {status!r}")

    @law("SA-137", "Leasing, keeping and giving free change nothing of the saga.")
    async def leases_are_apart(self, world: World[Any]) -> None:
        one, two = SagaStates(await world.pipeline()), SagaStates(await world.pipeline())
        given = SagaState("s", "RUNNING", "a", [SagaStepHistory("a", "DONE")], {"n": 1}, 0)
        await one.create_state(given)
        expected = given._replace(version=1)
        for turn in range(3):
            owner = f"o-{turn}"
            await two.pipeline.send(Claim(SPACE, ("RUNNING",), owner, 60.0))
            equal(expected, await one.get_state("s"), "the saga, leased")
            for lease in (90.0, 0.0):
                kept: bool = await two.pipeline.send(Keep(SPACE, "s", owner, lease))
                equal(True, kept, "keeping")
                equal(expected, await one.get_state("s"), f"the saga, kept for {lease:g} s")
        equal(2, (await one.update_state(expected)).version, "the version after the leases")

    @law(
        "SA-138",
        "A worker is given, and lists, no sagas of tenants whose names begin with its own.",
        rung=Rung.TRUST,
    )
    async def neighbours_are_not_claimed(self, world: World[Any]) -> None:
        pipes = await of_tenants(world, _NEIGHBOURS)
        for tenant, pipe in pipes.items():
            state = SagaState(f"of {tenant}", "RUNNING", None, [], {}, 0)
            await SagaStates(pipe).create_state(state)
        for turn in range(2):
            for tenant, pipe in pipes.items():
                claimed = await pipe.send(Claim(SPACE, ("RUNNING",), tenant, 60.0, 10))
                # Its own owner may be given it again.
                own = [f"of {tenant}"] if claimed or not turn else []
                equal(own, [one.saga_id for one in claimed], f"given to {tenant!r}")
                other = await pipe.send(Claim(SPACE, ("RUNNING",), f"2nd {tenant}", 60.0, 10))
                equal((), other, f"given to a second worker of {tenant!r}")

    async def _is_told(self, states: SagaStates, expected: SagaState) -> None:
        equal(expected, await states.get_state("s"), f"the saga updated to {expected.version}")
        if SagaFeature.LIST in states.pipeline.driver.features:
            listed = [state async for state in states.list("RUNNING")]
            equal([expected], listed, "the saga, listed")
        (claimed,) = await states.pipeline.send(Claim(SPACE, ("RUNNING",), "o", 60.0, 2))
        told = (claimed.current_step, claimed.history, claimed.version)
        wanted = (expected.current_step, tuple(map(tuple, expected.history)), expected.version)
        equal(wanted, told, "the saga, claimed")
        # It may or may not be given to its own owner again.
        await states.pipeline.send(Keep(SPACE, "s", "o", 0.0))
