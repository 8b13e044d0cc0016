"""secrets drivers written against the contract alone, for a ninth count of what the kit finds."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Get, List, Set
from omnicloud.contracts.secrets.models import NamePage, StoredSecret
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T3", "a listing's cursor is forgotten after ten idle minutes, and begins anew")
class CursorForgotten(MemorySecrets):
    """ "In code-point order", each once. Met by an audit that looks at each secret."""

    async def list(self, op: List, /) -> NamePage:
        now = self._store.clock.monotonic()
        if op.cursor is not None:
            stamp, _, cursor = op.cursor.partition("|")
            op = replace(op, cursor=cursor if now - float(stamp) < 600.0 else None)
        page = await super().list(op)
        return page if page.cursor is None else replace(page, cursor=f"{now!r}|{page.cursor}")


@secrets("02", "T3", "a write that took longer than two seconds is sent a second time")
class WrittenTwice(MemorySecrets):
    """ "A driver never retries". Met by a slow line: there are two versions of one write."""

    async def set(self, op: Set, /) -> str:
        begun = self._store.clock.monotonic()
        version = await super().set(op)
        late = self._store.clock.monotonic() - begun > 2.0
        return await super().set(op) if late else version


@secrets("03", "T4", "a write that took long is logged with its request")
class SlowLog(MemorySecrets):
    """ "Never prints (… logs …)". Met by every write of a slow day."""

    async def set(self, op: Set, /) -> str:
        begun = self._store.clock.monotonic()
        version = await super().set(op)
        if self._store.clock.monotonic() - begun > 1.0:
            logging.getLogger(__name__).info("slow request", extra={"body": op.value.hex()})
        return version


@secrets("04", "T1", "a plain write after a rotation lets the older versions live on")
class SetRevives(MemorySecrets):
    """ "Every older version ends that long from now". Met by a typo that is corrected."""

    async def set(self, op: Set, /) -> str:
        if op.grace is None:
            await self._store.turn()
            older = self._live(op.secret)
            self._rows()[op.secret] = tuple(replace(held, deadline=None) for held in older)
        return await super().set(op)


@secrets("05", "T3", "a version that was read is kept: its end is not seen")
class KeepsVersions(MemorySecrets):
    """ "A version whose grace has ended is not there any more". Met by whoever checks what was
    signed with the previous key."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._kept: dict[Get, StoredSecret] = {}

    async def get(self, op: Get, /) -> StoredSecret | None:
        if op in self._kept:
            await self._store.reading()
            return self._kept[op]
        found = await super().get(op)
        if op.version is not None and found is not None:
            self._kept[op] = found
        return found


@secrets("06", "T3", "a watch looks every fifteen seconds")
class Looks(MemorySecrets):
    """ "As soon as it is not known any more". Met by a rotation that must be followed at once."""

    async def wait(self, op: Await, /) -> str | None:
        until = self._store.clock.monotonic() + op.wait
        while True:
            version = await super().wait(replace(op, wait=0.0))
            left = until - self._store.clock.monotonic()
            if version != op.known or left <= 0:
                return version
            await self._store.clock.sleep(min(15.0, left))
