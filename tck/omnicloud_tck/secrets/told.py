"""The law of versions of secrets, whichever request tells them."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.secrets import SecretsFeature
from omnicloud.contracts.secrets.driver import Await, Get, ListVersions, Set
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.nearby import OTHERS
from omnicloud_tck.world import World

__all__ = ["ToldLaws"]

_GRACE = 300.0


class ToldLaws(Contract):
    """What is told is what is read."""

    @law(
        "SEC-067",
        "A version is read as it was told, by whichever request, and none of another secret.",
        needs=[SecretsFeature.VERSIONS],
    )
    async def versions_are_known_as_told(self, world: World[Any]) -> None:
        pipe: Any = await world.pipeline()
        told: list[tuple[str, bytes]] = []
        for number in range(4):
            value = b"value %d" % number
            made = Set("s", value, _GRACE if number % 2 else None)
            told.append((await pipe.send(made), value))
            found = await pipe.send(Get("s"))
            equal((told[-1][0], value), (found.version, found.value), "the version that was set")
            if SecretsFeature.WATCH in pipe.driver.features:
                equal(told[-1][0], await pipe.send(Await("s")), "the version that a wait tells")
        told = told[-pipe.driver.limits.versions_kept :]
        others = [await pipe.send(Set(f"o{number}", b"x")) for number in range(OTHERS)]
        listed = [one.version for one in await pipe.send(ListVersions("s"))]
        equal([version for version, _ in reversed(told)], listed, "the versions listed")
        for version, value in told:
            found = await pipe.send(Get("s", version))
            equal(value, found and found.value, f"the value of version {version!r}")
        for other in others:
            if other not in listed:
                found = await pipe.send(Get("s", other))
                equal(None, found, f"what is read of {other!r}, beside {listed}")
