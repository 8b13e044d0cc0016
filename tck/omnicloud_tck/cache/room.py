"""The laws of caches about what takes room: claims beside entries, and what is no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Claim, Fill, Unclaim
from omnicloud.core.codec import BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.together import together
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.beside import names_beside
from omnicloud_tck.law import Rung, law
from omnicloud_tck.seams import SEAMS
from omnicloud_tck.world import World

__all__ = ["RoomLaws"]

_F = CacheFeature
_HOUR = 3600.0
_SHORT = 0.05
_KEPT = 40  # entries that stay, of the 60 for which there is room
_TURNS, _REAL_TURNS = 1200, 40
_AT_ONCE = 20
_SOON = 0.06

Way = Callable[[Cache[bytes], str, bytes], Awaitable[object]]


class RoomLaws(Contract):
    """Every name is an entry's; and what is gone takes no room."""

    @law(
        "CA-144",
        "A claim is under no name of an entry: it neither hides nor harms one, and is not harmed.",
        needs=[_F.CROSS_PROCESS_FLIGHT],
    )
    async def claims_are_no_entries(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        two, key = Cache(await world.pipeline(), BYTES), "claimed"
        for names in names_beside(key, self.random, every=world.virtual):
            equal(True, await _claimed(pipe, key, "me"), f"a claim of {key!r}")
            for name in names:
                equal(None, await two.get(name), f"{name!r}, while {key!r} is claimed")
            for name in names:
                await two.set(name, name.encode())
            won = await _claimed(pipe, key, "you")
            equal(False, won, "claiming, names that look like it written before")
            await pipe.send(Unclaim(key, "me"))
            for name in names:
                found = await two.get(name)
                equal(name.encode(), found, f"{name!r}, after the claim of {key!r}")
                await two.delete(name)

    @law(
        "CA-145",
        "A claim ends with the prefixes of its own key that are cleared, and with no others.",
        needs=[_F.CROSS_PROCESS_FLIGHT, _F.CLEAR],
    )
    async def other_prefixes_leave_claims(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        one, key = Cache(pipe, BYTES), "claimed"
        characters = [chr(code) for code in range(128)] if world.virtual else list("".join(SEAMS))
        equal(True, await _claimed(pipe, key, "me"), f"a claim of {key!r}")
        for character in characters:
            await one.clear(key + character)
            if character != key[0]:
                await one.clear(character)
        equal(False, await _claimed(pipe, key, "you"), "claiming, other prefixes cleared before")
        await one.clear(key[:-1])
        equal(True, await _claimed(pipe, key, "you"), "claiming what was cleared")

    @law(
        "CA-146",
        "What was written over, deleted, cleared, filled or ended takes no room of what is there.",
        rung=Rung.RESILIENCE,
    )
    async def the_gone_take_no_room(self, world: World[Any]) -> None:
        cache = Cache(await world.pipeline(), BYTES)
        features, limits = cache.pipeline.driver.features, cache.pipeline.driver.limits
        turns = _TURNS if world.virtual else _REAL_TURNS
        # So much that all turns together exceed what there is room for.
        size = min(limits.value_max_bytes, 2 * (limits.max_bytes or 0) // _TURNS)
        value = bytes(size if world.virtual else min(size, 1024))
        kept = min(_KEPT, (limits.max_entries or _KEPT) * 2 // 3)
        for way, (needed, done) in _WAYS.items():
            if not needed <= features:
                continue
            names = [f"{way}-{number}" for number in range(kept)]
            await together(lambda name: cache.set(name, b"kept"), names, _AT_ONCE)
            others = [f"gone-{number}" for number in range(max(1, kept // 4))]
            gone = partial(_again_and_again, partial(done, cache), value, turns // len(others))
            await together(gone, others, _AT_ONCE)
            await world.sleep(_SOON)
            found = await together(cache.get, names, _AT_ONCE)
            there = sum(one is not None for one in found)
            about = f"of {kept} entries {there} are there after others were {way} {turns} times"
            that(there >= 0.75 * kept, about)
            await together(cache.delete, names, _AT_ONCE)


async def _again_and_again(
    done: Callable[[str, bytes], Awaitable[object]], value: bytes, turns: int, key: str
) -> None:
    for _ in range(turns):
        await done(key, value)


async def _claimed(pipe: Pipeline[Any], key: str, owner: str) -> bool:
    granted: bool = await pipe.send(Claim(key, owner, _HOUR))
    return granted


async def _written_over(cache: Cache[bytes], key: str, value: bytes) -> None:
    await cache.set(key, value)


async def _deleted(cache: Cache[bytes], key: str, value: bytes) -> None:
    await cache.set(key, value)
    await cache.delete(key)


async def _ended(cache: Cache[bytes], key: str, value: bytes) -> None:
    await cache.set(key, value, _SHORT)


async def _cleared(cache: Cache[bytes], key: str, value: bytes) -> None:
    await cache.set(key, value)
    await cache.clear("gone-")


async def _filled(cache: Cache[bytes], key: str, value: bytes) -> None:
    await cache.pipeline.send(Claim(key, "me", _HOUR))
    await cache.pipeline.send(Fill(key, "me", value))


async def _given_up(cache: Cache[bytes], key: str, _: bytes) -> None:
    await cache.pipeline.send(Claim(key, "me", _HOUR))
    await cache.pipeline.send(Unclaim(key, "me"))


async def _touched(cache: Cache[bytes], key: str, value: bytes) -> None:
    await cache.set(key, value, _SHORT)
    await cache.touch(key, 2 * _SHORT)


_FLIGHT = frozenset({_F.CROSS_PROCESS_FLIGHT})
_WAYS: dict[str, tuple[frozenset[_F], Way]] = {
    "written over": (frozenset(), _written_over),
    "deleted": (frozenset(), _deleted),
    "ended": (frozenset(), _ended),
    "cleared": (frozenset({_F.CLEAR}), _cleared),
    "filled": (_FLIGHT, _filled),
    "given up": (_FLIGHT, _given_up),
    "touched": (frozenset({_F.TOUCH}), _touched),
}
