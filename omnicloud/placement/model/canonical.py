"""One text for each value, so that equal values have equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum

__all__ = ["canonical", "digest"]


def canonical(value: object) -> object:
    """The value as JSON knows it: fields at their default left out, sets sorted."""
    if isinstance(value, Enum):
        return canonical(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: canonical(getattr(value, f.name)) for f in fields(value) if _said(value, f)}
    if isinstance(value, (frozenset, set)):
        return sorted((canonical(one) for one in value), key=json.dumps)
    if isinstance(value, (tuple, list)):
        return [canonical(one) for one in value]
    return value


def digest(values: Iterable[object]) -> str:
    """SHA-256 of the canonical texts, one line for each value."""
    sha = hashlib.sha256()
    for value in values:
        sha.update(json.dumps(canonical(value), sort_keys=True).encode() + b"\n")
    return sha.hexdigest()


def _said(value: object, field: Field[object]) -> bool:
    if field.default is MISSING:
        return True
    return bool(getattr(value, field.name) != field.default)
