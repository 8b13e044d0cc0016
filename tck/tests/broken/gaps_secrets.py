"""secrets drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Get, Set
from omnicloud.contracts.secrets.models import StoredSecret
from omnicloud.errors import UnavailableError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, SecretsContract)


@secrets("SE01", "T0", "a missing secret is answered with an empty one")
class MissingIsEmpty(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(op) or StoredSecret(b"", "0")


@secrets("SE02", "T0", "a missing secret raises KeyError")
class MissingRaises(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None:
            raise KeyError(op.secret)
        return found


@secrets("SE08", "T3", "an outage is told as 'not found'")
class OutageIsAbsence(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        try:
            return await super().get(op)
        except UnavailableError:
            return None


@secrets("SE11", "T4", "names are compared without case, so 'Root' reads 'root'")
class FoldsNames(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is not None:
            return found
        for name in self._rows():
            if name.casefold() == op.secret.casefold():
                return await super().get(replace(op, secret=name))
        return None


@secrets("SE14", "T4", "a write during an outage tells the value in its error")
class TellsValue(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError as error:
            raise UnavailableError(f"could not write {op.value!r}") from error
