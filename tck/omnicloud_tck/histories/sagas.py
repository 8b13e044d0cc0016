"""Histories of saga states: a version that counts, and one writer for each."""

from __future__ import annotations

import random
from collections.abc import Hashable

from omnicloud.contracts.sagas import SagaState, SagaStates
from omnicloud.errors import SagaStateConflictError
from omnicloud_tck.histories.events import Action
from omnicloud_tck.histories.registers import CONFLICT, SAGA
from omnicloud_tck.histories.subjects import Client, Modelled, Session

__all__ = ["Sagas"]


class Sagas(Modelled):
    """Creations, reads, and updates over the version that a client has seen."""

    model = SAGA
    last = (Action("get", "s"), Action("get", "t"))

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("get", "get", "update", "update", "create", "create"))
        return Action(verb, chance.choice(("s", "s", "s", "t")), () if verb == "get" else (fresh,))

    def open(self, client: Client) -> Session:
        return _Writer(SagaStates(client.pipeline), client.space)


class _Writer:
    def __init__(self, states: SagaStates, space: str) -> None:
        self._states, self._space = states, space
        self._seen: dict[str, int] = {}

    def resolve(self, action: Action) -> Action:
        """An update over the version seen last; who has seen none looks first."""
        if action.verb != "update":
            return action
        version = self._seen.get(action.key)
        if version is None:
            return Action("get", action.key)
        return Action("update", action.key, (action.args[0], version))

    async def perform(self, action: Action) -> Hashable:
        try:
            version, answer = await self._send(action)
        except SagaStateConflictError:
            self._seen.pop(action.key, None)
            return CONFLICT
        if version:
            self._seen[action.key] = version
        return answer

    async def _send(self, action: Action) -> tuple[int, Hashable]:
        saga_id = self._space + action.key
        if action.verb == "get":
            found = await self._states.get_state(saga_id)
            if found is None:
                return 0, None
            return found.version, (found.version, found.payload.get("tag"))
        version = int(str(action.args[1])) if action.verb == "update" else 0
        state = SagaState(saga_id, "RUNNING", None, [], {"tag": action.args[0]}, version)
        update = self._states.update_state if version else self._states.create_state
        stored = (await update(state)).version
        return stored, stored
