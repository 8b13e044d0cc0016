"""Sagas that are odd at times, as a machine drew them: in spaces with odd or long names."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Get, Keep, ListSagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract

_LONG = 256
_TABLE = 1000


def sagas(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-SA-{number}", tier, summary, SagaContract)


@sagas("01", "T1", "a long space that is not ASCII is read under another name")
class AsciiSpace(MemorySagas):
    """ "Names are any Unicode". Long ones are written shorter, by one verb only."""

    async def get(self, op: Get, /) -> SagaRecord | None:
        if len(op.space.encode()) >= _LONG:
            op = replace(op, space=op.space.encode("ascii", "replace").decode())
        return await super().get(op)


@sagas("02", "T1", "in a space whose name is not composed a page has no end")
class EndlessPage(MemorySagas):
    """ "At most limit"."""

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        if unicodedata.normalize("NFC", op.space) != op.space:
            op = replace(op, limit=10_000)
        return await super().list_sagas(op)


@sagas("03", "T1", "in a space with an equals sign a lease is kept for a day, whatever is said")
class LongKept(MemorySagas):
    """ "Let the owner's lease end lease seconds from now"."""

    async def keep(self, op: Keep, /) -> bool:
        return await super().keep(replace(op, lease=86_400.0) if "=" in op.space else op)


@sagas("04", "T2", "of more than a thousand sagas those made last are never claimed")
class FirstThousand(MemorySagas):
    """ "Those that waited longest first", of which only so many are looked through."""

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        late = tuple(self._rows(op.space))[_TABLE:]
        return await super().claim(replace(op, excluded=(*op.excluded, *late)))
