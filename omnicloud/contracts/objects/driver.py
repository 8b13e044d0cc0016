"""The requests of the objects contract and the driver that answers them.

This is all that a provider's author must read, with :mod:`.uploads` for objects in parts. A
driver never retries, logs, traces or adds context; it maps its native errors in one table.
A write becomes visible whole and at once, or not at all; a reader never sees half of one.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, Self

from omnicloud.contracts.objects.checks import (
    check_data,
    check_metadata,
    checksum_of,
    conditional_effect,
    conditional_needs,
)
from omnicloud.contracts.objects.frames import (
    close_frames,
    close_metadata,
    closed_range,
    open_chunk,
    open_info,
    open_size,
)
from omnicloud.contracts.objects.models import (
    Chunk,
    Metadata,
    Method,
    ObjectInfo,
    ObjectPage,
    ObjectsFeature,
)
from omnicloud.contracts.objects.uploads import UploadsDriver
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Named, Operation, Seal
from omnicloud.errors import InvalidArgumentError, UnsupportedError

__all__ = [
    "Copy",
    "Delete",
    "DeleteMany",
    "GetRange",
    "List",
    "ObjectsDriver",
    "Presign",
    "Put",
    "Stat",
]


class ObjectsDriver(UploadsDriver, Protocol):
    """Serves the requests below and those of uploads."""

    async def put(self, op: Put, /) -> str: ...
    async def get_range(self, op: GetRange, /) -> Chunk | None: ...
    async def stat(self, op: Stat, /) -> ObjectInfo | None: ...
    async def delete(self, op: Delete, /) -> None: ...
    async def delete_many(self, op: DeleteMany, /) -> None: ...
    async def list(self, op: List, /) -> ObjectPage: ...
    async def copy(self, op: Copy, /) -> str | None: ...
    async def presign(self, op: Presign, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Put(Named[ObjectsDriver, str]):
    """Write an object in one request and answer its new version.

    Content, content type and metadata replace what was there. ``checksum`` is of ``data``
    (``"sha256:<hex>"``): it is kept and answered by ``Stat``; a store may compare.

    Errors of a driver:
        ConflictError: ``if_version`` is not the current version, or there is none.
        AlreadyExistsError: ``if_absent``, and the key is there.
        CorruptedError: ``checksum`` is not that of the data that arrived; nothing written.
    """

    name: ClassVar[str] = "objects.put"
    key: str
    data: bytes = field(repr=False)
    content_type: str = "application/octet-stream"
    metadata: Metadata = ()
    checksum: str | None = None
    if_version: str | None = None
    if_absent: bool = False

    @property
    def effect(self) -> Effect:
        return conditional_effect(self.if_version, absent=self.if_absent)

    def needs(self) -> frozenset[Feature]:
        return conditional_needs(self.if_version, absent=self.if_absent)

    def check(self, driver: ObjectsDriver) -> None:
        Named.check(self, driver)
        check_data(len(self.data), driver.limits.put_max_bytes, "put_max_bytes")
        check_data(len(self.data), driver.limits.object_max_bytes, "object_max_bytes")
        check_metadata(self.metadata, driver.limits)

    def sealed(self, seal: Seal) -> Put:
        data = close_frames(self.data, self.key, seal)
        checksum = self.checksum and checksum_of(data)
        metadata = close_metadata(self.metadata, self.key, seal)
        return replace(self, data=data, metadata=metadata, checksum=checksum)

    def run(self, driver: ObjectsDriver) -> Awaitable[str]:
        return driver.put(self)


@dataclass(frozen=True, slots=True)
class GetRange(Named[ObjectsDriver, Chunk | None]):
    """Bytes ``start`` to ``end`` (excluded; ``None``: to the end) of an object.

    ``None`` where there is no object, also with ``if_version``. A range beyond the end is cut to
    what is there, so it may be empty. With ``if_version`` it answers that version of an object
    that is there, or raises.

    Errors of a driver:
        ConflictError: ``if_version`` is not the current version.
        CorruptedError: The content is not what was written.
    """

    name: ClassVar[str] = "objects.get_range"
    key: str
    start: int = 0
    end: int | None = None
    if_version: str | None = None

    def unscoped(self, result: Chunk | None, scope: Scope) -> Chunk | None:
        return result and Chunk(result.data, _named(result.info, scope))

    def sealed(self, seal: Seal) -> GetRange:
        start, end = closed_range(self.start, self.end, seal)
        return replace(self, start=start, end=end)

    def unsealed(self, result: Chunk | None, seal: Seal) -> Chunk | None:
        return result and open_chunk(result, self.key, self.start, self.end, seal)

    def run(self, driver: ObjectsDriver) -> Awaitable[Chunk | None]:
        return driver.get_range(self)


@dataclass(frozen=True, slots=True)
class Stat(Named[ObjectsDriver, ObjectInfo | None]):
    """What is known of an object without its content; ``None`` where there is none."""

    name: ClassVar[str] = "objects.stat"
    key: str

    def unscoped(self, result: ObjectInfo | None, scope: Scope) -> ObjectInfo | None:
        return result and _named(result, scope)

    def unsealed(self, result: ObjectInfo | None, seal: Seal) -> ObjectInfo | None:
        return result and open_info(result, self.key, seal)

    def run(self, driver: ObjectsDriver) -> Awaitable[ObjectInfo | None]:
        return driver.stat(self)


@dataclass(frozen=True, slots=True)
class Delete(Named[ObjectsDriver, None]):
    """Delete an object. A missing key is no error.

    Errors of a driver:
        ConflictError: ``if_version`` is not the current version, or there is none.
    """

    name: ClassVar[str] = "objects.delete"
    key: str
    if_version: str | None = None

    @property
    def effect(self) -> Effect:
        return conditional_effect(self.if_version)

    def needs(self) -> frozenset[Feature]:
        return conditional_needs(self.if_version)

    def run(self, driver: ObjectsDriver) -> Awaitable[None]:
        return driver.delete(self)


@dataclass(frozen=True, slots=True)
class DeleteMany(Operation[ObjectsDriver, None]):
    """Delete each of these objects; missing ones are no error. Not all or nothing."""

    name: ClassVar[str] = "objects.delete_many"
    keys: tuple[str, ...]

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resources(self) -> tuple[str, ...]:
        return self.keys

    def check(self, driver: ObjectsDriver) -> None:
        limit = driver.limits.batch_max_items
        if len(self.keys) > limit:
            raise InvalidArgumentError(
                f"{len(self.keys)} items in one batch, the limit batch_max_items is {limit}"
            )
        for key in self.keys:
            driver.limits.check_stored_name(key, "key")

    def scoped(self, scope: Scope) -> DeleteMany:
        return DeleteMany(tuple(map(scope.enter, self.keys)))

    def run(self, driver: ObjectsDriver) -> Awaitable[None]:
        return driver.delete_many(self)


@dataclass(frozen=True, slots=True)
class List(Operation[ObjectsDriver, ObjectPage]):
    """A page of the objects whose keys start with ``prefix``, in code-point order.

    With a ``delimiter`` (one character), keys that hold it after the prefix are told once for
    all as their common prefix, up to and with the delimiter, in its place in the order.
    ``cursor`` is what the page before answered; a page may hold fewer than ``limit`` lines,
    also none, before the last one. What was written before the first page is in it.
    """

    name: ClassVar[str] = "objects.list"
    prefix: str = ""
    delimiter: str | None = None
    cursor: str | None = None
    limit: int = 1000

    @property
    def resource(self) -> str:
        return self.prefix

    def scoped(self, scope: Scope) -> List:
        return self if scope.holds(self.prefix) else replace(self, prefix=scope.enter(self.prefix))

    def unscoped(self, result: ObjectPage, scope: Scope) -> ObjectPage:
        named = ((scope.leave(item.key), item) for item in result.items)
        kept = tuple(replace(item, key=key) for key, item in named if key is not None)
        return ObjectPage(kept, result.cursor)

    def unsealed(self, result: ObjectPage, seal: Seal) -> ObjectPage:
        opened = tuple(
            item
            if item.size_bytes is None
            else replace(item, size_bytes=open_size(item.size_bytes, seal))
            for item in result.items
        )
        return ObjectPage(opened, result.cursor)

    def run(self, driver: ObjectsDriver) -> Awaitable[ObjectPage]:
        return driver.list(self)


@dataclass(frozen=True, slots=True)
class Copy(Operation[ObjectsDriver, str | None]):
    """Copy an object with its content type and metadata, and answer the copy's version.

    ``None`` where there is no source. The copy shares nothing with its source.

    Errors of a driver:
        ConflictError: ``if_version`` is not the current version of the target.
        AlreadyExistsError: ``if_absent``, and the target is there.
    """

    name: ClassVar[str] = "objects.copy"
    source: str
    target: str
    if_version: str | None = None
    if_absent: bool = False

    @property
    def effect(self) -> Effect:
        return conditional_effect(self.if_version, absent=self.if_absent)

    @property
    def resource(self) -> str:
        return self.target

    @property
    def resources(self) -> tuple[str, ...]:
        return (self.source, self.target)

    def needs(self) -> frozenset[Feature]:
        return conditional_needs(self.if_version, absent=self.if_absent)

    def check(self, driver: ObjectsDriver) -> None:
        driver.limits.check_stored_name(self.source, "source")
        driver.limits.check_stored_name(self.target, "target")

    def scoped(self, scope: Scope) -> Copy:
        return replace(self, source=scope.enter(self.source), target=scope.enter(self.target))

    def sealed(self, seal: Seal) -> Self:
        raise UnsupportedError(
            "objects.copy would move sealed bytes to a key that they are not bound to",
            hint="download the object and upload it under the other key",
        )

    def run(self, driver: ObjectsDriver) -> Awaitable[str | None]:
        return driver.copy(self)


@dataclass(frozen=True, slots=True)
class Presign(Named[ObjectsDriver, str]):
    """A URL that allows one method on one key for ``expires_in`` seconds, and nothing else."""

    name: ClassVar[str] = "objects.presign"
    method: Method
    key: str
    expires_in: float

    def needs(self) -> frozenset[Feature]:
        return frozenset({ObjectsFeature.PRESIGN})

    def check(self, driver: ObjectsDriver) -> None:
        Named.check(self, driver)
        if self.expires_in > driver.limits.presign_max_seconds:
            raise InvalidArgumentError(
                f"expires_in is {self.expires_in} s, the limit presign_max_seconds is "
                f"{driver.limits.presign_max_seconds:.0f}"
            )

    def sealed(self, seal: Seal) -> Self:
        raise UnsupportedError(
            "objects.presign lets others read and write what encryption hides from them",
            hint="serve the object through your application, or use a service without encryption",
        )

    def run(self, driver: ObjectsDriver) -> Awaitable[str]:
        return driver.presign(self)


def _named(info: ObjectInfo, scope: Scope) -> ObjectInfo:
    key = scope.leave(info.key)
    return info if key in (None, info.key) else replace(info, key=key)
