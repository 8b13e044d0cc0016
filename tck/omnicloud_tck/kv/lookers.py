"""The law of kv about a client that only reads, beside one that changes in every way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.operation import Feature
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv.more import kv_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LookerLaws"]

_F = KVFeature

Change = Callable[[KV[bytes], str], Awaitable[object]]


class LookerLaws(Contract):
    """What was read once is read anew."""

    @law(
        "KV-160",
        "A client that only reads sees what another changes, by whatever verb, each time.",
        rung=Rung.CONCURRENCY,
    )
    async def lookers_see_every_change(self, world: World[Any]) -> None:
        writer, looker = await kv_of(world), await kv_of(world)
        features = writer.pipeline.driver.features
        for turn, (way, (needs, before, change, after)) in enumerate(_WAYS.items()):
            if not needs <= features:
                continue
            key = f"k{turn:02}"
            if before is not None:
                await writer.set(key, before)
            await _sees(looker, features, key, before, f"before {way}")
            await change(writer, key)
            await _sees(looker, features, key, after, f"after {way}")


async def _sees(
    kv: KV[bytes], features: frozenset[Feature], key: str, value: bytes | None, about: str
) -> None:
    equal(value, await kv.get(key), f"get {about}")
    if _F.BATCH in features:
        found = await kv.get_many([key, "never"])
        equal({} if value is None else {key: value}, found, f"get_many {about}")
    if _F.SCAN in features:
        keys = [name async for name in kv.scan(key)]
        equal([] if value is None else [key], keys, f"scan {about}")


async def _over(kv: KV[bytes], key: str) -> None:
    entry = await kv.get_entry(key)
    await kv.set(key, b"2", if_version=entry.version if entry is not None else "none")


async def _set_inside(kv: KV[bytes], key: str) -> None:
    async with kv.transaction() as inside:
        await inside.set(key, b"2")


async def _deleted_inside(kv: KV[bytes], key: str) -> None:
    async with kv.transaction() as inside:
        await inside.delete(key)


_Way = tuple[frozenset[Feature], bytes | None, Change, bytes | None]
_ANY: frozenset[Feature] = frozenset()
_BATCH: frozenset[Feature] = frozenset({_F.BATCH})
_COUNTER: frozenset[Feature] = frozenset({_F.COUNTER})
_CAS: frozenset[Feature] = frozenset({_F.COMPARE_AND_SET})
_TRANSACTION: frozenset[Feature] = frozenset({_F.TRANSACTION})

_WAYS: dict[str, _Way] = {
    "a first set": (_ANY, None, lambda kv, key: kv.set(key, b"2"), b"2"),
    "a set": (_ANY, b"1", lambda kv, key: kv.set(key, b"2"), b"2"),
    "a delete": (_ANY, b"1", lambda kv, key: kv.delete(key), None),
    "a first set_many": (_BATCH, None, lambda kv, key: kv.set_many({key: b"2"}), b"2"),
    "set_many": (_BATCH, b"1", lambda kv, key: kv.set_many({key: b"2", "l": b""}), b"2"),
    "delete_many": (_BATCH, b"1", lambda kv, key: kv.delete_many([key, "m"]), None),
    "a first increment": (_COUNTER, None, lambda kv, key: kv.increment(key, 2), b"2"),
    "an increment": (_COUNTER, b"1", lambda kv, key: kv.increment(key), b"2"),
    "if_absent": (_CAS, None, lambda kv, key: kv.set(key, b"2", if_absent=True), b"2"),
    "if_version": (_CAS, b"1", _over, b"2"),
    "a transaction that sets": (_TRANSACTION, b"1", _set_inside, b"2"),
    "a transaction that deletes": (_TRANSACTION, b"1", _deleted_inside, None),
}
"""Ways of changing a key: what they need, what is there before, the change, what is there after."""
