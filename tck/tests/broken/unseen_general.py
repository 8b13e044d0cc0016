"""Drivers of several contracts that are wrong alike, after outages and cancelled calls."""

from __future__ import annotations

import asyncio
from typing import Any

from broken.registry import broken
from broken.unseen_common import later, pause
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


def _queueing(base: type, verb: str) -> Any:
    """Keeps what an outage refused and sends it when the server is back."""

    async def again(self: Any, op: Any) -> None:
        if self._store.down:
            later(self._store, 1.0, lambda: again(self, op))
        else:
            await getattr(base, verb)(self, op)

    async def call(self: Any, op: Any, /) -> Any:
        if self._store.down:
            later(self._store, 1.0, lambda: again(self, op))
        return await getattr(base, verb)(self, op)

    return call


def _haunting(base: type, verb: str) -> Any:
    """Does a second after its cancellation what was cancelled."""

    async def call(self: Any, op: Any, /) -> Any:
        try:
            await pause()
            return await getattr(base, verb)(self, op)
        except asyncio.CancelledError:
            later(self._store, 1.0, lambda: getattr(base, verb)(self, op))
            raise

    return call


def _quoting(base: type, verb: str, payload: str) -> Any:
    """Writes the payload into a note of the error."""

    async def call(self: Any, op: Any, /) -> Any:
        try:
            return await getattr(base, verb)(self, op)
        except UnavailableError as error:
            error.add_note(f"while sending {getattr(op, payload)!r}")
            raise

    return call


def _remembering(base: type, verb: str, missing: Any) -> Any:
    """Answers in an outage that a name it once missed is missing."""

    async def call(self: Any, op: Any, /) -> Any:
        known: set[str] = self.__dict__.setdefault("_missed", set())
        try:
            answer = await getattr(base, verb)(self, op)
        except UnavailableError:
            if repr(op) in known:
                return missing
            raise
        (known.add if answer == missing else known.discard)(repr(op))
        return answer

    return call


def _enter(prefix: str, contract: type[Contract], base: type, put: str, remove: str) -> None:
    payload = {"set": "value", "put": "data", "replace": "document"}[put]

    def enter(number: int, tier: str, summary: str, **members: Any) -> None:
        kind = type(f"{prefix}General{number}", (base,), members)
        broken(f"U-{prefix}-G{number}", tier, summary, contract)(kind)

    enter(1, "T3", "what an outage refused is written after it", **{put: _queueing(base, put)})
    enter(2, "T2", "a cancelled removal happens later", **{remove: _haunting(base, remove)})
    quoting = _quoting(base, put, payload)
    enter(3, "T4", "a note of an outage's error quotes the payload", **{put: quoting})


_enter("KV", KVContract, MemoryKV, "set", "delete")
_enter("CA", CacheContract, MemoryCache, "set", "delete")
_enter("OB", ObjectsContract, MemoryObjects, "put", "delete")
_enter("DO", DocumentsContract, MemoryDocuments, "replace", "delete")
_enter("SE", SecretsContract, MemorySecrets, "set", "delete")

for _prefix, _contract, _base, _take in (
    ("KV", KVContract, MemoryKV, "get"),
    ("CA", CacheContract, MemoryCache, "get"),
    ("OB", ObjectsContract, MemoryObjects, "get_range"),
    ("SE", SecretsContract, MemorySecrets, "get"),
):
    broken(
        f"U-{_prefix}-G4", "T3", "absence that was seen before is answered in an outage", _contract
    )(type(f"{_prefix}General4", (_base,), {_take: _remembering(_base, _take, None)}))
