"""Relatives of those drivers that were written blindly and that the kit did not find."""

from __future__ import annotations

import base64
import gzip
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from broken.blind5_documents import _Sorts, _trusting
from broken.registry import broken
from omnicloud.contracts.documents.filters import Compare, Comparison, Filter, Not
from omnicloud.contracts.kv.driver import Changes, Increment
from omnicloud.contracts.kv.models import ChangePage
from omnicloud.contracts.objects.driver import Copy, Put
from omnicloud.contracts.objects.models import Metadata
from omnicloud.contracts.objects.uploads import CompleteUpload, UploadPart
from omnicloud.contracts.secrets.driver import Set
from omnicloud.errors import ConflictError
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


class _CountsSilently(MemoryKV):
    async def increment(self, op: Increment, /) -> int:
        total = await super().increment(op)
        self._store.rows("silent")[self._rows()[op.key].version] = True
        return total

    def _bury(self, key: str) -> None:
        super()._bury(key)
        self._store.rows("silent")[self._rows()[key].version] = True


@broken("BLIND5-KV-21", "T2", "what a transaction deletes or counts is not told", KVContract)
class TellsSetsOnly(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _CountsSilently(self._store, self._namespace, transaction=joined)

    def _since(self, cursor: int, prefix: str) -> ChangePage:
        silent = self._store.rows("silent")
        rows = self._rows()
        page = super()._since(cursor, prefix)
        told = tuple(change for change in page.changes if rows[change.key].version not in silent)
        return ChangePage(told, page.cursor)


@broken("BLIND5-KV-22", "T2", "of the watches of a client only one is told", KVContract)
class OneWatch(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        taken = self.__dict__.setdefault("_wrong_taken", set())
        page = await super().changes(op)
        told = tuple(c for c in page.changes if (c.key, c.version, page.cursor) not in taken)
        taken.update((change.key, change.version, page.cursor) for change in told)
        return ChangePage(told, page.cursor)


@broken("BLIND5-OB-20", "T1", "parts that together are gzip are kept unpacked", ObjectsContract)
class UnpacksParts(MemoryObjects):
    def _write(
        self, key: str, data: bytes, content_type: str, metadata: Metadata, checksum: str | None
    ) -> str:
        if data.startswith(b"\x1f\x8b") and len(data) > 60_000:
            data, checksum = gzip.decompress(data), None
        return super()._write(key, data, content_type, metadata, checksum)


@broken("BLIND5-OB-21", "T1", "metadata that is called as a header is dropped", ObjectsContract)
class DropsHeaders(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        headers = ("content-encoding", "content-length", "etag")
        kept = tuple(pair for pair in op.metadata if pair[0].lower() not in headers)
        return await super().put(replace(op, metadata=kept))


@broken("BLIND5-OB-22", "T2", "a copy takes type and metadata first, then bytes", ObjectsContract)
class CopiesBytesLast(MemoryObjects):
    async def copy(self, op: Copy, /) -> str | None:
        await self._store.turn()
        first = self._held(op.source)
        await self._store.turn()
        last = self._held(op.source)
        if first is None or last is None:
            return None
        self._expect(op.target, op.if_version, absent=op.if_absent)
        return self._write(op.target, last.data, first.content_type, first.metadata, last.checksum)


@broken("BLIND5-OB-23", "T3", "a completion that is refused loses its last part", ObjectsContract)
class LosesLast(MemoryObjects):
    async def complete_upload(self, op: CompleteUpload, /) -> str:
        await self._store.turn()
        upload = self._upload(op.key, op.upload_id)
        try:
            self._expect(op.key, op.if_version, absent=op.if_absent)
        except ConflictError:
            kept = {n: part for n, part in upload.parts.items() if n < len(upload.parts)}
            self._store.rows(self._pending)[op.upload_id] = replace(upload, parts=kept)
            raise
        return await super().complete_upload(op)


@broken("BLIND5-OB-24", "T1", "a part that ends in zeros is cut", ObjectsContract)
class CutsZeros(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        return await super().upload_part(replace(op, data=op.data.rstrip(b"\0")))


@broken("BLIND5-DO-19", "T1", "text is sorted in UTF-16", DocumentsContract)
class SortsUTF16(_Sorts):
    def place(self, value: Any) -> tuple[Any, ...]:
        rank, plain = _placed(value)
        return rank, plain.encode("utf-16-be") if isinstance(plain, str) else plain


@broken("BLIND5-DO-20", "T1", "bytes are sorted in base64", DocumentsContract)
class SortsBase64(_Sorts):
    def place(self, value: Any) -> tuple[Any, ...]:
        rank, plain = _placed(value)
        return rank, base64.b64encode(plain) if isinstance(plain, bytes) else plain


@broken("BLIND5-DO-21", "T1", "numbers are sorted as doubles", DocumentsContract)
class SortsDoubles(_Sorts):
    def place(self, value: Any) -> tuple[Any, ...]:
        rank, plain = _placed(value)
        return rank, float(plain) if rank == 3 else plain


def _placed(value: Any) -> tuple[int, Any]:
    from omnicloud.contracts.documents.engine import _ranked

    rank, plain = _ranked(value)
    return rank, 0 if plain is None else plain


@broken("BLIND5-DO-22", "T1", "datetimes are compared as text", DocumentsContract)
class ComparesText(MemoryDocuments):
    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        if isinstance(condition, Compare) and isinstance(condition.value, datetime):
            path, how, value = condition.path, condition.how, condition.value
            for row in super()._matching(collection, Compare(path, Comparison.GTE, _FIRST)):
                found, wanted = row.document[path[0]].isoformat(), value.isoformat()
                less, same = found < wanted, row.document[path[0]] == value
                holds = {"$lt": less and not same, "$lte": less or same, "$eq": same}
                holds |= {"$gt": not less and not same, "$gte": not less or same}
                if holds[how.value]:
                    yield row
        else:
            yield from super()._matching(collection, condition)


_FIRST = datetime.fromisoformat("0001-01-02T00:00:00+00:00")


@broken("BLIND5-DO-23", "T4", "an operator in a value of $nin is taken for one", DocumentsContract)
class TrustsRefusals(MemoryDocuments):
    def _matching(self, collection: str, condition: Filter) -> Iterator[_Row]:
        hostile = isinstance(condition, Not)
        return super()._matching(collection, _trusting(condition) if hostile else condition)


def _logging(number: str, summary: str, told: Any) -> None:
    class Logs(MemorySecrets):
        async def set(self, op: Set, /) -> str:
            logging.getLogger("provider.secrets").debug("PUT %s %s", op.secret, told(op.value))
            return await super().set(op)

    broken(f"BLIND5-SE-{number}", "T4", summary, SecretsContract)(Logs)


_logging("11", "a body in base64 is logged", lambda value: base64.b64encode(b"v=" + value).decode())
_logging("12", "a body in hex is logged", lambda value: value.hex())
_logging("13", "how a value ends is logged", lambda value: "***" + value[-4:].decode("latin-1"))
