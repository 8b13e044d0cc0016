"""Indexes of a collection, as all its guards name them, and what the unique ones bind.

An index that is not unique is remembered and makes nothing faster. A value that a unique one
binds is an item below the index's own id, so what an index that was given up left binds nobody.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import blake2b

from omnicloud.contracts.documents.engine import unique_key
from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import Path
from omnicloud.errors import ConflictError, ResourceExhaustedError
from omnicloud_aws.documents_items import Stored

__all__ = ["Index", "bound", "changed", "read_indexes", "values_of", "with_index"]

_MOST_UNIQUE = 8
"""A write names its document, all guards, and two values of each, in a transaction of 25."""
_MOST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a collection."""

    id: str
    paths: tuple[Path, ...]
    unique: bool


def read_indexes(text: str) -> tuple[Index, ...]:
    """The indexes that the text of a guard names."""
    return tuple(
        Index(one["id"], tuple(map(tuple, one["paths"])), one["unique"])
        for one in (json.loads(text) if text else ())
    )


def with_index(text: str, paths: tuple[Path, ...], *, unique: bool) -> tuple[str, Index] | None:
    """The text with an index more, and it; ``None`` where there is such an index.

    Raises:
        ConflictError: The fields are indexed in the other way.
        ResourceExhaustedError: There are too many.
    """
    held = read_indexes(text)
    for one in held:
        if one.paths == paths:
            if one.unique != unique:
                raise ConflictError("there is an index of these fields, of the other kind")
            return None
    if unique and sum(one.unique for one in held) >= _MOST_UNIQUE:
        raise ResourceExhaustedError(f"the collection has {_MOST_UNIQUE} unique indexes already")
    new = Index(uuid.uuid4().hex, paths, unique)
    made = json.dumps([asdict(one) for one in (*held, new)], separators=(",", ":"))
    if len(made) > _MOST_BYTES:
        raise ResourceExhaustedError("the collection has too many indexes")
    return made, new


def bound(indexes: tuple[Index, ...], document: Document | None) -> set[bytes]:
    """The sort keys of the values that unique indexes bind in a document."""
    if document is None:
        return set()
    keys = (_key(one, document) for one in indexes if one.unique)
    return {key for key in keys if key is not None}


def changed(
    indexes: tuple[Index, ...], old: Document | None, new: Document | None
) -> tuple[set[bytes], set[bytes]]:
    """What a write gives up and what it takes."""
    before, after = bound(indexes, old), bound(indexes, new)
    return before - after, after - before


def values_of(index: Index, documents: Iterable[Stored]) -> set[bytes]:
    """The sort keys of the values of all documents.

    Raises:
        ConflictError: They are not unique.
    """
    keys: set[bytes] = set()
    for stored in documents:
        key = _key(index, stored.entry.document)
        if key is not None and key in keys:
            raise ConflictError("there are documents that are not unique in these fields")
        if key is not None:
            keys.add(key)
    return keys


def _key(index: Index, document: Document) -> bytes | None:
    key = unique_key(document, index.paths)
    if key is None:
        return None
    return bytes.fromhex(index.id) + blake2b(key, digest_size=32).digest()
