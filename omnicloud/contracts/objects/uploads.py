"""The requests of an upload in parts.

Nothing of it is visible under the key before it is complete. Parts may arrive in any order,
at once, and again; the last one that arrived under a number counts. An upload that was
aborted is gone: its id is not found by any later request.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from omnicloud.contracts.objects.checks import (
    check_data,
    check_metadata,
    checksum_of,
    conditional_needs,
)
from omnicloud.contracts.objects.frames import close_frames, close_metadata
from omnicloud.contracts.objects.models import Metadata, ObjectsLimits, PartInfo, PartTag
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Operation, Seal
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "AbortUpload",
    "BeginUpload",
    "CompleteUpload",
    "ListParts",
    "UploadPart",
    "UploadsDriver",
]


class UploadsDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> ObjectsLimits: ...
    async def begin_upload(self, op: BeginUpload, /) -> str: ...
    async def upload_part(self, op: UploadPart, /) -> str: ...
    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]: ...
    async def complete_upload(self, op: CompleteUpload, /) -> str: ...
    async def abort_upload(self, op: AbortUpload, /) -> None: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BeginUpload(Operation[UploadsDriver, str]):
    """Begin an upload in parts and answer its id."""

    name: ClassVar[str] = "objects.begin_upload"
    key: str
    content_type: str = "application/octet-stream"
    metadata: Metadata = ()

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resource(self) -> str:
        return self.key

    def check(self, driver: UploadsDriver) -> None:
        driver.limits.check_stored_name(self.key, "key")
        check_metadata(self.metadata, driver.limits)

    def scoped(self, scope: Scope) -> BeginUpload:
        return self if scope.holds(self.key) else replace(self, key=scope.enter(self.key))

    def sealed(self, seal: Seal) -> BeginUpload:
        return replace(self, metadata=close_metadata(self.metadata, self.key, seal))

    def run(self, driver: UploadsDriver) -> Awaitable[str]:
        return driver.begin_upload(self)


@dataclass(frozen=True, slots=True)
class UploadPart(Operation[UploadsDriver, str]):
    """Store a part and answer its tag.

    ``number`` is from 1; ``offset`` is where the part begins in the content, a multiple of
    64 KiB; ``last`` says that none follows. ``checksum`` is of ``data``; a store may compare.

    Errors of a driver:
        NotFoundError: There is no such upload of that key: completed, aborted, or collected.
        CorruptedError: ``checksum`` is not that of the data that arrived; it is not stored.
    """

    name: ClassVar[str] = "objects.upload_part"
    key: str
    upload_id: str
    number: int
    offset: int
    data: bytes = field(repr=False)
    last: bool = False
    checksum: str | None = None

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resource(self) -> str:
        return self.key

    def check(self, driver: UploadsDriver) -> None:
        limits = driver.limits
        check_data(len(self.data), limits.part_max_bytes, "part_max_bytes")
        check_data(self.offset + len(self.data), limits.object_max_bytes, "object_max_bytes")
        if self.number > limits.parts_max:
            raise InvalidArgumentError(
                f"part {self.number}, the limit parts_max is {limits.parts_max}",
                hint="upload in larger parts: part_bytes=",
            )
        if not self.last and len(self.data) < limits.part_min_bytes:
            raise InvalidArgumentError(
                f"a part of {len(self.data)} bytes that is not the last, the limit "
                f"part_min_bytes is {limits.part_min_bytes}"
            )

    def scoped(self, scope: Scope) -> UploadPart:
        return self if scope.holds(self.key) else replace(self, key=scope.enter(self.key))

    def sealed(self, seal: Seal) -> UploadPart:
        data = close_frames(self.data, self.key, seal, offset=self.offset, last=self.last)
        return replace(self, data=data, checksum=self.checksum and checksum_of(data))

    def run(self, driver: UploadsDriver) -> Awaitable[str]:
        return driver.upload_part(self)


@dataclass(frozen=True, slots=True)
class ListParts(Operation[UploadsDriver, tuple[PartInfo, ...]]):
    """The parts of an upload that have arrived, by number.

    A part without a checksum is sent again by who goes on with the upload.

    Errors of a driver:
        NotFoundError: There is no such upload of that key.
    """

    name: ClassVar[str] = "objects.list_parts"
    key: str
    upload_id: str

    @property
    def resource(self) -> str:
        return self.key

    def scoped(self, scope: Scope) -> ListParts:
        return self if scope.holds(self.key) else replace(self, key=scope.enter(self.key))

    def unsealed(self, result: tuple[PartInfo, ...], seal: Seal) -> tuple[PartInfo, ...]:
        # The stored checksums are of sealed bytes, which tell nothing about the content.
        return tuple(replace(part, checksum=None) for part in result)

    def run(self, driver: UploadsDriver) -> Awaitable[tuple[PartInfo, ...]]:
        return driver.list_parts(self)


@dataclass(frozen=True, slots=True)
class CompleteUpload(Operation[UploadsDriver, str]):
    """Make the object of these parts, in this order, visible and answer its version.

    ``checksum`` is of the whole content, and a store may compare; there is none where
    ``limits.parts_checksum`` says that it is not kept. A refusal leaves the upload as it is.

    Errors of a driver:
        NotFoundError: There is no such upload of that key.
        ConflictError: A part is not there under that tag; or ``if_version`` is not the
            current version.
        AlreadyExistsError: ``if_absent``, and the key is there.
        CorruptedError: ``checksum`` is not that of the parts together; nothing is visible.
    """

    name: ClassVar[str] = "objects.complete_upload"
    key: str
    upload_id: str
    parts: tuple[PartTag, ...]
    checksum: str | None = None
    if_version: str | None = None
    if_absent: bool = False

    @property
    def effect(self) -> Effect:
        # A second completion of a completed upload does not find it.
        return Effect.ONCE

    @property
    def resource(self) -> str:
        return self.key

    def needs(self) -> frozenset[Feature]:
        return conditional_needs(self.if_version, absent=self.if_absent)

    def scoped(self, scope: Scope) -> CompleteUpload:
        return self if scope.holds(self.key) else replace(self, key=scope.enter(self.key))

    def sealed(self, seal: Seal) -> CompleteUpload:
        return replace(self, checksum=None)

    def run(self, driver: UploadsDriver) -> Awaitable[str]:
        return driver.complete_upload(self)


@dataclass(frozen=True, slots=True)
class AbortUpload(Operation[UploadsDriver, None]):
    """Forget an upload and its parts. One that is not there is no error."""

    name: ClassVar[str] = "objects.abort_upload"
    key: str
    upload_id: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    @property
    def resource(self) -> str:
        return self.key

    def scoped(self, scope: Scope) -> AbortUpload:
        return self if scope.holds(self.key) else replace(self, key=scope.enter(self.key))

    def run(self, driver: UploadsDriver) -> Awaitable[None]:
        return driver.abort_upload(self)
