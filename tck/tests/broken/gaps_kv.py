"""kv drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import asyncio
import math
import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import Delete, Get, Set, SetMany
from omnicloud.contracts.kv.models import Record
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.kv import KVContract


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, KVContract)


class _Values(MemoryKV):
    """Changes values on their way in."""

    def kept(self, value: bytes) -> bytes:
        return value

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=self.kept(op.value)))


class _Texts(_Values):
    """Changes values that are text on their way in."""

    def text(self, value: str) -> str:
        return value

    def kept(self, value: bytes) -> bytes:
        try:
            return self.text(value.decode()).encode()
        except UnicodeDecodeError:
            return value


class _Keys(MemoryKV):
    """Changes keys, in every request about one."""

    def kept(self, key: str) -> str:
        return key

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=self.kept(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=self.kept(op.key)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, key=self.kept(op.key)))


@kv("KV02", "T0", "set is a no-op that answers a version")
class SetsNothing(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        return str(self._store.number())


@kv("KV06", "T0", "a deleted key is an empty value afterwards")
class DeletesToEmpty(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        current = self._live(op.key)
        self._expect(op.if_version, current)
        if current is None:
            return False
        self._write(op.key, b"", None)
        return True


@kv("KV08", "T1", "values are stripped of white space at their ends")
class Strips(_Texts):
    def text(self, value: str) -> str:
        return value.strip()


@kv("KV09", "T1", "CR LF in values becomes LF")
class Newlines(_Values):
    def kept(self, value: bytes) -> bytes:
        return value.replace(b"\r\n", b"\n")


@kv("KV10", "T1", "values that are text are normalised to NFC")
class NormalisesValues(_Texts):
    def text(self, value: str) -> str:
        return unicodedata.normalize("NFC", value)


@kv("KV12", "T1", "values that look like numbers come back as numbers are written")
class Numbers(_Texts):
    def text(self, value: str) -> str:
        try:
            return str(int(value))
        except ValueError:
            return value


@kv("KV13", "T1", "values are cut at 64 KiB")
class CutsValues(_Values):
    def kept(self, value: bytes) -> bytes:
        return value[: 64 << 10]


@kv("KV14", "T1", "characters beyond the basic plane become question marks in values")
class BasicPlane(_Texts):
    def text(self, value: str) -> str:
        return "".join("?" if letter > "\uffff" else letter for letter in value)


@kv("KV15", "T1", "keys are compared without case")
class FoldsKeys(_Keys):
    def kept(self, key: str) -> str:
        return key.casefold()


@kv("KV16", "T1", "white space at the end of a key does not count")
class PadsKeys(_Keys):
    def kept(self, key: str) -> str:
        return key.rstrip(" ") or key


@kv("KV17", "T1", "keys are cut to 250 bytes")
class CutsKeys(_Keys):
    def kept(self, key: str) -> str:
        return key.encode()[:250].decode(errors="ignore")


@kv("KV18", "T1", "slashes and colons in keys become underscores")
class Sanitises(_Keys):
    def kept(self, key: str) -> str:
        return key.replace("/", "_").replace(":", "_")


@kv("KV19", "T1", "keys are normalised to NFC")
class NormalisesKeys(_Keys):
    def kept(self, key: str) -> str:
        return unicodedata.normalize("NFC", key)


@kv("KV20", "T1", "set appends to a value that is there")
class Appends(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._store.reading()
        held = self._live(op.key)
        before = b"" if held is None or held.value is None else held.value
        return await super().set(replace(op, value=before + op.value))


@kv("KV22", "T1", "delete takes all keys that start with the key along")
class DeletesPrefix(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        for key in [key for key in self._rows() if key.startswith(op.key) and self._live(key)]:
            self._bury(key)
        return there


@kv("KV23", "T1", "the value null is told as absence")
class NullIsAbsent(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        return None if record is not None and record.value in (b"null", b"None") else record


@kv("KV24", "T1", "a byte order mark at the start of a value is dropped")
class DropsMark(_Values):
    def kept(self, value: bytes) -> bytes:
        return value.removeprefix(b"\xef\xbb\xbf")


@kv("KV29", "T2", "each client keeps what it has read, and does not see another's writes")
class NearCache(MemoryKV):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._near: dict[str, Record] = {}

    async def get(self, op: Get, /) -> Record | None:
        if op.key in self._near:
            await self._store.reading()
            return self._near[op.key]
        record = await super().get(op)
        if record is not None and record.expires_in is None:
            self._near[op.key] = record
        return record

    async def set(self, op: Set, /) -> str:
        self._near.pop(op.key, None)
        return await super().set(op)

    async def delete(self, op: Delete, /) -> bool:
        self._near.pop(op.key, None)
        return await super().delete(op)


@kv("KV33", "T3", "set during an outage answers as if it were stored")
class CalmWrites(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError:
            return str(self._store.number())


@kv("XKV02", "T2", "compare and set compares, awaits, and then sets")
class ChecksThenSets(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.if_version is None:
            return await super().set(op)
        await self._turn()
        self._expect(op.if_version, self._live(op.key))
        await asyncio.sleep(0)
        return await super().set(replace(op, if_version=None))


@kv("XKV04", "T1", "a write under an old version is silently not done")
class IgnoresStale(MemoryKV):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError:
            if op.if_absent:
                raise
            return str(self._store.number())


@kv("XKV06", "T1", "a write under a version creates a key that is not there")
class VersionCreates(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        return await super().set(replace(op, if_version=None) if self._live(op.key) is None else op)


@kv("XKV10", "T1", "reads inside a transaction do not see its own writes")
class BlindToItself(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await MemoryKV(self._store, self._namespace).get(op)

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@kv("XKV11", "T2", "set_many writes one key at a time, and others read in between")
class BatchInSteps(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        for key, value in op.items:
            await self.set(Set(key, value, op.ttl))


@kv("XKV18", "T1", "times to live are rounded up to whole seconds")
class WholeSeconds(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(op if op.ttl is None else replace(op, ttl=math.ceil(op.ttl)))


@kv("XKV19", "T3", "times to live end by the wall clock")
class WallClock(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        end = self._store.rows("wall").get(op.key)
        return None if end is not None and self._store.clock.wall() >= end else record

    async def set(self, op: Set, /) -> str:
        version = await super().set(replace(op, ttl=None))
        end = None if op.ttl is None else self._store.clock.wall() + op.ttl
        self._store.rows("wall")[op.key] = end
        return version


@kv("KV35", "T3", "the second write of a key after an outage is lost")
class LosesAfterOutage(MemoryKV):
    def __init__(self, store: MemoryStore, namespace: str = "", **more: Any) -> None:
        super().__init__(store, namespace, **more)
        self._lost = 0

    async def set(self, op: Set, /) -> str:
        try:
            await self._store.reading()
        except UnavailableError:
            self._lost = 1
            raise
        if self._lost == 2:
            self._lost = 0
            return str(self._store.number())
        self._lost += self._lost > 0
        return await super().set(op)
