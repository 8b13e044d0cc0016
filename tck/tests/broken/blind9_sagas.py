"""Saga drivers that write a history down as text."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Create, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract


class _Joined(MemorySagas):
    mark = ":"

    async def create(self, op: Create, /) -> None:
        await super().create(replace(op, state=self._cut(op.state)))

    async def update(self, op: Update, /) -> int:
        return await super().update(replace(op, state=self._cut(op.state)))

    def _cut(self, state: SagaRecord) -> SagaRecord:
        joined = (f"{step}{self.mark}{status}" for step, status in state.history)
        cut = (text.partition(self.mark) for text in joined)
        return replace(state, history=tuple((step, status) for step, _, status in cut))


@broken("BLIND9-SA-01", "T1", "a step's name ends at its first colon", SagaContract)
class CutAtColons(_Joined):
    pass


@broken("BLIND9-SA-02", "T1", "a step's name ends at its first new line", SagaContract)
class CutAtLines(_Joined):
    mark = "\n"
