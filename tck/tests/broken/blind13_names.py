"""Drivers that keep something of their own beside a name, or take two names for one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.blind6_names import renaming
from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim
from omnicloud.contracts.kv.driver import Delete as DeleteKey
from omnicloud.contracts.locks.driver import Acquire
from omnicloud.contracts.locks.models import Grant
from omnicloud.contracts.objects.driver import Put
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud.contracts.secrets.driver import Delete as DeleteSecret
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.secrets import SecretsContract


class _Beside(MemoryLocks):
    """Keeps something under a key of its own beside a lock's."""

    ending = ""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        beside = self._store.rows(("beside", self._table))
        if op.lock in beside:
            await self._store.reading()
            return None
        grant = await super().acquire(op)
        if grant is not None:
            beside[op.lock + self.ending] = True
        return grant


@broken("BLIND13-LO-02", "T1", "the fencing counter of a lock is another lock", LocksContract)
class CounterBeside(_Beside):
    ending = ":token"


@broken("BLIND13-LO-03", "T1", "the line before a lock is another lock", LocksContract)
class LineBeside(_Beside):
    ending = ".lock"


@broken("BLIND13-CA-03", "T1", "a claim of a key is a claim of another", CacheContract)
class ClaimBeside(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        claims = self._store.rows(("claims beside", self._table))
        if op.key in claims:
            await self._store.reading()
            return False
        claims[op.key + ":lock"] = True
        return await super().claim(op)


@broken("BLIND13-KV-01", "T1", "a delete takes what is under KEY:version too", KVContract)
class DeletesBeside(MemoryKV):
    async def delete(self, op: DeleteKey, /) -> Any:
        answer = await super().delete(op)
        if op.if_version is None:
            await super().delete(replace(op, key=f"{op.key}:version"))
        return answer


@broken("BLIND13-SE-02", "T1", "a delete takes what is under NAME.meta too", SecretsContract)
class DeletesMeta(MemorySecrets):
    async def delete(self, op: DeleteSecret, /) -> None:
        await super().delete(op)
        await super().delete(replace(op, secret=f"{op.secret}.meta"))


@broken("BLIND13-OB-01", "T1", "an upload goes by way of the object KEY.tmp", ObjectsContract)
class ByWayOfATemporary(MemoryObjects):
    async def put(self, op: Put, /) -> Any:
        answer = await super().put(op)
        self._rows().pop(f"{op.key}.tmp", None)
        return answer


def _astral(name: str) -> str:
    """All signs beyond the basic plane are one, as in some collations."""
    return "".join("\ufffd" if letter > "\uffff" else letter for letter in name)


def _unpadded(name: str) -> str:
    """Blanks at the end do not count, as in others."""
    return name.rstrip(" ")


def _hard(name: str) -> str:
    return name.replace("\u00a0", " ")


for _id, _contract, _base, _how in (
    ("SE-03", SecretsContract, MemorySecrets, _astral),
    ("KV-02", KVContract, MemoryKV, _astral),
    ("OB-02", ObjectsContract, MemoryObjects, _hard),
):
    broken(f"BLIND13-{_id}", "T1", f"names are one that {_how.__name__} makes one", _contract)(
        renaming(_base, _how)
    )


def _counting(how: Callable[[str], str]) -> type[MemoryOutbox]:
    """Numbers the events of aggregates that are one to ``how`` with one counter."""

    class Counting(MemoryOutbox):
        def _add(self, space: str, event: NewEvent) -> None:
            key = event.aggregate_key
            numbers = self._rows("numbers", space)
            if key is not None and (kin := how(key)) != key:
                numbers[key] = numbers.get(kin, 0)
            super()._add(space, event)
            if key is not None and key in numbers:
                numbers[how(key)] = numbers[key]

    return Counting


for _number, _fold in enumerate(
    (_unpadded, _astral, str.casefold, lambda key: unicodedata.normalize("NFC", key)), 7
):
    broken(f"BLIND13-OX-{_number:02}", "T1", "aggregates share a counter", OutboxContract)(
        _counting(_fold)
    )


@broken("BLIND13-OX-11", "T1", "ids of events are kept without blanks at the end", OutboxContract)
class IdsUnpadded(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        kin = event.event_id.rstrip(" ")
        known = self._rows("known", space)
        if known.setdefault(kin, event.event_id) == event.event_id:
            super()._add(space, event)
