"""Drivers that keep near a client what it has read, and learn of all changes but some.

Relatives of a cache that does so and does not learn of a clear.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from broken.registry import broken
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


class _Turns:
    """How often what is called so was changed, as far as clients are told."""

    def __init__(self, store: MemoryStore) -> None:
        self._held = store.rows("turns")

    def of(self, op: Any) -> tuple[int, ...]:
        return tuple(self._held.get(name, 0) for name in ("", *op.resources))

    def next(self, *names: str) -> None:
        for name in names:
            self._held[name] = self._held.get(name, 0) + 1


def _reading(base: type, verb: str) -> Any:
    async def read(self: Any, op: Any, /) -> Any:
        if getattr(op, "version", None) is not None:
            return await getattr(base, verb)(self, op)
        near = self.__dict__.setdefault("_wrong_near", {})
        await self._store.reading()
        hidden = [getattr(op, name, None) for name in ("filter", "cursor")]
        asked, turn = (verb, repr(op), repr(hidden)), _Turns(self._store).of(op)
        if near.get(asked, ((), None))[0] != turn:
            answer = await getattr(base, verb)(self, op)
            if getattr(answer, "expires_in", None) is not None:
                return answer
            near[asked] = turn, answer
        return deepcopy(near[asked][1])

    return read


def _writing(base: type, verb: str, *, deaf: bool) -> Any:
    async def write(self: Any, op: Any, /) -> Any:
        try:
            return await getattr(base, verb)(self, op)
        finally:
            if not deaf:
                _Turns(self._store).next(*(op.resources if verb != "clear" else ("",)))
            self.__dict__.setdefault("_wrong_near", {}).clear()

    return write


def _near(base: Any, reads: tuple[str, ...], writes: tuple[str, ...], deaf: str) -> type:
    """A driver that answers reads from near it, until it is told of a write other than ``deaf``."""

    def within(self: Any, transaction: Any, /) -> Any:
        joined = base.within(self, transaction)
        if deaf != "commit":
            transaction.afterwards(lambda: _Turns(self._store).next(""))
        return joined

    members: dict[str, Any] = {verb: _reading(base, verb) for verb in reads}
    members |= {verb: _writing(base, verb, deaf=verb == deaf) for verb in writes}
    members |= {"within": within} if hasattr(base, "within") else {}
    return type(f"Near{base.__name__}{deaf.title()}", (base,), members)


def _enter(
    prefix: str, contract: type[Contract], base: type, reads: tuple[str, ...], *writes: str
) -> None:
    for deaf in (*writes, *(["commit"] if hasattr(base, "within") else [])):
        summary = f"what a client has read it answers again after another's {deaf}"
        wrong = _near(base, reads, writes, deaf)
        broken(f"BLIND5-{prefix}-near-{deaf}", "T2", summary, contract)(wrong)


_enter(
    "KV", KVContract, MemoryKV, ("get",), "set", "delete", "set_many", "delete_many", "increment"
)
_enter("CA", CacheContract, MemoryCache, ("get",), "set", "delete", "touch", "clear", "fill")
_enter(
    *("OB", ObjectsContract, MemoryObjects, ("get_range", "stat")),
    *("put", "delete", "delete_many", "copy", "complete_upload"),
)
_enter("SE", SecretsContract, MemorySecrets, ("get",), "set", "delete")
_enter(
    *("DO", DocumentsContract, MemoryDocuments, ("find", "count")),
    *("insert", "update", "replace", "delete"),
)
