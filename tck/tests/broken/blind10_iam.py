"""An iam driver that takes an empty tag for none."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.models import Decision
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


@broken("BLIND10-IM-04", "T1", "a tag whose value is empty counts as not told", IAMContract)
class EmptyTagIsNoTag(MemoryIAM):
    """``if not value`` where ``if value is None`` was meant."""

    async def decide(self, op: Decide, /) -> Decision:
        told = {tag: value for tag, value in dict(op.access.tags).items() if value}
        return await super().decide(Decide(replace(op.access, tags=told)))
