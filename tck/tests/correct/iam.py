"""Right iam drivers that are not like the reference."""

from __future__ import annotations

from dataclasses import replace

from correct.common import correct, slowed
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.models import Decision, IAMFeature, IAMLimits
from omnicloud.core.operation import Feature
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.store import MemoryStore


@correct("iam")
class Other(MemoryIAM):
    """Few rules, looked at from the last to the first; no explanations; slow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset({IAMFeature.MANAGE, IAMFeature.CONDITIONS})

    @property
    def limits(self) -> IAMLimits:
        return IAMLimits(policies_max=20)

    async def decide(self, op: Decide, /) -> Decision:
        return replace(await super().decide(op), policy=None)


@correct("iam")
class Plain(MemoryIAM):
    """Rules without conditions."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset({IAMFeature.MANAGE, IAMFeature.EXPLAIN})
