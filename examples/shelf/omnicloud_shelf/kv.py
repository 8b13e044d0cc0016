"""The kv contract over files: a key's file is replaced whole, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from pathlib import Path
from typing import NoReturn

from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import ChangePage, KVFeature, KVLimits, Page, Record
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import CorruptedError, Outcome, UnsupportedError
from omnicloud_shelf.config import ShelfConfig
from omnicloud_shelf.errors import mapped
from omnicloud_shelf.threads import in_thread

__all__ = ["ShelfKV", "open_kv"]


async def open_kv(config: ShelfConfig, opening: Opening) -> ShelfKV:
    """Open the shelf of a service: a folder of its own below the configured one."""
    name = hashlib.sha256(opening.service.name.encode()).hexdigest()
    folder = config.path.absolute() / name
    await in_thread(_make, folder)
    return ShelfKV(folder)


class ShelfKV:
    """A kv driver whose files hold a version of 32 bytes, a digest of 32, and the value.

    A file's name is the digest of the key, because keys are longer and freer than file names.
    """

    features: frozenset[Feature] = frozenset({KVFeature.DURABLE})
    limits = KVLimits(value_max_bytes=1 << 20)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def get(self, op: Get, /) -> Record | None:
        return await in_thread(_read, self._file(op.key))

    async def set(self, op: Set, /) -> str:
        return await in_thread(_write, self._file(op.key), op.value)

    async def delete(self, op: Delete, /) -> bool:
        return await in_thread(_remove, self._file(op.key))

    # What is not declared is refused before it comes here.

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        await _refuse(op.name)

    async def set_many(self, op: SetMany, /) -> None:
        await _refuse(op.name)

    async def delete_many(self, op: DeleteMany, /) -> None:
        await _refuse(op.name)

    async def scan(self, op: Scan, /) -> Page:
        await _refuse(op.name)

    async def increment(self, op: Increment, /) -> int:
        await _refuse(op.name)

    async def changes(self, op: Changes, /) -> ChangePage:
        await _refuse(op.name)

    async def begin(self, op: Begin, /) -> Transaction:
        await _refuse(op.name)

    def within(self, transaction: object, /) -> NoReturn:
        raise UnsupportedError("the shelf has no transactions")

    async def aclose(self) -> None:
        """Nothing is held open between calls."""

    def _file(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()


async def _refuse(operation: str) -> NoReturn:
    await asyncio.sleep(0)
    raise UnsupportedError(f"the shelf has no {operation}")


def _make(folder: Path) -> None:
    with mapped(Outcome.NOT_DONE):
        folder.mkdir(parents=True, exist_ok=True)


def _read(file: Path) -> Record | None:
    with mapped(Outcome.NOT_DONE):
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return None
    version, digest, value = data[:32], data[32:64], data[64:]
    if hashlib.sha256(value).digest() != digest:
        raise CorruptedError("a file is not what was written; it was left as it is")
    return Record(value, version.decode("ascii"))


def _write(file: Path, value: bytes) -> str:
    version = uuid.uuid4().hex
    draft = file.with_name(f"draft-{version}")
    with mapped(Outcome.UNKNOWN):
        try:
            with draft.open("xb") as stream:
                stream.write(version.encode("ascii") + hashlib.sha256(value).digest() + value)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync(file.parent)
    return version


def _remove(file: Path) -> bool:
    with mapped(Outcome.UNKNOWN):
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        _sync(file.parent)
    return True


def _sync(folder: Path) -> None:
    """Make a rename or a removal durable: it is a change of the folder, not of the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
