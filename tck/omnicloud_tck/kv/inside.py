"""The laws of kv about transactions in which one call builds on another, and on what was undone."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, OmniCloudError
from omnicloud_tck.check import equal
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["InsideLaws"]

_F = KVFeature
_LONG = 900.0
_ENDED = b"4"
"""What was there, and is no more when the calls come."""
_LIFE, _SLACK = 0.4, 0.15
_REAL = 8  # pairs over a real backend

Change = Callable[[KV[bytes], str], Awaitable[object]]
State = tuple[bytes, bool] | None
"""A value, and whether it ends."""


class Undone(Exception):  # noqa: N818 - thrown to take a transaction back
    """Nothing of it shall stay."""


class InsideLaws(KVBench):
    """A transaction goes on from where it is itself; one that was undone never was."""

    @law(
        "KV-188",
        "Of two calls in a transaction the second builds on the first, as it does outside.",
        needs=[_F.TRANSACTION],
    )
    async def calls_build_on_each_other(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        features = one.pipeline.driver.features
        before = [None, b"1"] + ([b"3", _ENDED] if _F.TTL in features else [])
        firsts, seconds = (_declared(ways, features) for ways in (_FIRST, _SECOND))
        cases = list(itertools.product(before, firsts, seconds))
        if not world.virtual:
            cases = self.random.sample(cases, _REAL)
        for number, (value, _, _) in enumerate(cases):
            for side in ("outside", "inside"):
                await _begun(one, f"{number}-{side}", value)
        await world.sleep(_LIFE + _SLACK)  # some have ended by then
        for number, (value, first, second) in enumerate(cases):
            outside, inside = f"{number}-outside", f"{number}-inside"
            calls = firsts[first], seconds[second]
            expected = [await _answer(call(one, outside)) for call in calls]
            answers: list[object] = []
            about = f"{first} and {second} in a transaction, over {value!r}"
            try:
                async with one.transaction() as kv:
                    answers += [await _answer(call(kv, inside)) for call in calls]
            except ConflictError:
                # A store may end a transaction of which a call was refused.
                equal(expected, answers, f"answers of {about}")
                continue
            equal(expected, answers, f"answers of {about}")
            equal(await _state(two, outside), await _state(two, inside), f"what is left of {about}")

    @law(
        "KV-189",
        "A life that was given in a transaction that was undone ends nothing.",
        needs=[_F.TRANSACTION, _F.TTL],
    )
    async def undone_lives_end_nothing(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        ways = _declared(_ENDING, one.pipeline.driver.features)
        for value, way in itertools.product((b"1", b"3"), ways):
            await _begun(one, f"{way} over {value!r}", value)
        try:
            async with one.transaction() as inside:
                for value, way in itertools.product((b"1", b"3"), ways):
                    await ways[way](inside, f"{way} over {value!r}")
                raise Undone
        except Undone:
            pass
        await world.sleep(_LIFE + _SLACK)
        for value, way in itertools.product((b"1", b"3"), ways):
            found = await _state(two, f"{way} over {value!r}")
            equal((value, value == b"3"), found, f"what was there before {way} that was undone")


def _declared(
    ways: dict[str, tuple[frozenset[Feature], Change]], features: frozenset[Feature]
) -> dict[str, Change]:
    return {way: call for way, (needs, call) in ways.items() if needs <= features}


async def _begun(kv: KV[bytes], key: str, value: bytes | None) -> None:
    if value is not None:
        await kv.set(key, value, ttl={b"3": _LONG, _ENDED: _LIFE}.get(value))


async def _state(kv: KV[bytes], key: str) -> State:
    entry = await kv.get_entry(key)
    return None if entry is None else (entry.value, entry.expires_in is not None)


async def _answer(call: Awaitable[object]) -> object:
    """What a call answers but for versions and keys, or of which class its error is."""
    try:
        answer = await call
    except OmniCloudError as error:
        return type(error).__name__
    if isinstance(answer, dict):
        return list(answer.values())
    return "a version" if isinstance(answer, str) else answer


async def _found(kv: KV[bytes], key: str) -> int:
    return len([name async for name in kv.scan(key) if name == key])


async def _on_its_version(kv: KV[bytes], key: str, *, delete: bool) -> object:
    entry = await kv.get_entry(key)
    version = "none" if entry is None else entry.version
    if delete:
        return await kv.delete(key, if_version=version)
    return await kv.set(key, b"6", if_version=version)


_NONE: frozenset[Feature] = frozenset()
_BATCH: frozenset[Feature] = frozenset({_F.BATCH})
_TTL: frozenset[Feature] = frozenset({_F.TTL})
_COUNTER: frozenset[Feature] = frozenset({_F.COUNTER})
_CAS: frozenset[Feature] = frozenset({_F.COMPARE_AND_SET})
_SCAN: frozenset[Feature] = frozenset({_F.SCAN})

_FIRST: dict[str, tuple[frozenset[Feature], Change]] = {
    "a set": (_NONE, lambda kv, key: kv.set(key, b"2")),
    "a set with a life": (_TTL, lambda kv, key: kv.set(key, b"2", ttl=_LONG)),
    "a batch": (_BATCH, lambda kv, key: kv.set_many({key: b"2", f"{key} too": b"2"})),
    "an increment": (_COUNTER, lambda kv, key: kv.increment(key, 4)),
    "a deletion": (_NONE, lambda kv, key: kv.delete(key)),
    "a deletion of many": (_BATCH, lambda kv, key: kv.delete_many([key, f"{key} too"])),
}
_SECOND: dict[str, tuple[frozenset[Feature], Change]] = {
    "a get": (_NONE, lambda kv, key: kv.get(key)),
    "a get of many": (_BATCH, lambda kv, key: kv.get_many([key, "never"])),
    "a walk": (_SCAN, _found),
    "a set": (_NONE, lambda kv, key: kv.set(key, b"5")),
    "a batch": (_BATCH, lambda kv, key: kv.set_many({key: b"5"})),
    "an increment": (_COUNTER, lambda kv, key: kv.increment(key, 5)),
    "if_absent": (_CAS, lambda kv, key: kv.set(key, b"6", if_absent=True)),
    "if_version": (_CAS, lambda kv, key: _on_its_version(kv, key, delete=False)),
    "a deletion": (_NONE, lambda kv, key: kv.delete(key)),
    "a deletion of many": (_BATCH, lambda kv, key: kv.delete_many([key])),
    "a deletion by version": (_CAS, lambda kv, key: _on_its_version(kv, key, delete=True)),
}
_ENDING: dict[str, tuple[frozenset[Feature], Change]] = {
    "a set": (_TTL, lambda kv, key: kv.set(key, b"2", ttl=_LIFE)),
    "a batch": (_TTL | _BATCH, lambda kv, key: kv.set_many({key: b"2"}, ttl=_LIFE)),
}
