"""What a user may give as content, cut into pieces of one size."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from typing import Protocol

import anyio.to_thread

from omnicloud.errors import InvalidArgumentError

__all__ = ["AsyncFile", "File", "Source", "pieces"]


class File(Protocol):
    """An open binary file; it is read in a worker thread."""

    def read(self, size: int, /) -> bytes: ...


class AsyncFile(Protocol):
    """An open binary file of anyio, aiofiles and the like."""

    def read(self, size: int, /) -> Awaitable[bytes]: ...


Source = bytes | bytearray | memoryview | AsyncIterable[bytes] | File | AsyncFile


def pieces(source: Source, size: int) -> AsyncIterator[bytes]:
    """The content in pieces of ``size`` bytes; the last one is shorter, or the only one empty.

    Raises:
        InvalidArgumentError: It is none of the kinds, at once; or it gave something that is
            not bytes, when it did.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _of_bytes(bytes(source), size)
    read = getattr(source, "read", None)
    if callable(read):
        return _cut(_of_file(read, size), size)
    if isinstance(source, AsyncIterable):
        return _cut(aiter(source), size)
    raise InvalidArgumentError(
        f"the data must be bytes, an async iterable of bytes or an open binary file, "
        f"not {type(source).__name__}",
        hint="encode text first",
    )


async def _of_bytes(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, max(1, len(data)), size):
        yield data[start : start + size]


async def _of_file(read: object, size: int) -> AsyncIterator[bytes]:
    assert callable(read)  # noqa: S101 - for the type checker
    is_async = inspect.iscoroutinefunction(read)
    while True:
        data = await read(size) if is_async else await anyio.to_thread.run_sync(read, size)
        if inspect.isawaitable(data):
            data = await data
        if not isinstance(data, bytes) or data:
            yield data
        else:
            return


async def _cut(stream: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    held: list[memoryview] = []
    have = 0
    async for data in stream:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidArgumentError(f"the source gave {type(data).__name__}, not bytes")
        # Others may be changed by who gave them.
        left = memoryview(data if isinstance(data, bytes) else bytes(data))
        while left:
            # Only when more comes: what is left at the end is the last one, never empty but
            # where all is.
            if have == size:
                yield _whole(held)
                held, have = [], 0
            taken = left[: size - have]
            held.append(taken)
            have += len(taken)
            left = left[len(taken) :]
    yield _whole(held)


def _whole(held: list[memoryview]) -> bytes:
    """The pieces as one; bytes that were given in one are not copied."""
    if len(held) == 1 and isinstance(held[0].obj, bytes):
        given = held[0].obj
        return given if len(given) == len(held[0]) else bytes(held[0])
    return b"".join(held)
