"""Pairs of the longest names of the tenants with the longest names, alike but for their ends."""

from __future__ import annotations

from typing import Any

from omnicloud.core.names import MAX_NAME_BYTES, MAX_TENANT_BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.probes import Scoping
from omnicloud_tck.seams import Pair
from omnicloud_tck.world import World

__all__ = ["longest"]

_ENDS = "12"
_LONGEST_BYTES = 2 + MAX_TENANT_BYTES + MAX_NAME_BYTES


async def longest(
    world: World[Any],
) -> tuple[list[Pair], list[Pipeline[Any]]]:
    """All pairs of such names, and two clients of such a tenant.

    None where a provider stores no names that are as long together with their tenant's.
    """
    pipes = [await world.pipeline(Scoping("t" * MAX_TENANT_BYTES)) for _ in range(2)]
    if pipes[0].driver.limits.name_max_bytes < _LONGEST_BYTES:
        return [], pipes
    outers, inners = [[mark * (MAX_NAME_BYTES - 1) + end for end in _ENDS] for mark in ("o", "i")]
    return [Pair(outer, inner) for outer in outers for inner in inners], pipes
