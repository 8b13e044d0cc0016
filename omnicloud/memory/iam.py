"""The iam contract in memory: one tuple of rules that all clients of a store share."""

from __future__ import annotations

from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, IAMFeature, IAMLimits, Policy
from omnicloud.core.operation import Feature
from omnicloud.memory.store import MemoryStore

__all__ = ["FEATURES", "MemoryIAM"]

FEATURES: frozenset[Feature] = frozenset(IAMFeature) - {IAMFeature.DURABLE}

_RULES = "rules"


class MemoryIAM:
    """An iam driver over a row of a :class:`MemoryStore`, replaced by one assignment."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._table = ("iam", namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> IAMLimits:
        return IAMLimits()

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(self._policies(), op.access)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        await self._store.reading()
        return self._policies()

    async def put_policies(self, op: PutPolicies, /) -> None:
        await self._store.reading()
        self._store.rows(self._table)[_RULES] = op.policies

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    def _policies(self) -> tuple[Policy, ...]:
        held: tuple[Policy, ...] = self._store.rows(self._table).get(_RULES, ())
        return held
