"""The laws of secrets about many versions, rotations under way, outages and tenants."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud.contracts.secrets.driver import Await
from omnicloud.errors import SecretNotFoundError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.telling import refusal
from omnicloud_tck.world import World

__all__ = ["SecretsMore"]

_VERSIONS = [SecretsFeature.VERSIONS]
_MOST_VERSIONS = 40
_MANY, _MANY_OVER_A_WIRE, _AT_ONCE = 1100, 110, 10
_CLOCKS_APART = 600.0  # seconds by which a server's clock may differ from ours


class SecretsMore(Contract):
    """What is promised beyond the usual cases."""

    @law(
        "SEC-040",
        "Of more versions than are kept the newest stay, listed newest first.",
        needs=_VERSIONS,
    )
    async def the_newest_stay(self, world: World[Any]) -> None:
        secrets, other = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        kept = secrets.pipeline.driver.limits.versions_kept
        made: list[str] = []
        for number in range(min(kept, _MOST_VERSIONS) + 12):
            made.append(await secrets.set("k", f"value {number}"))
            listed = [info.version for info in await other.list_versions("k")]
            equal(made[::-1][:kept], listed, f"versions after {number + 1} writes")
        for number, version in enumerate(made):
            if number >= len(made) - kept:
                got = await other.get("k", version=version)
                that(got == f"value {number}", f"version {number} has another value")
            else:
                with refused(SecretNotFoundError, "a version older than those that are kept"):
                    await other.get("k", version=version)

    @law("SEC-045", "A rotation leaves each version its grace and tells how much.", needs=_VERSIONS)
    async def graces_are_told(self, world: World[Any]) -> None:
        secrets = Secrets(await world.pipeline())
        count = min(4, secrets.pipeline.driver.limits.versions_kept - 1)
        made = [await secrets.set("k", f"value {number}") for number in range(count)]
        if world.virtual:  # a grace counts from the rotation, however old what it ends is
            await world.sleep(40.0)
        made.append(await secrets.rotate("k", "rotated", grace=60))
        started = world.clock.monotonic()
        for _ in range(3):
            listed = await secrets.list_versions("k")
            equal(made[::-1], [info.version for info in listed], "versions within their grace")
            equal(None, listed[0].expires_in, "the end of the current version")
            left = 60 - (world.clock.monotonic() - started)
            wall = world.clock.wall()
            for info in listed:
                that(abs(info.created - wall) < _CLOCKS_APART, f"created at {info.created:.0f}")
            for info in listed[1:]:
                near = info.expires_in is not None and abs(info.expires_in - left) < 0.5
                that(near, f"of a grace with {left:.1f} s left {info.expires_in} are told")
            for number in range(count):
                got = await secrets.get("k", version=made[number])
                that(got == f"value {number}", f"version {number} within its grace")
            await world.sleep(0.8)

    @law(
        "SEC-041",
        "Of concurrent writes each makes a version, and no two the same.",
        needs=_VERSIONS,
        rung=Rung.CONCURRENCY,
    )
    async def concurrent_writes_all_count(self, world: World[Any]) -> None:
        clients = [Secrets(await world.pipeline()) for _ in range(3)]
        count = min(6, clients[0].pipeline.driver.limits.versions_kept)
        for turn in range(4):
            name = f"k{turn}"
            made = [await clients[0].set(name, "value 0")]
            writes = (clients[n % 3].set(name, f"value {n}") for n in range(1, count))
            made += await asyncio.gather(*writes)
            listed = [info.version for info in await clients[0].list_versions(name)]
            equal(sorted(made), sorted(listed), f"versions of {count} writes, most of them at once")
            for number, version in enumerate(made):
                got = await clients[1].get(name, version=version)
                that(got == f"value {number}", "a version has the value of another")
            current = await clients[2].get(name)
            equal(listed[0], current.version, "the current version, which is listed first")

    @law(
        "SEC-042",
        "While a secret is written or rotated every reader finds it, old or new.",
        rung=Rung.CONCURRENCY,
    )
    async def a_secret_is_never_absent(self, world: World[Any]) -> None:
        writer, reader = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        rotates = SecretsFeature.VERSIONS in writer.pipeline.driver.features
        await writer.set("k", "0")

        async def write() -> None:
            for number in range(1, 30):
                if rotates and number % 3 < 2:
                    await writer.rotate("k", f"{number}", grace=60 * (number % 3))
                else:
                    await writer.set("k", f"{number}")

        writing, last = asyncio.ensure_future(write()), 0
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            try:
                now = int((await reader.get("k")).reveal())
            except SecretNotFoundError:
                that(False, "a secret was absent while it was written")
                return
            that(now >= last, f"value {now} was read after {last}")
            last = now
        await writing

    @law(
        "SEC-043",
        "A grace ends on time, an outage between or not.",
        needs=_VERSIONS,
        abilities=[Ability.OUTAGE],
    )
    async def graces_end_through_an_outage(self, world: World[Any]) -> None:
        secrets = Secrets(await world.pipeline())
        old = await secrets.set("k", "old")
        new = await secrets.rotate("k", "new", grace=2.0)
        async with world.outage():
            await refusal(secrets.get("k"), "a read in an outage")
        that(await secrets.get("k") == "new", "the current value after an outage")
        that(await secrets.get("k", version=old) == "old", "the old version, within its grace")
        await world.sleep(2.3)
        with refused(SecretNotFoundError, "the old version after its grace"):
            await secrets.get("k", version=old)
        equal([new], [i.version for i in await secrets.list_versions("k")], "versions after it")

    @law("SEC-044", "Versions, listings and deletions stay within their tenant.", rung=Rung.TRUST)
    async def every_request_stays_at_home(self, world: World[Any]) -> None:
        tenants = ("acme", "acme2", None)
        rooms = [Secrets(await world.pipeline(Scoping(tenant))) for tenant in tenants]
        made: list[list[str]] = []
        for number, secrets in enumerate(rooms):
            made.append([await secrets.set("k", f"{number} {turn}") for turn in range(2)])
            await secrets.set(f"only-{number}", "x")
        for number, secrets in enumerate(rooms):
            names = [name async for name in secrets.list()]
            equal(["k", f"only-{number}"], names, f"names of {tenants[number]!r}")
            if SecretsFeature.VERSIONS in secrets.pipeline.driver.features:
                await self._has_own_versions(secrets, number, made)
        await self._deletes_its_own(rooms, made)

    async def _has_own_versions(self, secrets: Secrets, number: int, made: list[list[str]]) -> None:
        listed = [info.version for info in await secrets.list_versions("k")]
        equal(made[number][::-1], listed, "versions of one of three tenants")
        for other, versions in enumerate(made):
            for turn, version in enumerate(versions):
                if other == number:
                    got = await secrets.get("k", version=version)
                    that(got == f"{number} {turn}", "a version of a tenant has another's value")
                elif version not in made[number]:
                    with refused(SecretNotFoundError, "a version of another tenant"):
                        await secrets.get("k", version=version)

    async def _deletes_its_own(self, rooms: list[Secrets], made: list[list[str]]) -> None:
        watches = SecretsFeature.WATCH in rooms[0].pipeline.driver.features
        for gone, secrets in enumerate(rooms):
            await secrets.delete("k")
            for number, other in enumerate(rooms):
                if number <= gone:
                    with refused(SecretNotFoundError, "what its tenant deleted"):
                        await other.get("k")
                else:
                    that(await other.get("k") == f"{number} 1", "another tenant's was deleted")
                if watches:
                    expected = None if number <= gone else made[number][-1]
                    told = await other.pipeline.send(Await("k", expected, 0.0))
                    equal(expected, told, "the version that a watch is told")

    @law("SEC-065", "However many secrets there are, all are listed, and the last is one of them.")
    async def many_are_listed(self, world: World[Any]) -> None:
        secrets = Secrets(await world.pipeline())
        count = _MANY if world.virtual else _MANY_OVER_A_WIRE
        names = [f"many/{number:04}" for number in range(count)]
        for first in range(0, count, _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            await asyncio.gather(*(secrets.set(name, name) for name in some))
        equal(names, [name async for name in secrets.list("many/")], "the names of many secrets")
        that(await secrets.get(names[-1]) == names[-1], "the last of many has another value")
        equal(True, await secrets.delete(names[-1]), "whether the last of many was there")
        found = [name async for name in secrets.list()]
        equal(names[:-1], found, "the names of many secrets, without the last")
