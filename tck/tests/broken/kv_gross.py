"""kv drivers that are grossly wrong, or wrong about values and edges."""

from __future__ import annotations

import os
from dataclasses import replace

from broken.kv_base import kv
from omnicloud.contracts.kv.driver import Delete, Get, Set
from omnicloud.contracts.kv.models import Record
from omnicloud.errors import NotFoundError
from omnicloud.memory.kv import MemoryKV


@kv("KV01", "T0", "get always returns None")
class GetIsNone(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        await super().get(op)
        return None


@kv("KV02", "T0", "set is a no-op")
class SetDoesNothing(MemoryKV):
    async def set(self, op: Set, /) -> str:
        await self._turn()
        return str(self._store.number())


@kv("KV03", "T0", "delete is a no-op")
class DeleteDoesNothing(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await self._turn()
        return self._live(op.key) is not None


@kv("KV04", "T0", "delete of a missing key raises KeyError")
class DeleteOfMissingRaises(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        if not await super().delete(op):
            raise KeyError(op.key)
        return True


@kv("KV05", "T0", "get of a missing key raises")
class GetOfMissingRaises(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        if record is None:
            raise NotFoundError("missing")
        return record


@kv("KV06", "T0", "the first value stays for ever")
class FirstValueStays(MemoryKV):
    async def set(self, op: Set, /) -> str:
        record = await self.get(Get(op.key))
        return await super().set(op if record is None else replace(op, value=record.value))


@kv("KV07", "T1", "an empty value is stored as absent")
class EmptyIsAbsent(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        record = await super().get(op)
        return record if record and record.value else None


@kv("KV08", "T1", "keys are folded to lower case")
class KeysFold(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=op.key.lower()))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=op.key.lower()))


@kv("KV09", "T1", "keys are normalised to NFC")
class KeysNormalised(MemoryKV):
    @staticmethod
    def _nfc(key: str) -> str:
        import unicodedata

        return unicodedata.normalize("NFC", key)

    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=self._nfc(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=self._nfc(op.key)))


@kv("KV10", "T1", "keys are cut to 255 characters")
class KeysCut(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=op.key[:255]))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=op.key[:255]))


@kv("KV11", "T1", "values are cut at the first NUL")
class CutAtNul(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.split(b"\0")[0]))


@kv("KV12", "T1", "keys are cut at the first NUL")
class KeysCutAtNul(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=op.key.split("\0")[0] or "-"))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=op.key.split("\0")[0] or "-"))


@kv("KV13", "T1", "values are stripped of white space")
class Stripped(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.strip()))


@kv("KV14", "T1", "values that are not UTF-8 are replaced")
class Utf8Only(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.decode(errors="replace").encode()))


@kv("KV15", "T1", "values over 64 KiB are cut")
class CutAt64K(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value[: 1 << 16]))


@kv("KV16", "T1", "paths in keys are normalised")
class PathsNormalised(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        return await super().get(replace(op, key=os.path.normpath(op.key)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, key=os.path.normpath(op.key)))


@kv("KV21", "T1", "more than 100 keys: the oldest is evicted")
class Evicts(MemoryKV):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        live = [key for key in self._rows() if self._live(key)]
        if len(live) > 100:
            self._bury(live[0])
        return version


@kv("KV22", "T1", "delete also deletes keys that start with the key")
class DeletesPrefix(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        for key in list(self._rows()):
            if key.startswith(op.key) and key != op.key:
                self._bury(key)
        return await super().delete(op)


@kv("KV23", "T1", "delete says False for a live key")
class DeleteLies(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        await super().delete(op)
        return False
