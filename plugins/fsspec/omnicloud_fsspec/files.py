"""Open files: read by ranges of one version, written as one object when they are closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.asyn import AbstractAsyncStreamedFile, sync
from fsspec.spec import AbstractBufferedFile

from omnicloud_fsspec.uploads import Upload

if TYPE_CHECKING:
    from omnicloud_fsspec.filesystem import OmniFileSystem

__all__ = ["OmniFile", "OmniStreamedFile"]

T = TypeVar("T")


class OmniFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file for programs that wait.

    What is written is visible when the file is closed, whole; where the ``with`` block ends in
    an error, nothing is.
    """

    fs: OmniFileSystem
    _upload: Upload | None = None

    def commit(self) -> None:
        """Make visible what a transaction has held back."""
        if self._upload is not None:
            self._wait(self.fs.ended, self.path, self._upload)
            self._upload = None

    def discard(self) -> None:
        """Forget what was written."""
        if self._upload is not None:
            self._wait(self._upload.discard)
            self._upload = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self.writable():
            self.discard()
            self.closed = True
        self.close()

    def _initiate_upload(self) -> None:
        self._upload = self._wait(self.fs.begun, self.path, self.mode)

    def _upload_chunk(self, final: bool = False) -> bool:
        if self._upload is not None:
            self._wait(self.fs.sent, self.path, self._upload, self.buffer.getvalue())
        if final and self.autocommit:
            self.commit()
        return True

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._wait(self.fs.ranged, self.path, start, end, self.details["version"])

    def _wait(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        done: T = sync(self.fs.loop, call, *args)
        return done


class OmniStreamedFile(AbstractAsyncStreamedFile):  # type: ignore[misc]  # fsspec has no types
    """A file for programs that await."""

    fs: OmniFileSystem
    _upload: Upload | None = None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._upload is not None:
            await self._upload.discard()
            self._upload, self.closed = None, True
        elif error is not None and self.mode != "rb":
            self.closed = True
        await self.close()

    async def _initiate_upload(self) -> None:
        self._upload = await self.fs.begun(self.path, self.mode)

    async def _upload_chunk(self, final: bool = False) -> bool:
        if self._upload is not None:
            await self.fs.sent(self.path, self._upload, self.buffer.getvalue())
            if final:
                await self.fs.ended(self.path, self._upload)
                self._upload = None
        return True

    async def _fetch_range(self, start: int, end: int) -> bytes:
        return await self.fs.ranged(self.path, start, end, self.details["version"])
