"""Drivers that give up on who waits: after three long polls in vain nothing is told any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broken.registry import broken
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.containers import ContainersContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.secrets import SecretsContract

_TIMES = 3


def forgets_who_waits(
    id_: str, contract: type[Contract], base: type, verb: str, is_vain: Callable[[Any, Any], bool]
) -> None:
    """Enter a driver of which each client counts its long polls that brought nothing."""

    async def called(self: Any, op: Any, /) -> Any:
        vain, nothing = self.__dict__.get("_vain", (0, None))
        if op.wait and vain >= _TIMES:
            await self._store.changed(op.wait)
            return nothing
        answer = await getattr(base, verb)(self, op)
        if op.wait:
            self._vain = (vain + 1, answer) if is_vain(op, answer) else (0, None)
        return answer

    summary = f"after {_TIMES} times in vain a client that waits is told nothing any more"
    broken(id_, "T3", summary, contract)(type("Forgets", (base,), {verb: called}))


forgets_who_waits("IDLE-kv", KVContract, MemoryKV, "changes", lambda op, page: not page.changes)
forgets_who_waits(
    "IDLE-containers",
    ContainersContract,
    MemoryContainers,
    "events",
    lambda op, page: not page.events,
)
forgets_who_waits("IDLE-outbox", OutboxContract, MemoryOutbox, "claim", lambda op, got: not got)
forgets_who_waits(
    "IDLE-secrets", SecretsContract, MemorySecrets, "wait", lambda op, version: version == op.known
)
