"""Causes undone in stores of objects."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from obstore.store import MemoryStore

from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects.listing import page_of
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage
from omnicloud_tck.world import World

from ..adapters.fsspec_objects import Fsspec
from ..adapters.obstore_objects import Obstore
from ..findings.model import laws
from ..worlds import folder_world, process_world
from .model import Undone
from .parts import Parted, Waiting

__all__ = ["OBJECTS"]


class Escaped(Obstore):
    """Writes names in letters and digits, as a provider would."""

    async def put(self, op: objects.Put, /) -> str:
        return await super().put(replace(op, key=_in(op.key)))

    async def get_range(self, op: objects.GetRange, /) -> Chunk | None:
        chunk = await super().get_range(replace(op, key=_in(op.key)))
        return chunk and replace(chunk, info=replace(chunk.info, key=op.key))

    async def stat(self, op: objects.Stat, /) -> ObjectInfo | None:
        info = await super().stat(replace(op, key=_in(op.key)))
        return info and replace(info, key=op.key)

    async def delete(self, op: objects.Delete, /) -> None:
        await super().delete(replace(op, key=_in(op.key)))

    async def copy(self, op: objects.Copy, /) -> str | None:
        return await super().copy(replace(op, source=_in(op.source), target=_in(op.target)))

    async def list(self, op: objects.List, /) -> ObjectPage:
        every = await super().list(objects.List(limit=1 << 31))
        lines = (replace(line, key=_out(line.key)) for line in every.items)
        asked = sorted((line for line in lines if line.key.startswith(op.prefix)), key=_key)
        return page_of(asked, op.prefix, op.delimiter, op.cursor, op.limit)


class InParts(Parted, Obstore):
    """With uploads in parts."""


class EscapedInParts(Parted, Escaped):
    """With both, as what needs parts meets names, and what needs names meets parts."""


class InPlace(Fsspec):
    """Writes elsewhere, and moves what is written to its place."""

    def _put(self, key: str, data: bytes) -> str:
        aside = str(Path(self._files.path).parent / uuid.uuid4().hex)
        self._files.fs.pipe_file(aside, data)
        self._files.fs.mv(aside, self._files._join(key))  # noqa: SLF001 - as in the adapter
        return self._version(key)


def _in_parts(cls: type[InParts | EscapedInParts]) -> Callable[[], World[Any]]:
    return lambda: process_world(lambda: cls(MemoryStore(), waiting=Waiting()))


def _in_place() -> World[Any]:
    def make(folder: Path) -> InPlace:
        return InPlace(DirFileSystem(path=str(folder), fs=fsspec.filesystem("file")))

    return folder_world(make)


def _in(name: str) -> str:
    return "n" + base64.b32encode(name.encode()).decode().rstrip("=")


def _out(stored: str) -> str:
    text = stored[1:]
    return base64.b32decode(text + "=" * (-len(text) % 8)).decode()


def _key(line: Any) -> str:
    key: str = line.key
    return key


OBJECTS = (
    Undone(
        "obstore_names_are_normalised",
        "obstore-memory",
        (*laws("G", 1, 2, 5, 6, 11, 91), *laws("OBJ", 3, 10, 11, 12, 40)),
        lambda: process_world(lambda: Escaped(MemoryStore())),
    ),
    Undone(
        "objects_have_no_parts",
        "obstore-memory",
        (
            *laws("G", 66, 85, 86, 92, 96, 107, 110),
            *laws("OBJ", 30, 31, 32, 35, 36, 77, 80, 81, 82, 84, 115, 116, 118, *range(134, 138)),
            *laws("OBJ", 140, 141, 142),
        ),
        _in_parts(InParts),
    ),
    Undone(
        "objects_have_no_parts",
        "obstore-memory",
        ("OBJ-130",),
        _in_parts(EscapedInParts),
    ),
    Undone(
        "fsspec_local_writes_are_seen_half",
        "fsspec-local",
        ("OBJ-143",),
        _in_place,
    ),
)
