"""The laws of secrets about each version for itself."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud.errors import SecretNotFoundError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general.kept import Kept
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["VersionLaws"]

_VERSIONS = [SecretsFeature.VERSIONS]
_PAUSE = 1.2  # seconds: some services tell stamps in whole ones


class VersionLaws(Kept):
    """A version is what was written once, whatever is written after it."""

    @law("SEC-050", "An older version comes back byte for byte, as the current one does.")
    async def old_versions_are_whole(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        for number, payload in enumerate(self.payloads(one.pipeline)):
            version = await one.set(f"s-{number}", payload)
            equal(payload, (await two.get(f"s-{number}")).reveal_bytes(), f"payload {number}")
            if _keeps_two(one):
                await one.set(f"s-{number}", b"newer")
                found = (await two.get(f"s-{number}", version=version)).reveal_bytes()
                equal(payload, found, f"payload {number}, no longer current")

    @law("SEC-051", "A value that is set again is a new version all the same.", needs=_VERSIONS)
    async def equal_values_are_versions(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        made = [await one.set("s", "same") for _ in range(3)]
        equal(3, len(set(made)), "versions of a value that was set three times")
        listed = [info.version for info in await two.list_versions("s")]
        kept = one.pipeline.driver.limits.versions_kept
        equal(made[::-1][:kept], listed, "the versions, listed")
        newest = await two.rotate("s", "same")
        that(newest not in made, "a rotation to the same value made no new version")
        equal([newest], [info.version for info in await one.list_versions("s")], "what is left")
        with refused(SecretNotFoundError, "an older version after a rotation without grace"):
            await one.get("s", version=made[-1])

    @law(
        "SEC-052",
        "A version was created when it was set, whenever that is asked.",
        needs=_VERSIONS,
    )
    async def creation_does_not_move(self, world: World[Any]) -> None:
        one = Secrets(await world.pipeline())
        first = await one.set("s", "first")
        created = {info.version: info.created for info in await one.list_versions("s")}[first]
        await world.sleep(_PAUSE)
        await one.get("s")
        await one.set("s", "second")
        later = {info.version: info.created for info in await one.list_versions("s")}
        if _keeps_two(one):
            equal(created, later.pop(first), "when the first version was created, asked again")
        (second,) = later.values()
        that(second > created, "the second version was not created after the first")


def _keeps_two(secrets: Secrets) -> bool:
    driver = secrets.pipeline.driver
    return SecretsFeature.VERSIONS in driver.features and driver.limits.versions_kept > 1
