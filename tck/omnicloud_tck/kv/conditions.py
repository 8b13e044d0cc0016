"""The laws of kv about conditional writes inside transactions, and beside other writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.codec import BYTES
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["KVConditions"]

_BOTH = [KVFeature.TRANSACTION, KVFeature.COMPARE_AND_SET]
_Write = Callable[[KV[bytes], str], Awaitable[object]]


async def _set_stale(kv: KV[bytes], stale: str) -> object:
    return await kv.set("k", b"lost", if_version=stale)


async def _delete_stale(kv: KV[bytes], stale: str) -> object:
    return await kv.delete("k", if_version=stale)


async def _create_live(kv: KV[bytes], stale: str) -> object:
    return await kv.set("k", b"lost", if_absent=True)


async def _set_missing(kv: KV[bytes], stale: str) -> object:
    return await kv.set("missing", b"lost", if_version=stale)


_REFUSED: dict[str, tuple[_Write, type[ConflictError | AlreadyExistsError]]] = {
    "a write of a stale version": (_set_stale, ConflictError),
    "a delete of a stale version": (_delete_stale, ConflictError),
    "a creation of a live key": (_create_live, AlreadyExistsError),
    "a write of a version that is not there": (_set_missing, ConflictError),
}


class KVConditions(Contract):
    """What a condition means inside a transaction: what it means outside."""

    @law(
        "KV-137",
        "Inside a transaction a condition that is not met refuses the write, and all is undone.",
        needs=_BOTH,
    )
    async def conditions_hold_inside(self, world: World[Any]) -> None:
        kv = KV(await world.pipeline(), BYTES)
        for what, (write, error) in _REFUSED.items():
            stale = await kv.set("k", b"1")
            await kv.set("k", b"2")
            with refused(error, f"{what}, inside a transaction"):
                async with kv.transaction() as inside:
                    await inside.set("beside", b"lost")
                    await write(inside, stale)
            equal(b"2", await kv.get("k"), f"the key after {what}")
            for key in ("beside", "missing"):
                equal(None, await kv.get(key), f"{key!r} after {what}")

    @law(
        "KV-138",
        "Inside a transaction a condition looks at what the transaction itself has written.",
        needs=_BOTH,
    )
    async def conditions_see_own_writes(self, world: World[Any]) -> None:
        kv = KV(await world.pipeline(), BYTES)
        outside = await kv.set("k", b"1")
        async with kv.transaction() as inside:
            own = await inside.set("k", b"2", if_version=outside)
            await inside.set("k", b"3", if_version=own)
            await inside.set("new", b"1", if_absent=True)
            await inside.delete("new")
            await inside.set("new", b"2", if_absent=True)
        equal(b"3", await kv.get("k"), "a key written twice by its versions")
        equal(b"2", await kv.get("new"), "a key created, deleted and created")

    @law(
        "KV-139",
        "Nothing but a live key refuses a creation, whatever else is written meanwhile.",
        needs=[KVFeature.COMPARE_AND_SET],
        rung=Rung.CONCURRENCY,
    )
    async def only_live_keys_refuse_creation(self, world: World[Any]) -> None:
        clients = [KV(await world.pipeline(), BYTES) for _ in range(3)]
        for order in (*permutations(range(3)), *permutations(range(3))):
            await clients[0].set("k", b"0")
            await clients[0].delete("k")
            calls = [
                clients[0].set("k", b"1"),
                clients[1].delete("k"),
                clients[2].set("k", b"made", if_absent=True),
            ]
            answers = await asyncio.gather(*(calls[at] for at in order), return_exceptions=True)
            for answer in answers:
                fine = not isinstance(answer, BaseException)
                that(fine or isinstance(answer, AlreadyExistsError), f"a creation met {answer!r}")
