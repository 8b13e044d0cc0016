"""The class users hold: blobs by key."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import final

from omnicloud.contracts.objects import reading
from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    DeleteMany,
    List,
    ObjectsDriver,
    Presign,
    Stat,
)
from omnicloud.contracts.objects.frames import FRAME_BYTES
from omnicloud.contracts.objects.models import Listed, Metadata, Method, ObjectInfo
from omnicloud.contracts.objects.reading import ObjectReader
from omnicloud.contracts.objects.sources import Source, pieces
from omnicloud.contracts.objects.uploading import Progress, Uploading
from omnicloud.contracts.objects.uploads import AbortUpload, BeginUpload
from omnicloud.core.arguments import (
    between,
    check_flag,
    check_mapping,
    check_names,
    check_page_size,
)
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.names import check_name, check_prefix
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, ObjectNotFoundError

__all__ = ["Objects"]

_CHUNK_BYTES = 8 << 20
_OCTETS = "application/octet-stream"
_CONTENT_TYPE = re.compile("[!-~]([ -~]{0,253}[!-~])?")


@final
class Objects:
    """Blobs by key.

    Keys are any Unicode of 1 to 1,024 bytes of UTF-8: ``a`` and ``a/b`` are two objects, and
    a key is never a path. A write is visible whole and at once, or not at all. Every method
    may raise :class:`~omnicloud.errors.UnavailableError` (unknown),
    ``DeadlineExceededError`` (unknown) and ``ClosedError``; the others are named where they
    belong.
    """

    def __init__(self, pipeline: Pipeline[ObjectsDriver]) -> None:
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline[ObjectsDriver]:
        """The way to the driver."""
        return self._pipeline

    async def upload(
        self,
        key: str,
        data: Source,
        *,
        content_type: str = _OCTETS,
        metadata: Mapping[str, str] | None = None,
        if_version: str | None = None,
        if_absent: bool = False,
        part_bytes: int | None = None,
        concurrency: int = 4,
        progress: Progress | None = None,
        upload_id: str | None = None,
    ) -> str:
        """Write an object and return its version. It is visible when this returns, not before.

        Args:
            key: 1 to 1,024 bytes of UTF-8.
            data: Bytes, an async iterable of bytes, or an open binary file.
            content_type: 1 to 255 printable ASCII characters; kept as it is, never guessed.
            metadata: Kept as it is, at most ``limits.metadata_max_bytes`` together.
            if_version: Write only over this version. Needs ``conditional``.
            if_absent: Write only where there is no object. Needs ``conditional``.
            part_bytes: What is longer goes in parts of so many bytes, a multiple of 64 KiB.
            concurrency: Parts under way at once; about so many are held in memory.
            progress: Called with the number of bytes that have arrived.
            upload_id: One of ``begin_upload`` to go on with: parts that are there with equal
                checksums are not sent again; where the service keeps none of parts, or with
                encryption, all are. It is not aborted when this fails; ``content_type`` and
                ``metadata`` are those it was begun with.

        Raises:
            ConflictError: ``if_version`` is not the current version; nothing was written.
            AlreadyExistsError: ``if_absent``, and the key is there; nothing was written.
            NotFoundError: There is no such upload.
            CorruptedError: What arrived is not what was sent; nothing is visible.
            InvalidArgumentError: A bound is broken; nothing is visible.
        """
        if upload_id is not None and (content_type != _OCTETS or metadata):
            raise InvalidArgumentError(
                "an upload that goes on has the content type and metadata it was begun with",
                hint="give them to begin_upload",
            )
        between(concurrency, 1, 64, "concurrency")
        part = _part_size(part_bytes, self._pipeline.driver)
        upload = Uploading(
            self._pipeline,
            check_name(key, "key"),
            _kind(content_type),
            _metadata(metadata),
            _version(if_version, absent=if_absent),
            check_flag(if_absent, "if_absent"),
            _progress(progress),
            concurrency,
            None if upload_id is None else _id(upload_id),
        )
        return await upload.run(pieces(data, part))

    async def begin_upload(
        self, key: str, *, content_type: str = _OCTETS, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Begin an upload that can be resumed; give its id to ``upload`` until that succeeds."""
        op = BeginUpload(check_name(key, "key"), _kind(content_type), _metadata(metadata))
        return await self._pipeline.send(op)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget an upload that was begun. One that is not there is no error."""
        await self._pipeline.send(AbortUpload(check_name(key, "key"), _id(upload_id)))

    async def download(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """The content of an object, or its bytes ``start`` to ``end`` (excluded).

        All of one version, also where it takes several requests. A range beyond the end is
        cut to what is there.

        Raises:
            ObjectNotFoundError: There is no object of that key.
            CorruptedError: What is stored is not what was written.
            ConflictError: The object was written again and again meanwhile.
        """
        check_name(key, "key")
        _check_range(start, end)
        return await reading.whole(self._pipeline, key, start, end, _CHUNK_BYTES)

    async def stream(
        self, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = _CHUNK_BYTES
    ) -> AsyncIterator[bytes]:
        """The content in chunks of at most ``chunk_bytes``, all of one version.

        The next two are fetched before they are asked for.

        Raises:
            ObjectNotFoundError: There is no object of that key.
            CorruptedError: What is stored is not what was written.
            ConflictError: The object was written or deleted meanwhile.
        """
        check_name(key, "key")
        _check_range(start, end)
        between(chunk_bytes, 1, 1 << 30, "chunk_bytes")
        source = reading.chunks(self._pipeline, key, start, end, chunk_bytes, reading.AHEAD)
        async with aclosing(source):
            async for chunk in source:
                yield chunk.data

    def open(
        self,
        key: str,
        *,
        start: int = 0,
        end: int | None = None,
        chunk_bytes: int = _CHUNK_BYTES,
        read_ahead: int = 1,
    ) -> AbstractAsyncContextManager[ObjectReader]:
        """A reader of one version, as ``async with objects.open(key) as reader``.

        ``read_ahead`` (1 to 16) chunks are fetched before they are asked for. Errors are those
        of :meth:`stream`; they are raised by the read that meets them.
        """
        check_name(key, "key")
        _check_range(start, end)
        between(chunk_bytes, 1, 1 << 30, "chunk_bytes")
        between(read_ahead, 1, 16, "read_ahead")
        return reading.opened(self._pipeline, key, start, end, chunk_bytes, read_ahead)

    async def stat(self, key: str) -> ObjectInfo:
        """What is known of an object without its content.

        Raises:
            ObjectNotFoundError: There is no object of that key.
        """
        info = await self._pipeline.send(Stat(check_name(key, "key")))
        if info is None:
            raise ObjectNotFoundError(f"there is no object {key!r}")
        return info

    async def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        return await self._pipeline.send(Stat(check_name(key, "key"))) is not None

    async def delete(self, key: str, *, if_version: str | None = None) -> None:
        """Delete an object. A missing key is no error.

        Raises:
            ConflictError: ``if_version`` is not the current version; nothing was deleted.
        """
        await self._pipeline.send(Delete(check_name(key, "key"), _version(if_version)))

    async def delete_many(self, keys: Iterable[str]) -> None:
        """Delete each of these objects, in as many requests as the service needs."""
        wanted = tuple(dict.fromkeys(check_names(keys, "key")))
        size = self._pipeline.driver.limits.batch_max_items
        for start in range(0, len(wanted), size):
            await self._pipeline.send(DeleteMany(wanted[start : start + size]))

    async def list(
        self, prefix: str = "", *, delimiter: str | None = None, page_size: int = 1000
    ) -> AsyncIterator[Listed]:
        """Each object whose key starts with ``prefix`` once, in code-point order.

        With a ``delimiter``, one character, keys that hold it after the prefix are told once
        for all as their common prefix. What is written or deleted meanwhile may or may not be
        in it.
        """
        check_prefix(prefix)
        _check_delimiter(delimiter)
        check_page_size(page_size)
        page_size = min(page_size, self._pipeline.driver.limits.page_max_items)
        cursor: str | None = None
        while True:
            page = await self._pipeline.send(List(prefix, delimiter, cursor, page_size))
            for item in page.items:
                yield item
            cursor = page.cursor
            if cursor is None:
                return

    async def copy(
        self, source: str, target: str, *, if_version: str | None = None, if_absent: bool = False
    ) -> str:
        """Copy an object with its content type and metadata; return the copy's version.

        Raises:
            ObjectNotFoundError: There is no source; nothing was written.
            ConflictError: ``if_version`` is not the target's version; nothing was written.
            AlreadyExistsError: ``if_absent``, and the target is there; nothing was written.
            UnsupportedError: The service is encrypted: what is sealed is bound to its key.
        """
        op = Copy(
            check_name(source, "source"),
            check_name(target, "target"),
            _version(if_version, absent=if_absent),
            check_flag(if_absent, "if_absent"),
        )
        version = await self._pipeline.send(op)
        if version is None:
            raise ObjectNotFoundError(f"there is no object {source!r}")
        return version

    async def presign(self, method: Method | str, key: str, *, expires_in: Seconds) -> str:
        """A URL that allows one method on one key for a time. Needs ``presign``.

        Args:
            method: ``"GET"``, ``"PUT"``, ``"HEAD"`` or ``"DELETE"``.
            key: 1 to 1,024 bytes of UTF-8.
            expires_in: At most ``limits.presign_max_seconds``.
        """
        if method not in list(Method):
            raise InvalidArgumentError(
                f"method is {method!r}, it must be one of {', '.join(Method)}"
            )
        op = Presign(Method(method), check_name(key, "key"), positive(expires_in, "expires_in"))
        return await self._pipeline.send(op)

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()


def _part_size(asked: int | None, driver: ObjectsDriver) -> int:
    limits = driver.limits
    # A sealed part is a little longer than its content, so the default stays below the limit.
    largest = min(limits.part_max_bytes, limits.put_max_bytes)
    size = min(_CHUNK_BYTES, largest // 2) if asked is None else asked
    if asked is None:
        size = max(size // FRAME_BYTES * FRAME_BYTES, FRAME_BYTES, limits.part_min_bytes)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or size % FRAME_BYTES:
        raise InvalidArgumentError(
            f"part_bytes is {size!r}, it must be a positive multiple of {FRAME_BYTES}"
        )
    if not limits.part_min_bytes <= size <= largest:
        raise InvalidArgumentError(
            f"part_bytes is {size}, the limits part_min_bytes and part_max_bytes are "
            f"{limits.part_min_bytes} and {largest}"
        )
    return size


def _metadata(metadata: Mapping[str, str] | None) -> Metadata:
    if metadata is None:
        return ()
    check_mapping(metadata, "metadata", 'give names with texts: {"author": "me"}')
    pairs = tuple(metadata.items())
    for name, value in pairs:
        check_name(name, "metadata name")
        _text(value, "metadata value")
    return pairs


def _kind(content_type: str) -> str:
    # What a header cannot carry would be guessed, or be two headers.
    if not isinstance(content_type, str) or not _CONTENT_TYPE.fullmatch(content_type):
        raise InvalidArgumentError(
            "content_type must be 1 to 255 printable ASCII characters, no space at its ends",
            hint=f"leave it out for {_OCTETS}",
        )
    return content_type


def _progress(progress: Progress | None) -> Progress | None:
    if progress is not None and not callable(progress):
        raise InvalidArgumentError(
            f"progress must be a function, not {type(progress).__name__}",
            hint="def progress(bytes_sent): ...",
        )
    return progress


def _id(upload_id: str) -> str:
    if not isinstance(upload_id, str) or not upload_id:
        raise InvalidArgumentError("upload_id must be the id that begin_upload returned")
    return _text(upload_id, "upload_id")


def _text(value: str, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} must be text, not {type(value).__name__}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidArgumentError(f"{what} holds a lone surrogate, which UTF-8 cannot carry")
    return value


def _check_range(start: int, end: int | None) -> None:
    for what, value in (("start", start), ("end", 0 if end is None else end)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InvalidArgumentError(f"{what} is {value!r}, it must be an int from 0")
    if end is not None and end < start:
        raise InvalidArgumentError(f"end is {end}, before start, {start}")


def _check_delimiter(delimiter: str | None) -> None:
    # "~" is where namespaces begin; as a delimiter it would cut them.
    if delimiter is not None and (len(check_prefix(delimiter, "delimiter")) != 1):
        raise InvalidArgumentError("delimiter must be one character", hint='"/" is usual')
    if delimiter == "~":
        raise InvalidArgumentError('"~" cannot be a delimiter', hint='"/" is usual')


def _version(version: str | None, *, absent: bool = False) -> str | None:
    if version is None:
        return None
    if not isinstance(version, str) or not version:
        raise InvalidArgumentError(
            "if_version must be a version that upload, copy or stat returned",
            hint="to write only where nothing is, use if_absent=True",
        )
    if absent:
        raise InvalidArgumentError(
            "if_version and if_absent exclude each other", hint="give one of them"
        )
    return version
