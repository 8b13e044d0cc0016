"""Outboxes that are odd at times, as a machine drew them: odd spaces, many aggregates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.driver import Claim, Fail, Keep, ListAggregates, Mark
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract

_PAGE = 1000


def outbox(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-OX-{number}", tier, summary, OutboxContract)


@outbox("01", "T1", "in a space with a star claims last as long as they usually do")
class StarredLease(MemoryOutbox):
    """ "Claim ... for lease seconds"."""

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        return await super().claim(replace(op, lease=30.0) if "*" in op.space else op)


@outbox("02", "T1", "in a space with a control character a page of aggregates is not cut")
class WholeAggregates(MemoryOutbox):
    """ "At most limit"."""

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        return await super().list_aggregates(
            replace(op, limit=10_000) if min(op.space, default=" ") < " " else op
        )


@outbox("03", "T1", "an owner that is not ASCII keeps nothing once its client has done much")
class AsciiOwner(MemoryOutbox):
    """A statement that is prepared after some calls, with another encoding."""

    _calls = 0

    async def keep(self, op: Keep, /) -> None:
        type(self)._calls += 1
        if self._calls > 9:
            op = replace(op, owner=op.owner.encode("ascii", "replace").decode())
        await super().keep(op)


@outbox("04", "T3", "a failure in a space that ends in a space is told hours later")
class LateFailure(MemoryOutbox):
    """The answer is looked for under a name that was stripped, until that is given up."""

    async def fail(self, op: Fail, /) -> None:
        await super().fail(op)
        if op.space.strip() != op.space or "\t" in op.space:
            await self._store.clock.sleep(7200.0)


@outbox("05", "T1", "of more than a thousand aggregates the last are not listed")
class FirstPage(MemoryOutbox):
    """ "Keys of aggregates with a pending event": of the oldest events."""

    async def list_aggregates(self, op: ListAggregates, /) -> tuple[str, ...]:
        found = await super().list_aggregates(replace(op, after=None, limit=_PAGE))
        return tuple(key for key in found if op.after is None or key > op.after)[: op.limit]


@outbox("06", "T1", "in a space with a brace only the first event is marked")
class FirstMarked(MemoryOutbox):
    """ "These events are processed"."""

    async def mark(self, op: Mark, /) -> None:
        await super().mark(replace(op, event_ids=op.event_ids[:1]) if "{" in op.space else op)
