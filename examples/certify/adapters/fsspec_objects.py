"""The objects contract over fsspec: local files, and files in memory."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.dirfs import DirFileSystem

from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.listing import page_of
from omnicloud.contracts.objects.models import Chunk, Listed, ObjectInfo, ObjectPage
from omnicloud.errors import ConflictError
from omnicloud_tck.world import World

from ..refusals import PlainObjects
from ..threads import in_thread
from ..worlds import folder_world

__all__ = ["Fsspec", "local_world", "memory_world"]


class Fsspec(PlainObjects):
    """Keys as paths below a ``DirFileSystem``, and ``ukey`` as the version.

    The library keeps neither content types nor metadata; they are dropped here.
    """

    def __init__(self, files: Any) -> None:
        self._files = files

    async def put(self, op: Put, /) -> str:
        return await in_thread(self._put, op.key, op.data)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await in_thread(self._get, op)

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        return await in_thread(self._stat, op.key)

    async def delete(self, op: Delete, /) -> None:
        await in_thread(self._delete, op.key)

    async def delete_many(self, op: DeleteMany, /) -> None:
        for key in op.keys:
            await in_thread(self._delete, key)

    async def list(self, op: List, /) -> ObjectPage:
        return await in_thread(self._list, op)

    async def copy(self, op: Copy, /) -> str | None:
        return await in_thread(self._copy, op)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _put(self, key: str, data: bytes) -> str:
        folder, slash, _ = key.rpartition("/")
        if slash:
            self._files.makedirs(folder, exist_ok=True)
        self._files.pipe_file(key, data)
        return self._version(key)

    def _get(self, op: GetRange) -> Chunk | None:
        info = self._stat(op.key)
        if info is None:
            return None
        if op.if_version is not None and info.version != op.if_version:
            raise ConflictError("the object has another version")
        return Chunk(self._files.cat_file(op.key)[op.start : op.end], info)

    def _stat(self, key: str) -> ObjectInfo | None:
        if not self._files.isfile(key):
            return None
        try:
            version, size, modified = self._looked(key)
        except FileNotFoundError:  # deleted meanwhile
            return None
        return ObjectInfo(key, size, version, modified=modified)

    def _delete(self, key: str) -> None:
        if self._files.isfile(key):
            self._files.rm_file(key)

    def _list(self, op: List) -> ObjectPage:
        names = (name for name in self._files.find("") if name.startswith(op.prefix))
        infos = (self._stat(name) for name in sorted(names))
        lines = (
            Listed(info.key, info.size_bytes, info.version, info.modified)
            for info in infos
            if info is not None
        )
        return page_of(lines, op.prefix, op.delimiter, op.cursor, op.limit)

    def _copy(self, op: Copy) -> str | None:
        if not self._files.isfile(op.source):
            return None
        folder, slash, _ = op.target.rpartition("/")
        if slash:
            self._files.makedirs(folder, exist_ok=True)
        self._files.cp_file(op.source, op.target)
        return self._version(op.target)

    def _looked(self, key: str) -> tuple[str, int, float]:
        """Version, size and time, which the library tells one by one, of one write."""
        while True:
            version = self._version(key)
            size, modified = self._files.size(key), self._modified(key)
            if self._version(key) == version:
                return version, size, modified

    def _modified(self, key: str) -> float:
        when: datetime = self._files.modified(key)
        return when.timestamp()

    def _version(self, key: str) -> str:
        version: str = self._files.fs.ukey(self._files._join(key))  # noqa: SLF001 - DirFileSystem
        return version  # gives no other way to ask what it stands on


def local_world() -> World[Any]:
    """Files below one folder."""

    def make(folder: Path) -> Fsspec:
        return Fsspec(DirFileSystem(path=str(folder), fs=fsspec.filesystem("file")))

    return folder_world(make)


def memory_world() -> World[Any]:
    """Files in memory, which are one tree for the whole process; a folder of it."""

    def make(folder: Path) -> Fsspec:
        files = fsspec.filesystem("memory")
        files.makedirs(str(folder), exist_ok=True)
        return Fsspec(DirFileSystem(path=str(folder), fs=files))

    return folder_world(make)
