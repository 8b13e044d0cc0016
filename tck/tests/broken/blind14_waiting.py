"""Drivers whose long calls invent an answer, or lose a change, when trouble begins meanwhile."""

from __future__ import annotations

from broken.registry import broken
from omnicloud.contracts.documents.driver import Replace
from omnicloud.contracts.documents.models import UpdateResult
from omnicloud.contracts.kv.driver import Changes, Set
from omnicloud.contracts.kv.models import Change, ChangeKind, ChangePage
from omnicloud.contracts.secrets.driver import Await
from omnicloud.errors import UnavailableError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.secrets import SecretsContract

_PAUSE = 0.05


class _Polling(MemorySecrets):
    """Asks again and again, and has an answer of its own for an outage meanwhile."""

    async def wait(self, op: Await, /) -> str | None:
        until = self._store.clock.monotonic() + op.wait
        first = True
        while True:
            try:
                await self._store.reading()
            except UnavailableError:
                if first:
                    raise
                return await self.lost(op, until)
            first = False
            live = self._live(op.secret)
            version = str(live[0].version) if live else None
            left = until - self._store.clock.monotonic()
            if version != op.known or left <= 0:
                return version
            await self.pause(left)

    async def pause(self, left: float) -> None:
        await self._store.changed(min(left, 1.0))

    async def lost(self, op: Await, until: float) -> str | None:
        raise NotImplementedError

    async def _until_up(self) -> None:
        while self._store.down:
            await self._store.clock.sleep(_PAUSE)


@broken("BLIND14-SE-21", "T3", "an outage that begins in a wait is a deletion", SecretsContract)
class OutageIsAbsence(_Polling):
    async def pause(self, left: float) -> None:
        await self._store.changed(left)

    async def lost(self, op: Await, until: float) -> str | None:
        return None


@broken("BLIND14-SE-22", "T3", "an outage that begins in a wait is a new version", SecretsContract)
class OutageIsAVersion(_Polling):
    async def lost(self, op: Await, until: float) -> str | None:
        return f"{op.known or 0}0"


@broken("BLIND14-SE-23", "T3", "after an outage in it a wait knows no change", SecretsContract)
class OutageEndsTheWait(_Polling):
    async def lost(self, op: Await, until: float) -> str | None:
        await self._store.clock.sleep(max(0.0, until - self._store.clock.monotonic()))
        return op.known


@broken("BLIND14-SE-24", "T3", "after an outage in it a wait tells what was first", SecretsContract)
class OutageForgets(_Polling):
    async def lost(self, op: Await, until: float) -> str | None:
        await self._until_up()
        await self._store.reading()
        live = self._live(op.secret)
        return str(live[-1].version) if live else "0"


@broken("BLIND14-SE-25", "T3", "an outage in a wait is told as another class", SecretsContract)
class OutageIsATypeError(_Polling):
    async def lost(self, op: Await, until: float) -> str | None:
        raise TypeError("the connection is None")


class _Following(MemoryKV):
    """Has an answer of its own for an outage that begins while it waits."""

    async def changes(self, op: Changes, /) -> ChangePage:
        await self._store.reading()
        if op.cursor is None:
            return await super().changes(op)
        until = self._store.clock.monotonic() + op.wait
        while True:
            page = self._since(int(op.cursor), op.prefix)
            left = until - self._store.clock.monotonic()
            if page.changes or left <= 0:
                return page
            await self._store.changed(min(left, 1.0))
            try:
                await self._store.reading()
            except UnavailableError:
                return await self.lost(op, until)

    async def lost(self, op: Changes, until: float) -> ChangePage:
        raise NotImplementedError

    async def _until_up(self) -> None:
        while self._store.down:
            await self._store.clock.sleep(_PAUSE)

    def _keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self._rows() if key.startswith(prefix) and self._live(key))


@broken("BLIND14-KV-21", "T3", "an outage in a watch empties what it watches", KVContract)
class OutageEmpties(_Following):
    async def lost(self, op: Changes, until: float) -> ChangePage:
        gone = tuple(Change(key, ChangeKind.DELETED) for key in self._keys(op.prefix))
        return ChangePage(gone, op.cursor or "0")


@broken("BLIND14-KV-22", "T3", "an outage in a watch moves its cursor to its end", KVContract)
class OutageMovesCursors(_Following):
    async def lost(self, op: Changes, until: float) -> ChangePage:
        await self._until_up()
        await self._store.clock.sleep(0.5)  # it subscribes anew
        return ChangePage((), str(self._store.now()))


@broken("BLIND14-KV-23", "T3", "an outage in a watch tells all there is once more", KVContract)
class OutageTellsAll(_Following):
    async def lost(self, op: Changes, until: float) -> ChangePage:
        await self._until_up()
        keys = self._keys(op.prefix)
        told = tuple(Change(key, ChangeKind.SET, str(self._rows()[key].version)) for key in keys)
        return ChangePage(told, str(self._store.now()))


@broken("BLIND14-KV-24", "T3", "an outage in a watch begins it from the beginning", KVContract)
class OutageBeginsAnew(_Following):
    async def lost(self, op: Changes, until: float) -> ChangePage:
        return ChangePage((), "0")


@broken("BLIND14-KV-25", "T3", "a watch that met an outage tells no deletion any more", KVContract)
class OutageHidesDeletions(_Following):
    async def lost(self, op: Changes, until: float) -> ChangePage:
        await self._until_up()
        await self._store.clock.sleep(0.5)
        page = self._since(int(op.cursor or 0), op.prefix)
        kept = tuple(one for one in page.changes if one.kind is ChangeKind.SET)
        return ChangePage(kept, page.cursor)


@broken("BLIND14-KV-26", "T3", "a watch cut by a silence goes on from its end", KVContract)
class SilenceMovesCursors(MemoryKV):
    _lost: dict[str, int] | None = None

    async def changes(self, op: Changes, /) -> ChangePage:
        lost = self._lost = self._lost or {}
        if op.cursor is not None and op.cursor in lost:
            return await super().changes(Changes(op.prefix, str(lost.pop(op.cursor)), op.wait))
        try:
            return await super().changes(op)
        except BaseException:
            if op.cursor is not None:
                lost[op.cursor] = self._store.number()
            raise


@broken(
    "BLIND14-KV-27",
    "T3",
    "a set that waits for a transaction while an outage begins is acknowledged, and not done",
    KVContract,
)
class AcknowledgesWhatWaited(MemoryKV):
    async def set(self, op: Set, /) -> str:
        waited = self._transaction is None and self._store._transaction is not None
        try:
            return await super().set(op)
        except UnavailableError:
            if waited:
                return str(self._store.number())
            raise


@broken(
    "BLIND14-DO-21",
    "T3",
    "a replacement that waits for a transaction while an outage begins is told as not done, and is "
    "done when that ends",
    DocumentsContract,
)
class DoesWhatWasRefused(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        waited = self._transaction is None and self._store._transaction is not None
        try:
            return await super().replace(op)
        except UnavailableError:
            row = self._first(op.collection, op.filter, None)
            if waited and row is not None:
                self._put(op.collection, row, {"_id": row.document["_id"], **op.document})
            raise
