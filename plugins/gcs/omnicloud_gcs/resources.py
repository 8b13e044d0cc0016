"""Resources of the service: what it tells of an object, and what it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from omnicloud.contracts.objects.beside import Beside, Facts
from omnicloud.contracts.objects.models import ObjectInfo
from omnicloud.errors import UnavailableError

__all__ = [
    "NOTHING_THERE",
    "OF_UPLOAD",
    "condition_of",
    "facts_of",
    "info_of",
    "resource_of",
    "version_of",
]

NOTHING_THERE = "0"
"""The generation of an object that is not there, as conditions name it."""

_NOBODYS = "1"  # a generation is a stamp of these years; no object has this one
_GENERATION = re.compile(r"[1-9][0-9]{0,17}")
_PREFIX = "omni-"
OF_UPLOAD = f"{_PREFIX}upload"
"""The name under which an object keeps of which upload in parts it is."""

_UPLOAD_BYTES = 64  # the room that this takes of what the service keeps
_BESIDE = Beside(_PREFIX, re.compile(r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?"), 8192 - _UPLOAD_BYTES)


def resource_of(content_type: str, facts: Facts) -> dict[str, Any]:
    """What the service is told of an object besides its content.

    Raises:
        InvalidArgumentError: It is more than the service keeps.
    """
    return {"contentType": content_type, "metadata": _BESIDE.packed(facts)}


def info_of(key: str, resource: Mapping[str, Any]) -> ObjectInfo:
    """What a resource says of an object.

    Raises:
        UnavailableError: It says no size, generation or time: it is not whole.
    """
    facts = facts_of(resource)
    try:
        return ObjectInfo(
            key,
            int(resource["size"]),
            version_of(resource),
            str(resource.get("contentType", "application/octet-stream")),
            dict(facts.metadata),
            datetime.fromisoformat(resource["updated"]).timestamp(),
            facts.checksum,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise UnavailableError("the service's answer is no whole object") from error


def facts_of(resource: Mapping[str, Any]) -> Facts:
    """What is kept beside an object."""
    return _BESIDE.unpacked(resource.get("metadata") or {})


def version_of(resource: Mapping[str, Any]) -> str:
    """The version of an object: the service's generation."""
    version = str(resource.get("generation", ""))
    if not version:
        raise UnavailableError("the service's answer has no generation")
    return version


def condition_of(version: str | None, *, absent: bool = False) -> dict[str, str]:
    """The query that makes a request conditional."""
    if absent:
        return {"ifGenerationMatch": NOTHING_THERE}
    if version is None:
        return {}
    known = _GENERATION.fullmatch(version) is not None
    return {"ifGenerationMatch": version if known else _NOBODYS}
