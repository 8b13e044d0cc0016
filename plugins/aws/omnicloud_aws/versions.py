"""Versions of a secret: what their ids tell, in which order they come, and which are over.

The id of a version is ours to choose, so it says when the version was made and, of a rotation,
for how long the older ones stay readable. It never changes and comes with the value in one
request: there is nothing beside the secret that could disagree with it. Versions that other
programs made have ids of their own and no grace.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud.contracts.secrets import graces
from omnicloud.contracts.secrets.models import VersionInfo

__all__ = ["CURRENT", "could_be", "made", "made_at", "readable"]

CURRENT = "AWSCURRENT"
_PREVIOUS, _PENDING = "AWSPREVIOUS", "AWSPENDING"
_OURS = re.compile("oc1-([0-9a-f]{14})-([0-9a-f]{10}|none)-[0-9a-f]{32}")
_SHORTEST, _LONGEST = 32, 64


@dataclass(frozen=True, slots=True)
class _Version:
    id: str
    stages: frozenset[str]
    created: float
    grace: float | None

    @property
    def age(self) -> tuple[bool, bool, float]:
        """By which they are sorted, the current one first, then the one before it."""
        return CURRENT not in self.stages, _PREVIOUS not in self.stages, -self.created

    @property
    def is_pending(self) -> bool:
        """Whether a rotation of the service's own is still trying it."""
        return _PENDING in self.stages and not self.stages & {CURRENT, _PREVIOUS}


def made(at: float, grace: float | None) -> str:
    """The id of a new version.

    Args:
        at: Seconds since 1970-01-01 UTC.
        grace: Of a rotation, the seconds that older versions get.
    """
    kept = "none" if grace is None else f"{math.ceil(grace * 1000):010x}"
    return f"oc1-{round(at * 1e6):014x}-{kept}-{uuid.uuid4().hex}"


def made_at(version: Mapping[str, Any]) -> float:
    """When a version was made that the service tells of, in seconds since 1970-01-01 UTC."""
    return _read(version).created


def could_be(version: str) -> bool:
    """Whether the service takes it for the id of a version."""
    return _SHORTEST <= len(version) <= _LONGEST


def readable(listed: Iterable[Mapping[str, Any]], kept: int, now: float) -> tuple[VersionInfo, ...]:
    """The versions that can be read, the current one first.

    Args:
        listed: As the service lists them, all of them.
        kept: So many at most.
        now: Seconds since 1970-01-01 UTC.
    """
    versions = sorted((_read(one) for one in listed), key=lambda one: one.age)
    there = (
        graces.Version(one.id, one.created, one.grace) for one in versions if not one.is_pending
    )
    return graces.readable(there, kept, now)


def _read(one: Mapping[str, Any]) -> _Version:
    id_, stages = str(one["VersionId"]), frozenset(one.get("VersionStages") or ())
    ours = _OURS.fullmatch(id_)
    if ours is None:
        return _Version(id_, stages, one["CreatedDate"].timestamp(), None)
    grace = None if ours[2] == "none" else int(ours[2], 16) / 1000
    return _Version(id_, stages, int(ours[1], 16) / 1e6, grace)
