"""Whether services of several contracts on one store share a transaction, whichever begins it.

A law knows one contract, so a certificate says nothing of a transaction over several. A
provider's author asks here, in a test of their own::

    await check_joint(KV(kv_pipeline, TEXT), Documents(documents_pipeline), Outbox(outbox_pipeline))
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.documents.driver import Begin as BeginDocuments
from omnicloud.contracts.kv import KV
from omnicloud.contracts.kv.driver import Begin as BeginKV
from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.outbox.driver import Begin as BeginOutbox
from omnicloud.core.transactions import Transaction
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, refused, that

__all__ = ["Joined", "check_joint"]

Joined = KV[str] | Documents | Outbox

_MOST_SECONDS = 60.0
_COLLECTION = "joint"


async def check_joint(*services: Joined) -> None:
    """Begin a transaction with each of the services in turn, and let the others join it.

    They may hold other data: names are new ones each time, and what is committed stays.

    Raises:
        Broken: Not all of it was seen inside, or some of it outside before the commit; or
            some of it happened and some did not; or a call after the end was taken.
    """
    for number in range(len(services)):
        turned = (*services[number:], *services[:number])
        for commits in (True, False):
            async with asyncio.timeout(_MOST_SECONDS):
                await _played(turned, commits=commits)


async def _played(services: tuple[Joined, ...], *, commits: bool) -> None:
    name = f"joint-{uuid.uuid4().hex}"
    begun = await _begun(services[0])
    how = f"begun by {_called(services[0])}"
    async with _ended(begun, commits=commits):
        for one in services:
            await _write(_inside(one, begun), name)
        for one in services:
            seen = await _has(_inside(one, begun), name)
            that(seen, f"{_called(one)} does not see inside what it wrote ({how})")
            early = await _has(one, name)
            that(not early, f"what {_called(one)} wrote is seen before the commit ({how})")
    end = "committed" if commits else "rolled back"
    for one in services:
        there = await _has(one, name)
        equal(commits, there, f"what {_called(one)} wrote is there, {end} ({how})")
        with refused(ConflictError, f"a write of {_called(one)} once it was {end} ({how})"):
            await _write(_inside(one, begun), f"{name}-late")
        late = await _has(one, f"{name}-late")
        that(not late, f"{_called(one)} wrote once it was {end} ({how})")


@asynccontextmanager
async def _ended(begun: Transaction, *, commits: bool) -> AsyncIterator[None]:
    try:
        yield
        if commits:
            await begun.commit()
    finally:
        await begun.rollback()  # silent after the commit


async def _begun(service: Joined) -> Transaction:
    match service:
        case KV():
            return await service.pipeline.send(BeginKV())
        case Documents():
            return await service.pipeline.send(BeginDocuments())
        case Outbox():
            return await service.pipeline.send(BeginOutbox())


def _inside(service: Joined, begun: Transaction) -> Joined:
    return service.within(begun)


async def _write(service: Joined, name: str) -> None:
    match service:
        case KV():
            await service.set(name, "joint")
        case Documents():
            await service.insert_one(_COLLECTION, {"_id": name})
        case Outbox():
            await service.save_event(OutboxEvent("joint", b"joint", aggregate_key=name))


async def _has(service: Joined, name: str) -> bool:
    match service:
        case KV():
            return await service.get(name) is not None
        case Documents():
            return await service.find_one(_COLLECTION, {"_id": name}) is not None
        case Outbox():
            return bool(await service.get_pending_events_for_aggregate(name))


def _called(service: Joined) -> str:
    return type(service).__name__.lower()
