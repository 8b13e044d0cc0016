"""The adapters once more, each with one cause undone: the laws that it broke then hold.

So a finding is tried from both sides: its script shows the behaviour without us, and here the
laws come out well as soon as an adapter makes good for that behaviour and no other.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from key_value.aio.stores.memory import MemoryStore as KeyValueMemory
from obstore.store import MemoryStore

from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.iam.models import Policy
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects.listing import page_of
from omnicloud.contracts.objects.models import Chunk, ObjectInfo, ObjectPage
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

from .adapters.casbin_iam import Casbin
from .adapters.cashews_cache import Cashews
from .adapters.iam_objects import CompiledLaws
from .adapters.iam_objects import world as iam_world
from .adapters.key_value_kv import KeyValue
from .adapters.obstore_objects import Obstore
from .subjects import subject
from .worlds import process_world

__all__ = ["UNDONE", "Undone"]


class WithoutOldEnds(Cashews):
    """Deletes before it sets, so that no end is taken over and nothing is stored decoded."""

    async def set(self, op: cache.Set, /) -> None:
        await self._cache.delete(op.key)
        await super().set(op)

    async def touch(self, op: cache.Touch, /) -> bool:
        value = await self._cache.get(op.key)
        if value is not None:
            await self.set(cache.Set(op.key, value, op.ttl))
        return value is not None


class LookingFirst(KeyValue):
    """Asks whether a key is live before it deletes it."""

    async def delete(self, op: kv.Delete, /) -> bool:
        was_live = await self._store.get(op.key) is not None
        await self._store.delete(op.key)
        return was_live


class NeverEmpty(Casbin):
    """Has one policy more, which matches nothing."""

    def __init__(self, policies: tuple[Policy, ...], /) -> None:
        super().__init__(policies)
        self._enforcer.add_policy(*["(?!)"] * 3, "deny")


class NeverEmptyLaws(CompiledLaws):
    """The laws over it."""

    evaluator = NeverEmpty


class Escaped(Obstore):
    """Writes names in letters and digits, as a provider would."""

    async def put(self, op: objects.Put, /) -> str:
        return await super().put(replace(op, key=_in(op.key)))

    async def get_range(self, op: objects.GetRange, /) -> Chunk | None:
        return await super().get_range(replace(op, key=_in(op.key)))

    async def stat(self, op: objects.Stat, /) -> ObjectInfo | None:
        return await super().stat(replace(op, key=_in(op.key)))

    async def delete(self, op: objects.Delete, /) -> None:
        await super().delete(replace(op, key=_in(op.key)))

    async def copy(self, op: objects.Copy, /) -> str | None:
        return await super().copy(replace(op, source=_in(op.source), target=_in(op.target)))

    async def list(self, op: objects.List, /) -> ObjectPage:
        every = await super().list(objects.List(limit=1 << 31))
        lines = (replace(line, key=_out(line.key)) for line in every.items)
        asked = sorted((line for line in lines if line.key.startswith(op.prefix)), key=_key)
        return page_of(asked, op.prefix, op.delimiter, op.cursor, op.limit)


@dataclass(frozen=True, slots=True)
class Undone:
    """A cause that is undone.

    Attributes:
        show: The script of the finding.
        subject: The library that shows it.
        laws: Laws that it breaks, and that hold without it.
    """

    show: str
    subject: str
    laws: tuple[str, ...]
    world: Callable[[], World[Any]]
    laws_by: type[Contract] | None = None

    @property
    def owner(self) -> type[Contract]:
        """The class of the laws."""
        return self.laws_by or subject(self.subject).contract_class()


UNDONE = (
    Undone(
        "cashews_set_keeps_the_old_end",
        "cashews-memory",
        ("CA-012", "CA-124"),
        lambda: process_world(lambda: WithoutOldEnds("mem://")),
    ),
    Undone(
        "cashews_expire_loses_the_value",
        "cashews-memory",
        ("CA-020", "CA-120", "CA-123", "CA-124"),
        lambda: process_world(lambda: WithoutOldEnds("mem://")),
    ),
    Undone(
        "key_value_memory_keeps_the_expired",
        "key-value-memory",
        ("KV-020",),
        lambda: process_world(lambda: LookingFirst(KeyValueMemory())),
    ),
    Undone(
        "casbin_without_policies_allows",
        "casbin",
        ("IAM-001", "IAM-050"),
        iam_world,
        NeverEmptyLaws,
    ),
    Undone(
        "obstore_names_are_normalised",
        "obstore-memory",
        ("G-001", "G-002", "G-005", "G-011", "OBJ-003", "OBJ-010", "OBJ-011", "OBJ-040"),
        lambda: process_world(lambda: Escaped(MemoryStore())),
    ),
)


def _in(name: str) -> str:
    return "n" + base64.b32encode(name.encode()).decode().rstrip("=")


def _out(stored: str) -> str:
    text = stored[1:]
    return base64.b32decode(text + "=" * (-len(text) % 8)).decode()


def _key(line: Any) -> str:
    key: str = line.key
    return key
