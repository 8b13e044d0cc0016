"""kv, cache and secrets drivers, wrong as others were found to be."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from omnicloud.contracts.cache.driver import Claim, Unclaim
from omnicloud.contracts.cache.driver import Set as Fill
from omnicloud.contracts.kv.driver import Changes, Delete, Scan, Set, SetMany
from omnicloud.contracts.kv.models import ChangePage, Page
from omnicloud.contracts.secrets.driver import Get, List
from omnicloud.contracts.secrets.driver import Set as Keep
from omnicloud.contracts.secrets.models import NamePage, StoredSecret
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryTransaction
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.secrets import SecretsContract
from published import published


@published("P-KV-01", "T1", KVContract)
class FirstWriteOverwrites(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, if_absent=False))


@published("P-KV-02", "T1", KVContract)
class ChecksNoVersion(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, if_version=None))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(replace(op, if_version=None))


class _Unchecked(MemoryKV):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, if_version=None, if_absent=False))


@published("P-KV-03", "T1", KVContract)
class NoVersionInside(MemoryKV):
    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return _Unchecked(self._store, self._namespace, transaction=joined)


class _Kept(MemoryTransaction):
    """Gives nothing back."""

    async def rollback(self) -> None:
        if not self._end.is_set():
            await self.commit()


@published("P-KV-04", "T2", KVContract)
class NoRollback(MemoryKV):
    async def begin(self, op: object, /) -> MemoryTransaction:
        begun = await self._store.begin()
        begun.__class__ = _Kept
        return begun


@published("P-KV-05", "T1", KVContract)
class DeletesAtConflict(MemoryKV):
    async def delete(self, op: Delete, /) -> bool:
        try:
            return await super().delete(op)
        except ConflictError:
            await super().delete(replace(op, if_version=None))
            raise


@published("P-KV-06", "T1", KVContract)
class PercentMatches(MemoryKV):
    async def scan(self, op: Scan, /) -> Page:
        if "%" not in op.prefix:
            return await super().scan(op)
        likes = re.compile(".*".join(map(re.escape, op.prefix.split("%"))), re.DOTALL)
        page = await super().scan(replace(op, prefix=op.prefix.partition("%")[0]))
        return Page(tuple(key for key in page.keys if likes.match(key)), page.cursor)


@published("P-KV-07", "T1", KVContract)
class ScansExpired(MemoryKV):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        mortal = self.__dict__.setdefault("_wrong_mortal", set())
        (mortal.discard if op.ttl is None else mortal.add)(op.key)
        return version

    async def delete(self, op: Delete, /) -> bool:
        self.__dict__.setdefault("_wrong_mortal", set()).discard(op.key)
        return await super().delete(op)

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        mortal = self.__dict__.setdefault("_wrong_mortal", set())
        after, end = op.cursor or "", page.cursor or chr(0x10FFFF)
        kept = {key for key in mortal if key.startswith(op.prefix) and after < key <= end}
        return Page(tuple(sorted({*page.keys, *kept})), page.cursor)


@published("P-KV-08", "T2", KVContract)
class CreateAfterDelete(MemoryKV):
    async def set(self, op: Set, /) -> str:
        deleted = op.key in self._rows() and self._live(op.key) is None
        if not (op.if_absent and deleted):
            return await super().set(op)
        # Seen as deleted: an unconditional write after that.
        await asyncio.sleep(0)
        return await super().set(replace(op, if_absent=False))


@published("P-KV-09", "T2", KVContract)
class WatchStartsLate(MemoryKV):
    async def changes(self, op: Changes, /) -> ChangePage:
        known = self.__dict__.setdefault("_wrong_watches", set())
        if op.cursor is not None and op.cursor not in known:
            op = replace(op, cursor=str(self._store.now()))
        page = await super().changes(op)
        if op.cursor is not None:
            known.add(page.cursor)
        return page


@published("P-CA-01", "T1", CacheContract)
class OldTimer(MemoryCache):
    async def set(self, op: Fill, /) -> None:
        await super().set(op)
        if op.ttl is not None:
            self._store.at(self._now() + op.ttl, lambda: self._shelf().drop(op.key))


@published("P-CA-02", "T1", CacheContract)
class UnderASecond(MemoryCache):
    async def set(self, op: Fill, /) -> None:
        short = op.ttl is not None and op.ttl < 1
        await super().set(replace(op, ttl=None) if short else op)


@published("P-CA-03", "T2", CacheContract)
class EveryoneLoads(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        await super().claim(op)
        return True


@published("P-CA-04", "T2", CacheContract)
class FailureStays(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, seconds=1e9))

    async def unclaim(self, op: Unclaim, /) -> None:
        await self._store.reading()


@published("P-SE-01", "T3", SecretsContract)
class ReadOnce(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        read = self.__dict__.setdefault("_wrong_read", {})
        if op not in read:
            found = await super().get(op)
            if found is None:
                return None
            read[op] = found
        await self._store.reading()
        kept: StoredSecret = read[op]
        return kept


@published("P-SE-02", "T4", SecretsContract)
class TellsTheSecret(MemorySecrets):
    async def set(self, op: Keep, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError as error:
            said = f"could not run set {op.secret}={op.value.decode(errors='replace')}"
            raise UnavailableError(said, outcome=error.outcome) from error


@published("P-SE-03", "T1", SecretsContract)
class UnderscoreMatches(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        if "_" not in op.prefix:
            return await super().list(op)
        likes = re.compile(re.escape(op.prefix).replace("_", "."), re.DOTALL)
        page = await super().list(replace(op, prefix=op.prefix.partition("_")[0]))
        return NamePage(tuple(name for name in page.names if likes.match(name)), page.cursor)


@published("P-KV-10", "T3", KVContract)
class OneOfARevision(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        await super().set_many(op)
        revision = tuple(sorted(self._rows()[key].version for key, _ in op.items))
        self._store.__dict__.setdefault("_wrong_revisions", []).append(revision)

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        revisions = self._store.__dict__.get("_wrong_revisions", [])
        later = {str(each) for one in revisions for each in one[1:]}
        # The rest of a revision counts as told with its first.
        kept = tuple(each for each in page.changes if each.version not in later)
        return ChangePage(kept, page.cursor)


@published("P-KV-11", "T2", KVContract)
class CreationRefused(MemoryKV):
    async def set(self, op: Set, /) -> str:
        buried = self._rows().get(op.key)
        if not op.if_absent or buried is None or buried.value is not None:
            return await super().set(op)
        await asyncio.sleep(0)
        now = self._rows().get(op.key)
        if now is not None and now.value is None and now.version != buried.version:
            raise ConflictError("wrong last sequence")
        return await super().set(op)


@published("P-KV-12", "T3", KVContract)
class NeverFreed(MemoryKV):
    async def set(self, op: Set, /) -> str:
        if op.ttl is not None:
            self._store.__dict__.setdefault("_wrong_expired", []).append(op)
        return await super().set(op)
