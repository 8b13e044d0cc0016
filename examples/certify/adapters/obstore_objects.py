"""The objects contract over obstore: its local store, and its store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import LocalStore, MemoryStore

from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put, Stat
from omnicloud.contracts.objects.listing import page_of
from omnicloud.contracts.objects.models import Chunk, Listed, Metadata, ObjectInfo, ObjectPage
from omnicloud.errors import ConflictError, InvalidArgumentError, UnsupportedError
from omnicloud_tck.world import World

from ..refusals import PlainObjects
from ..threads import in_thread
from ..worlds import folder_world, process_world

__all__ = ["Obstore", "local_world", "memory_world"]

_PLAIN = "application/octet-stream"
_ASIDE = "given-"
_OWN = {
    *("content-encoding", "cache-control", "content-disposition", "content-language"),
    *("content-type", "storage-class"),
}
_TYPE = "Content-Type"


class Obstore(PlainObjects):
    """Keys as paths and entity tags as versions.

    A prefix is of whole path segments there, so listing fetches everything and is cut into
    pages here. Conditions are not declared: a deletion cannot have one.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    async def put(self, op: Put, /) -> str:
        attributes = _attributes(op.content_type, op.metadata)
        with _mapped():
            done = await obstore.put_async(self._store, op.key, op.data, attributes=attributes)
        return str(done["e_tag"])

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        options = {} if op.if_version is None else {"if_match": op.if_version}
        with _mapped():
            try:
                found = await obstore.get_async(self._store, op.key, options=options)
            except FileNotFoundError:
                return None
            data = bytes(await found.bytes_async())
        return Chunk(data[op.start : op.end], _info(op.key, found.meta, found.attributes))

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        with _mapped():
            try:
                found = await obstore.get_async(self._store, op.key, options={"head": True})
            except FileNotFoundError:
                return None
        return _info(op.key, found.meta, found.attributes)

    async def delete(self, op: Delete, /) -> None:
        with _mapped():
            try:
                await obstore.delete_async(self._store, op.key)
            except FileNotFoundError:
                return

    async def delete_many(self, op: DeleteMany, /) -> None:
        for key in op.keys:
            await self.delete(Delete(key))

    async def list(self, op: List, /) -> ObjectPage:
        with _mapped():
            found = await in_thread(_everything, self._store)
        lines = (
            Listed(one["path"], one["size"], one["e_tag"], one["last_modified"].timestamp())
            for one in sorted(found, key=lambda one: str(one["path"]))
            if one["path"].startswith(op.prefix)
        )
        return page_of(lines, op.prefix, op.delimiter, op.cursor, op.limit)

    async def copy(self, op: Copy, /) -> str | None:
        with _mapped():
            try:
                await obstore.copy_async(self._store, op.source, op.target)
            except FileNotFoundError:
                return None
            return str((await obstore.head_async(self._store, op.target))["e_tag"])

    async def aclose(self) -> None:
        """Nothing is held."""


def local_world() -> World[Any]:
    """Stores over one folder."""
    return folder_world(lambda folder: Obstore(_local(folder)))


def memory_world() -> World[Any]:
    """One store in memory that all clients share."""
    return process_world(lambda: Obstore(MemoryStore()))


def _local(folder: Path) -> Any:
    return LocalStore(str(folder))


def _everything(store: Any) -> Any:
    return obstore.list(store).collect()


def _aside(name: str) -> str:
    """Metadata that is called as one of the library's own attributes is not that attribute."""
    own = name.lower() in _OWN or name.startswith(_ASIDE)
    return f"{_ASIDE}{name}" if own else name


def _attributes(content_type: str, metadata: Metadata) -> dict[str, str] | None:
    """``None`` where nothing was asked for: the local store refuses any attribute."""
    given = {_aside(name): value for name, value in metadata}
    if content_type != _PLAIN:
        given[_TYPE] = content_type
    return given or None


def _info(key: str, meta: Any, attributes: Any) -> ObjectInfo:
    kept = dict(attributes)
    return ObjectInfo(
        key,
        meta["size"],
        str(meta["e_tag"]),
        kept.pop(_TYPE, _PLAIN),
        {name.removeprefix(_ASIDE): value for name, value in kept.items()},
        meta["last_modified"].timestamp(),
    )


@contextmanager
def _mapped() -> Iterator[None]:
    """The library's errors as the contract's; what is not here stays as it is."""
    try:
        yield
    except exceptions.PreconditionError as error:
        raise ConflictError("the object has another version") from error
    except (exceptions.InvalidPathError, ValueError) as error:
        raise InvalidArgumentError("the library takes no such path") from error
    except (exceptions.NotSupportedError, NotImplementedError) as error:
        raise UnsupportedError("the store does not support it") from error
