"""The law of sagas that an update keeps what a creation keeps."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas import SagaFeature, SagaState, SagaStates, SagaStepHistory
from omnicloud.contracts.sagas.driver import Claim
from omnicloud.contracts.sagas.portable import SPACE
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["UpdateLaws"]

_TEXTS = (" ", "done ", "None", "007", "true", "caf\u00e9", "cafe\u0301", "\ufeffx", "a\0b", "x")
_STEPS: tuple[str | int | None, ...] = (*_TEXTS, "", None, 0, 1, -1, 2**31, 2**53 + 1)
_MANY = 300


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
        longer = given._replace(history=[*history] * (_MANY // len(history)), version=state.version)
        state = await two.update_state(longer)
        await self._is_told(one, longer._replace(version=state.version))
        shorter = longer._replace(history=[], current_step=None, version=state.version)
        state = await one.update_state(shorter)
        await self._is_told(two, shorter._replace(version=state.version))

    async def _is_told(self, states: SagaStates, expected: SagaState) -> None:
        equal(expected, await states.get_state("s"), f"the saga updated to {expected.version}")
        if SagaFeature.LIST in states.pipeline.driver.features:
            listed = [state async for state in states.list("RUNNING")]
            equal([expected], listed, "the saga, listed")
        (claimed,) = await states.pipeline.send(Claim(SPACE, ("RUNNING",), "o", 60.0, 2))
        told = (claimed.current_step, claimed.history, claimed.version)
        wanted = (expected.current_step, tuple(map(tuple, expected.history)), expected.version)
        equal(wanted, told, "the saga, claimed")
