"""Which limit of a container is meant: of its processors, or of its memory."""

from __future__ import annotations

import math
from typing import Literal

from omnicloud.contracts.containers import Container, Containers

__all__ = ["Limited", "give", "limit_of", "told"]

Limited = Literal["cpu", "memory"]
"""What a limit is of: ``cpu`` in cores, ``memory`` in bytes."""

_GIB = float(1 << 30)


def limit_of(container: Container, what: Limited) -> float | None:
    """What it may use; ``None`` where nothing bounds it."""
    found = container.resources
    return found.cpu if what == "cpu" else found.memory_bytes


async def give(containers: Containers, name: str, what: Limited, amount: float) -> float:
    """Change a limit; answers what the kernel took. Bytes are rounded up.

    Raises:
        ConflictError: It does not run, or uses more memory than that; nothing was changed.
    """
    if what == "cpu":
        found = await containers.update(name, cpu=amount)
    else:
        found = await containers.update(name, memory_bytes=math.ceil(amount))
    return limit_of(found, what) or amount


def told(amount: float, what: Limited) -> str:
    """The amount with its unit, for a person."""
    return f"{amount:.3g} cores" if what == "cpu" else f"{amount / _GIB:.3g} GiB"
