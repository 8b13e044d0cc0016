"""The laws of kv about who waits for a change, and about changes that come late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import Changes
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv.more import kv_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["WakingLaws"]

_F = KVFeature
_WAIT, _SOON = 60.0, 20.0  # seconds: of a long poll, and in which a change ends it
_BEFORE = 0.05  # seconds that it has waited by then
_TELLING = 10.0
_WAITS = 8  # of each client; over a wire each may hold a connection


class WakingLaws(Contract):
    """What happened is told when it happened, and told at all."""

    @law(
        "KV-175",
        "Who waits for a change is told when it comes, by whatever verb, not when the wait ends, "
        "however many wait.",
        needs=[_F.WATCH],
        rung=Rung.CONCURRENCY,
        patience=3600.0,
    )
    async def every_change_ends_the_wait(self, world: World[Any]) -> None:
        clients = [await kv_of(world) for _ in range(3)]
        waiters, other = clients * (_WAITS if world.virtual else 1), clients[-1]
        features = other.pipeline.driver.features
        keys = {way: f"w{turn:02}" for turn, way in enumerate(_WAYS)}
        for way, (needs, change) in _WAYS.items():
            if not needs <= features:
                continue
            key = keys[way]
            if way not in _MAKING:
                await other.set(key, b"1")
            cursors = [(await kv.pipeline.send(Changes(key))).cursor for kv in waiters]
            waiting = [
                asyncio.ensure_future(kv.pipeline.send(Changes(key, cursor, _WAIT)))
                for kv, cursor in zip(waiters, cursors, strict=True)
            ]
            await world.sleep(_BEFORE)
            await change(other, key)
            await asyncio.wait(waiting, timeout=_SOON)
            late = [wait for wait in waiting if not wait.done()]
            for wait in late:
                wait.cancel()
            that(
                not late,
                f"{len(late)} of {len(waiters)} who wait are not told of {way} in {_SOON:.0f} s",
            )
            for wait in waiting:
                told = {change.key: change.kind for change in wait.result().changes}
                kind = ChangeKind.DELETED if "delete" in way else ChangeKind.SET
                equal({key: kind}, told, f"what is told of {way}")

    @law(
        "KV-176",
        "A watch that begins while a transaction is open is told of what that wrote, and one that "
        "was told of others meanwhile too.",
        needs=[_F.WATCH, _F.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def late_changes_are_told(self, world: World[Any]) -> None:
        kv, other, watcher = [await kv_of(world) for _ in range(3)]
        await kv.set("w/deleted", b"1")
        expected = {"w/beside": ChangeKind.SET}
        with suppress(ConflictError):  # another writer came: nothing was written, nothing is told
            async with kv.transaction() as inside:
                await inside.set("w/early", b"1")
                await inside.delete("w/deleted")
                cursor = (await watcher.pipeline.send(Changes("w/"))).cursor
                # It may have to wait for the transaction.
                beside = asyncio.ensure_future(other.set("w/beside", b"1"))
                page = await watcher.pipeline.send(Changes("w/", cursor, _BEFORE))
                last = {change.key: change.kind for change in page.changes}
                told_early = sorted(last.keys() & {"w/early", "w/deleted"})
                equal([], told_early, "changes told before the transaction's end")
                await inside.set("w/late", b"1")
            expected |= dict.fromkeys(("w/early", "w/late"), ChangeKind.SET)
            expected["w/deleted"] = ChangeKind.DELETED
        await beside
        at = [page.cursor]

        async def told() -> bool:
            page = await watcher.pipeline.send(Changes("w/", at[0], 0.5))
            last.update({change.key: change.kind for change in page.changes})
            at[0] = page.cursor
            return last == expected

        await eventually(told, world.sleep, _TELLING, f"the changes of {sorted(expected)} told")


async def _over(kv: KV[bytes], key: str) -> None:
    entry = await kv.get_entry(key)
    await kv.set(key, b"2", if_version=entry.version if entry is not None else "none")


async def _deleted_over(kv: KV[bytes], key: str) -> None:
    entry = await kv.get_entry(key)
    await kv.delete(key, if_version=entry.version if entry is not None else "none")


async def _set_inside(kv: KV[bytes], key: str) -> None:
    async with kv.transaction() as inside:
        await inside.set(key, b"2")


async def _deleted_inside(kv: KV[bytes], key: str) -> None:
    async with kv.transaction() as inside:
        await inside.delete(key)


_Way = tuple[frozenset[Feature], Callable[[KV[bytes], str], Awaitable[object]]]
_ANY: frozenset[Feature] = frozenset()
_BATCH: frozenset[Feature] = frozenset({_F.BATCH})
_COUNTER: frozenset[Feature] = frozenset({_F.COUNTER})
_CAS: frozenset[Feature] = frozenset({_F.COMPARE_AND_SET})
_TRANSACTION: frozenset[Feature] = frozenset({_F.TRANSACTION})

_WAYS: dict[str, _Way] = {
    "a first set": (_ANY, lambda kv, key: kv.set(key, b"2")),
    "a set": (_ANY, lambda kv, key: kv.set(key, b"2")),
    "a delete": (_ANY, lambda kv, key: kv.delete(key)),
    "set_many": (_BATCH, lambda kv, key: kv.set_many({key: b"2", "l": b""})),
    "delete_many": (_BATCH, lambda kv, key: kv.delete_many([key, "m"])),
    "a first increment": (_COUNTER, lambda kv, key: kv.increment(key)),
    "an increment": (_COUNTER, lambda kv, key: kv.increment(key)),
    "if_absent": (_CAS, lambda kv, key: kv.set(key, b"2", if_absent=True)),
    "if_version": (_CAS, _over),
    "a delete under a version": (_CAS, _deleted_over),
    "a transaction that sets": (_TRANSACTION, _set_inside),
    "a transaction that deletes": (_TRANSACTION, _deleted_inside),
}
"""Ways of changing a key: what they need, and how."""

_MAKING = frozenset({"a first set", "a first increment", "if_absent"})
"""Those before which there is none."""
