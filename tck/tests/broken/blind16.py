"""Drivers that a sixteenth count found alive, and their kin: views of one transaction, delays cut
to a service's own, versions by their stamps, names whose slash is written as something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.blind15 import named, wrong
from broken.registry import broken
from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.contracts.kv.models import Entry
from omnicloud.contracts.messaging.driver import Nack
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud.contracts.secrets.driver import ListVersions
from omnicloud.contracts.secrets.models import VersionInfo
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.kv import KVContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.secrets import SecretsContract


@broken(
    "BLIND16-OX-01",
    "T2",
    "each part of an application that joins a transaction numbers an aggregate for itself",
    OutboxContract,
)
class NumberedForItself(MemoryOutbox):
    _numbers: dict[tuple[str, str], int]

    def _add(self, space: str, event: NewEvent) -> None:
        if self._transaction is None or event.aggregate_key is None:
            super()._add(space, event)
            return
        numbers = self.__dict__.setdefault("_numbers", {})
        where = (space, event.aggregate_key)
        stored = self._rows("numbers", space)
        numbers.setdefault(where, stored.get(event.aggregate_key, 0))
        stored[event.aggregate_key] = numbers[where]
        super()._add(space, event)
        numbers[where] += 1


class ViewedApart(MemoryKV):
    """Keeps what a part of an application has read in a transaction."""

    _seen: dict[str, Entry | None]

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return ViewedApart(self._store, self._namespace, transaction=joined)

    async def get(self, op: Get, /) -> Entry | None:
        if self._transaction is None:
            return await super().get(op)
        seen = self.__dict__.setdefault("_seen", {})
        if op.key not in seen:
            seen[op.key] = await super().get(op)
        return seen[op.key]

    async def set(self, op: Set, /) -> Any:
        self.__dict__.setdefault("_seen", {}).pop(op.key, None)
        return await super().set(op)


broken(
    "BLIND16-KV-01",
    "T2",
    "who joins a transaction reads there what it has read before, whatever others did in it",
    KVContract,
)(ViewedApart)


def _capped(seconds: float) -> Any:
    class Capped(MemoryMessaging):
        async def nack(self, op: Nack, /) -> bool:
            return await super().nack(replace(op, delay=min(op.delay, seconds)))

    return Capped


for _number, _seconds in enumerate((900.0, 12 * 3600.0, 86_400.0, 2.0**31 / 1e4), 1):
    broken(
        f"BLIND16-MS-0{_number}",
        "T3",
        f"a message that is given back comes again after {_seconds:.0f} s at most",
        MessagingContract,
    )(_capped(_seconds))


@broken("BLIND16-SE-01", "T3", "versions are told by the stamps of the wall clock", SecretsContract)
class ByStamps(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))


_SLASH = "a slash in a name is stored as {!r}, which is also in names"
wrong(
    *("SE-02", "T4", _SLASH.format("--"), SecretsContract, MemorySecrets),
    named("secret", lambda name: name.replace("/", "--")),
)
wrong(
    *("LO-03", "T4", _SLASH.format("__"), LocksContract, MemoryLocks),
    named("lock", lambda name: name.replace("/", "__")),
)
wrong(
    *("OB-01", "T4", _SLASH.format("~1"), ObjectsContract, MemoryObjects),
    named("key", lambda name: name.replace("/", "~1")),
)
wrong(
    *("KV-02", "T4", _SLASH.format("|"), KVContract, MemoryKV),
    named("key", lambda name: name.replace("/", "|")),
)
