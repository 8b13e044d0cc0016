"""Drivers that keep times in whole seconds, and one whose leases do not begin anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.secrets import SecretsContract


def whole(seconds: float) -> float:
    """A column of whole seconds, in which what is less than one stays at all."""
    return float(int(seconds)) if seconds >= 1 else seconds


def parts_lost(seconds: float) -> float:
    """A field of whole seconds, in which what is less than one is next to nothing."""
    return seconds if seconds >= 1 or not seconds else 0.001


def timed(base: type, verb: str, field: str, how: Callable[[float], float]) -> type:
    """A driver that keeps one field of one verb in its own way."""
    right = getattr(base, verb)

    async def wrong(self: Any, op: Any, /) -> Any:
        seconds = getattr(op, field)
        if seconds is not None:
            op = dataclasses.replace(op, **{field: how(seconds)})
        return await right(self, op)

    return type(f"{base.__name__}_{verb}_{how.__name__}", (base,), {verb: wrong})


_CUT: tuple[tuple[str, type[Contract], type, str, str], ...] = (
    ("SA-01", SagaContract, MemorySagas, "keep", "lease"),
    ("SA-02", SagaContract, MemorySagas, "claim", "lease"),
    ("SA-03", SagaContract, MemorySagas, "create", "lease"),
    ("OX-01", OutboxContract, MemoryOutbox, "claim", "lease"),
    ("OX-02", OutboxContract, MemoryOutbox, "keep", "lease"),
    ("OX-03", OutboxContract, MemoryOutbox, "fail", "delay"),
    ("OX-04", OutboxContract, MemoryOutbox, "purge", "older_than"),
    ("MS-01", MessagingContract, MemoryMessaging, "receive", "lease"),
    ("MS-02", MessagingContract, MemoryMessaging, "extend", "lease"),
    ("MS-03", MessagingContract, MemoryMessaging, "nack", "delay"),
    ("LO-01", LocksContract, MemoryLocks, "acquire", "queue_seconds"),
    ("CA-01", CacheContract, MemoryCache, "claim", "seconds"),
    ("SE-01", SecretsContract, MemorySecrets, "set", "grace"),
)
for _id, _contract, _base, _verb, _field in _CUT:
    broken(f"BLIND13-{_id}", "T3", f"the {_field} of {_verb} is cut to seconds", _contract)(
        timed(_base, _verb, _field, whole)
    )

_SHORT: tuple[tuple[str, type[Contract], type, str, str], ...] = (
    ("SA-04", SagaContract, MemorySagas, "claim", "lease"),
    ("SA-05", SagaContract, MemorySagas, "keep", "lease"),
    ("OX-05", OutboxContract, MemoryOutbox, "claim", "lease"),
    ("OX-06", OutboxContract, MemoryOutbox, "keep", "lease"),
    ("MS-04", MessagingContract, MemoryMessaging, "receive", "lease"),
    ("MS-05", MessagingContract, MemoryMessaging, "extend", "lease"),
    ("CA-02", CacheContract, MemoryCache, "claim", "seconds"),
)
for _id, _contract, _base, _verb, _field in _SHORT:
    broken(f"BLIND13-{_id}", "T3", f"a {_field} of {_verb} under a second is none", _contract)(
        timed(_base, _verb, _field, parts_lost)
    )


class _Reclaiming(MemorySagas):
    """Sees which sagas a claim gives to who has leased them."""

    def _again(self, end: float, lease: float) -> float:
        """When a lease ends that is given again."""
        raise NotImplementedError

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        rows, now = self._rows(op.space), self._now()
        mine = {
            name: row.leased_until
            for name, row in rows.items()
            if row.owner == op.owner and row.leased_until > now
        }
        claimed = await super().claim(op)
        for record in claimed:
            if (end := mine.get(record.saga_id)) is not None:
                row, until = rows[record.saga_id], self._again(end, op.lease)
                rows[record.saga_id] = dataclasses.replace(row, leased_until=until)
        return claimed


@broken("BLIND13-SA-06", "T3", "a lease that is given again ends when it did", SagaContract)
class ReclaimKeepsItsEnd(_Reclaiming):
    def _again(self, end: float, lease: float) -> float:
        return end


@broken("BLIND13-SA-07", "T3", "a lease that is given again is half as long", SagaContract)
class ReclaimHalves(_Reclaiming):
    def _again(self, end: float, lease: float) -> float:
        return self._now() + lease / 2


@broken("BLIND13-SA-08", "T3", "a lease that is given again ends at once", SagaContract)
class ReclaimFrees(_Reclaiming):
    def _again(self, end: float, lease: float) -> float:
        return self._now()
