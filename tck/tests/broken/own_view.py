"""Clients that remember what they asked for, whether or not it was done: they alone see it then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.cache.models import Cached
from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.iam import driver as iam
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, Policy
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.kv.models import Record
from omnicloud.contracts.locks import driver as locks
from omnicloud.contracts.locks.models import Grant
from omnicloud.contracts.sagas import driver as sagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.contracts.secrets.models import StoredSecret
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.secrets import SecretsContract

_SAID = "what was asked for and was not done is seen by the client that asked"


class _Remembering:
    """What is under way, or failed: a call that succeeds forgets it."""

    _asked: dict[Any, Any]

    @contextmanager
    def remembered(self, key: Any, value: Any) -> Iterator[None]:
        if "_asked" not in self.__dict__:
            self._asked = {}
        self._asked[key] = value
        yield
        self._asked.pop(key, None)

    def own(self, key: Any) -> Any:
        return self.__dict__.get("_asked", {}).get(key)


@broken("OV-IA", "T3", _SAID, IAMContract)
class OwnRules(_Remembering, MemoryIAM):
    _under: tuple[Policy, ...] = ()

    async def put_policies(self, op: iam.PutPolicies, /) -> None:
        self._under = self._policies()
        with self.remembered("rules", op.policies):
            await super().put_policies(op)

    async def decide(self, op: iam.Decide, /) -> Decision:
        own = self.own("rules")
        if own is not None and self._policies() is self._under:
            await self._store.reading()
            return evaluate(own, op.access)
        return await super().decide(op)


@broken("OV-KV", "T3", _SAID, KVContract)
class OwnValues(_Remembering, MemoryKV):
    async def set(self, op: kv.Set, /) -> str:
        with self.remembered(op.key, op.value):
            return await super().set(op)

    async def get(self, op: kv.Get, /) -> Record | None:
        found, own = await super().get(op), self.own(op.key)
        return found if found is None or own is None else replace(found, value=own)


@broken("OV-KV2", "T3", "a deletion that was not done is seen by who asked for it", KVContract)
class OwnDeletions(_Remembering, MemoryKV):
    async def delete(self, op: kv.Delete, /) -> bool:
        with self.remembered(op.key, True):
            return await super().delete(op)

    async def get(self, op: kv.Get, /) -> Record | None:
        found = await super().get(op)
        return None if self.own(op.key) else found

    async def set(self, op: kv.Set, /) -> str:
        version = await super().set(op)
        self.__dict__.get("_asked", {}).pop(op.key, None)
        return version


@broken("OV-CA", "T3", _SAID, CacheContract)
class OwnEntries(_Remembering, MemoryCache):
    async def set(self, op: cache.Set, /) -> None:
        with self.remembered(op.key, op.value):
            await super().set(op)

    async def get(self, op: cache.Get, /) -> Cached | None:
        found, own = await super().get(op), self.own(op.key)
        return found if found is None or own is None else replace(found, value=own)


@broken("OV-SEC", "T3", _SAID, SecretsContract)
class OwnSecrets(_Remembering, MemorySecrets):
    async def set(self, op: secrets.Set, /) -> str:
        with self.remembered(op.secret, op.value):
            return await super().set(op)

    async def get(self, op: secrets.Get, /) -> StoredSecret | None:
        found, own = await super().get(op), self.own(op.secret)
        if found is None or own is None or op.version is not None:
            return found
        return replace(found, value=own)


@broken("OV-SA", "T3", _SAID, SagaContract)
class OwnSagas(_Remembering, MemorySagas):
    async def update(self, op: sagas.Update, /) -> int:
        with self.remembered((op.space, op.state.saga_id), op.state):
            return await super().update(op)

    async def get(self, op: sagas.Get, /) -> SagaRecord | None:
        found, own = await super().get(op), self.own((op.space, op.saga_id))
        if found is None or own is None or own.version != found.version:
            return found
        return own


@broken("OV-DOC", "T3", _SAID, DocumentsContract)
class OwnDocuments(_Remembering, MemoryDocuments):
    async def delete(self, op: documents.Delete, /) -> bool:
        with self.remembered(op.collection, True):
            return await super().delete(op)

    async def count(self, op: documents.Count, /) -> int:
        found = await super().count(op)
        return 0 if self.own(op.collection) else found


@broken("OV-LO", "T3", "who was not granted a lock for an outage renews it", LocksContract)
class OwnGrants(_Remembering, MemoryLocks):
    async def acquire(self, op: locks.Acquire, /) -> Grant | None:
        with self.remembered((op.lock, op.owner), True):
            return await super().acquire(op)

    async def renew(self, op: locks.Renew, /) -> bool:
        return await super().renew(op) or bool(self.own((op.lock, op.owner)))
