"""Which versions of a secret can be read, for drivers whose service does not decide it.

A rotation says with its own version for how long the older ones stay. Nothing is written to
those: whoever reads works out what is over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from omnicloud.contracts.secrets.models import VersionInfo

__all__ = ["Version", "readable"]


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it was made.

    Attributes:
        created: Seconds since 1970-01-01 UTC.
        grace: Of a rotation, the seconds that older versions got; ``None`` of a plain write.
    """

    id: str
    created: float
    grace: float | None = None


def readable(newest_first: Iterable[Version], kept: int, now: float) -> tuple[VersionInfo, ...]:
    """The versions that can be read at the moment ``now``, the current one first.

    Args:
        newest_first: All there are, the current one first.
        kept: So many at most.
        now: Seconds since 1970-01-01 UTC.
    """
    found: list[VersionInfo] = []
    ends = math.inf
    for one in newest_first:
        if ends <= now or len(found) == kept:
            break
        found.append(VersionInfo(one.id, one.created, None if ends == math.inf else ends - now))
        if one.grace is not None:
            # Without grace at once, also where the writer's clock is ahead of the reader's.
            ends = min(ends, one.created + one.grace if one.grace else -math.inf)
    return tuple(found)
