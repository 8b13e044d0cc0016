"""The law of caches about the bounds that they declare for all entries together."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.cache import Cache
from omnicloud.core.codec import BYTES
from omnicloud.core.together import together
from omnicloud_tck.check import that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["BoundLaws"]

_LARGEST_BYTES = 4 << 20  # of a bound that is reached over a wire
_MOST_VALUES, _MOST_ENTRIES = 64, 1200  # with which a bound is reached, or it is not tried
_SMALL_ONES, _TOO_MANY = 30, 4
_AT_ONCE = 20
_SETTLED = 1.5  # seconds in which what is too much is gone


class BoundLaws(Contract):
    """What is declared as the most that is kept is the most that is kept."""

    @law(
        "CA-148",
        "A cache keeps no more entries, nor bytes of values, than it declares.",
        rung=Rung.RESILIENCE,
    )
    async def declared_bounds_hold(self, world: World[Any]) -> None:
        cache = Cache(await world.pipeline(), BYTES)
        limits = cache.pipeline.driver.limits
        size, largest = limits.max_bytes, limits.value_max_bytes
        if size is not None and (world.virtual or size <= _LARGEST_BYTES):
            large = min(largest, size // 4)
            if size // large <= _MOST_VALUES:
                await _filled(world, cache, large, size // large + _TOO_MANY)
                kept = sum(len(value) for value in await _found(cache, "large") if value)
                kept += sum(len(value) for value in await _found(cache, "small") if value)
                that(kept <= size + large, f"of {size} bytes at most it keeps {kept}")
        entries = limits.max_entries
        if entries is not None and entries <= _MOST_ENTRIES:
            names = [f"entry-{number}" for number in range(entries + entries // 4 + _TOO_MANY)]
            await together(lambda name: cache.set(name, b"x"), names, _AT_ONCE)
            await world.sleep(_SETTLED)
            found = await together(cache.get, names, _AT_ONCE)
            there = sum(one is not None for one in found)
            that(there <= entries + 1, f"of {entries} entries at most it keeps {there}")


async def _filled(world: World[Any], cache: Cache[bytes], large: int, count: int) -> None:
    """Write small entries and then large ones: for one of these many small ones have to go."""
    value = bytes(large)
    for number in range(_SMALL_ONES):
        await cache.set(f"small-{number}", value[: large // _SMALL_ONES])
    for number in range(count):
        await cache.set(f"large-{number}", value)
    await world.sleep(_SETTLED)


async def _found(cache: Cache[bytes], kind: str) -> list[bytes | None]:
    names = [f"{kind}-{number}" for number in range(_MOST_VALUES + _TOO_MANY)]
    return await together(cache.get, names, _AT_ONCE)
