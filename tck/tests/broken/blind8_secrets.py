"""secrets drivers written against the contract alone, for an eighth count of what the kit
finds."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import List, Set
from omnicloud.contracts.secrets.models import NamePage
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract

_MOST = 1000


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T1", "a rotation to the value that is there does nothing")
class NoRotation(MemorySecrets):
    """ "With it every older version ends that long from now". Met after a leak by who sets a key
    back to what it was: the versions that leaked stay."""

    async def set(self, op: Set, /) -> str:
        await self._store.turn()
        live = self._live(op.secret)
        if op.grace is not None and live and live[0].value == op.value:
            return str(live[0].version)
        return await super().set(op)


@secrets("02", "T1", "a listing ends after 1,000 names")
class EndsAtThousand(MemorySecrets):
    """ "The names that start with prefix". Met by an audit of all keys: the service's own page is
    the whole answer."""

    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        most = sorted(name for name in self._rows() if name.startswith(op.prefix))[:_MOST]
        names = tuple(name for name in page.names if name in set(most))
        return NamePage(names, page.cursor if names else None)
