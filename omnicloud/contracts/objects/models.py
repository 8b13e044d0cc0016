"""Values of the objects contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from omnicloud.core.operation import Feature, Limits

__all__ = [
    "Chunk",
    "Listed",
    "Metadata",
    "Method",
    "ObjectInfo",
    "ObjectPage",
    "ObjectsFeature",
    "ObjectsLimits",
    "PartInfo",
    "PartTag",
]

Metadata = tuple[tuple[str, str], ...]
"""Names and values in a request: immutable, so that no two objects ever share it."""


class ObjectsFeature(Feature):
    """What an objects driver may declare."""

    CONDITIONAL = "conditional"
    """``if_version=`` and ``if_absent=`` are linearizable on every way of writing."""
    PRESIGN = "presign"
    """``presign`` makes a URL for one method, one key and a bounded time."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsLimits(Limits):
    """Bounds of an objects driver. Each is at least what is said, for applications to count on."""

    object_max_bytes: int = 5 << 40
    """At least 2 MiB."""
    put_max_bytes: int = 64 << 20
    """The largest object in one request; larger ones go in parts. At least ``part_min_bytes``."""
    part_min_bytes: int = 64 << 10
    """The smallest part but the last; a multiple of 64 KiB."""
    part_max_bytes: int = 64 << 20
    """At least ``part_min_bytes``; sealed parts are a little longer than their content, so a
    driver without room for that above its smallest part takes no sealed object in parts."""
    parts_max: int = 10_000
    """At least 32."""
    batch_max_items: int = 1000
    """At least 1: no request deletes more at once."""
    page_max_items: int = 1000
    """At least 1: no request asks for more in one page."""
    parts_checksum: bool = True
    """Whether an object made of parts keeps the checksum of its whole content."""
    metadata_max_bytes: int = 2048
    """Of all names and values together, in UTF-8. At least 512."""
    presign_max_seconds: float = 7 * 86400.0
    """At least an hour."""


class Method(StrEnum):
    """What a presigned URL allows."""

    GET = "GET"
    PUT = "PUT"
    HEAD = "HEAD"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without its content.

    Attributes:
        key: Its key.
        size_bytes: Its size.
        version: Opaque, not empty; another one after every write, also after a delete.
        content_type: As it was given.
        metadata: As it was given, case kept.
        modified: Seconds since 1970-01-01 UTC.
        checksum: ``"sha256:"`` and 64 hex digits of the content; ``None`` where the store
            keeps none, or where encryption protects the content instead.
    """

    key: str
    size_bytes: int
    version: str
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: float = 0.0
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of one version of an object."""

    data: bytes = field(repr=False)
    info: ObjectInfo


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a listing: an object, or a common prefix, whose other fields are ``None``."""

    key: str
    size_bytes: int | None = None
    version: str | None = None
    modified: float | None = None

    @property
    def is_prefix(self) -> bool:
        """Whether this stands for all keys that start with it."""
        return self.version is None


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """Some lines in code-point order; ``cursor`` is ``None`` on the last page."""

    items: tuple[Listed, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PartTag:
    """An uploaded part, as completing names it."""

    number: int
    tag: str


@dataclass(frozen=True, slots=True)
class PartInfo:
    """An uploaded part of an upload that is not complete.

    Attributes:
        checksum: ``"sha256:"`` and 64 hex digits of its data; ``None`` where the store keeps
            none of parts.
    """

    number: int
    tag: str
    size_bytes: int
    checksum: str | None = None
