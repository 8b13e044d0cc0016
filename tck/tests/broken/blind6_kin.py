"""Drivers of each contract that keeps payloads, wrong as one of another contract was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from broken.blind6_names import renaming
from broken.registry import broken
from omnicloud.contracts.documents.driver import Begin
from omnicloud.errors import ConflictError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore, MemoryTransaction
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract

_CONNECTIONS = 10


def _kept_when_cancelled(base: type[Any], verb: str) -> type[Any]:
    """A driver of which each cancelled call of a verb keeps one of ten connections."""
    real: Callable[..., Any] = getattr(base, verb)

    async def called(self: Any, op: Any, /) -> Any:
        free = self.__dict__.setdefault("_free", asyncio.Semaphore(_CONNECTIONS))
        await free.acquire()
        try:
            answer = await real(self, op)
        except Exception:
            free.release()
            raise
        free.release()
        return answer

    return type(f"Leaking{base.__name__}", (base,), {verb: called})


def _without_namespace(base: type[Any]) -> Callable[[MemoryStore, str], Any]:
    """Drivers that put what is theirs where all others put it."""
    return lambda store, namespace: base(store, "")


def _number(name: str) -> str:
    """A name as a column of numbers would give it back."""
    mark, tenant, own = name.rpartition("/") if name.startswith("~") else ("", "", name)
    plain = own.strip().removeprefix("+")
    try:
        return f"{mark}{tenant}{int(plain)}" if plain.isascii() else name
    except ValueError:
        return name


_KINDS: tuple[tuple[str, type[Contract], type[Any], str], ...] = (
    ("kv", KVContract, MemoryKV, "scan"),
    ("cache", CacheContract, MemoryCache, "touch"),
    ("documents", DocumentsContract, MemoryDocuments, "count"),
    ("objects", ObjectsContract, MemoryObjects, "stat"),
    ("secrets", SecretsContract, MemorySecrets, "list"),
)

for _name, _contract, _base, _verb in _KINDS:
    broken(f"GX-{_name}-pool", "T3", f"each cancelled {_verb} keeps a connection", _contract)(
        _kept_when_cancelled(_base, _verb)
    )
    broken(f"GX-{_name}-space", "T4", "services do not keep apart", _contract)(
        _without_namespace(_base)
    )
    if _name != "documents":
        broken(f"GX-{_name}-number", "T4", "names that look like numbers become some", _contract)(
            renaming(_base, _number)
        )


@broken("GX-documents-number", "T4", "an _id that looks like a number is one", DocumentsContract)
class _NumberedIds(MemoryDocuments):
    async def find(self, op: Any, /) -> Any:
        named = getattr(op.filter, "value", None)
        if getattr(op.filter, "path", None) == ("_id",) and isinstance(named, str):
            held = [id_ for id_ in self._rows(op.collection) if _number(id_) == _number(named)]
            if held:
                op = _about(op, held[0])
        return await super().find(op)


def _about(op: Any, id_: str) -> Any:
    changed = type(op.filter)(op.filter.path, op.filter.how, id_)
    return type(op)(op.collection, changed, op.sort, op.cursor, op.limit)


@broken(
    "GX-documents-commit", "T3", "a commit that came too late says all is well", DocumentsContract
)
class _CommitSaysYes(MemoryDocuments):
    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        commit = transaction.commit

        async def calm() -> None:
            try:
                await commit()
            except ConflictError:
                return

        transaction.commit = calm  # type: ignore[method-assign]  # that is the fault
        return transaction
