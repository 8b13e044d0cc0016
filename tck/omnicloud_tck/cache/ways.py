"""The law of caches about values on every way in."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Claim, Fill
from omnicloud.core.codec import BYTES
from omnicloud_tck.check import equal
from omnicloud_tck.general.kept import Kept
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["WaysLaws"]


class WaysLaws(Kept):
    """What is filled is as good as what is set."""

    @law(
        "CA-130",
        "What is filled comes back byte for byte, from 0 bytes on, to every client.",
        needs=[CacheFeature.CROSS_PROCESS_FLIGHT],
    )
    async def fills_keep_all(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), Cache(await world.pipeline(), BYTES)
        for number, payload in enumerate(self.payloads(one)):
            key = f"filled-{number % 8}"
            await two.delete(key)
            equal(None, await two.get(key), "what was deleted")
            claimed: bool = await one.send(Claim(key, "me", 30.0))
            filled: bool = await one.send(Fill(key, "me", payload))
            equal((True, True), (claimed, filled), "claiming and filling what is missing")
            equal(payload, await two.get(key), f"payload {number}, filled")
            again: bool = await one.send(Fill(key, "me", b"late"))
            equal(False, again, "filling once more")
            equal(payload, await two.get(key), f"payload {number}, after a fill without a claim")
