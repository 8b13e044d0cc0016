"""Laws of times to live."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.kv import KVFeature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Ability, Level, law
from omnicloud_tck.world import World

__all__ = ["EndLaws"]

_TTL = [KVFeature.TTL]
_CAS = [KVFeature.COMPARE_AND_SET]
_SLACK = 0.15  # seconds that a time to live may be off, either way
_SHORTEST = (0.001, 0.0014, 0.004, 0.0099, 0.01)


class EndLaws(KVBench):
    """A time to live is kept, and nothing else ends a key."""

    @law(
        "KV-020",
        "A key with a time to live is there before it ends and gone after, to a tenth of a second.",
        needs=_TTL,
    )
    async def a_ttl_ends_on_time(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        begun: dict[str, tuple[float, float]] = {}
        for name, ttl in (("short", 0.5), ("long", 2.0), ("odd", 1.3)):
            before = world.clock.monotonic()
            await one.set(name, b"x", ttl=ttl)
            begun[name] = before, world.clock.monotonic()
        for name, ttl in (("short", 0.5), ("odd", 1.3), ("long", 2.0)):
            earliest, latest = (moment + ttl for moment in begun[name])
            await self._until(world, earliest - _SLACK)
            found = await two.get(name)
            if world.clock.monotonic() < earliest:  # else the look came too late to say anything
                equal(b"x", found, f"{name}, shortly before its {ttl} s end")
            await self._until(world, latest + _SLACK)
            equal(None, await two.get(name), f"{name}, shortly after its {ttl} s end")
            equal(None, await two.get_entry(name), f"the entry of {name} after its end")
            equal(False, await one.delete(name), f"delete of {name} after its end")

    async def _until(self, world: World[Any], moment: float) -> None:
        await world.sleep(max(0.0, moment - world.clock.monotonic()))

    @law(
        "KV-021",
        "A write decides the time to live anew: none means for ever, whatever was before.",
        needs=_TTL,
    )
    async def a_write_decides_the_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("kept", b"x", ttl=0.4)
        await kv.set("kept", b"y")
        await kv.set("longer", b"x", ttl=0.4)
        await kv.set("longer", b"y", ttl=60)
        await kv.set("shorter", b"x", ttl=60)
        await kv.set("shorter", b"y", ttl=0.4)
        await kv.set("later", b"x")
        await kv.set("later", b"y", ttl=0.4)
        entry = await kv.get_entry("kept")
        that(entry is not None and entry.expires_in is None, "a key without ttl has an expiry")
        await world.sleep(0.4 + _SLACK)
        equal(b"y", await kv.get("kept"), "written again without ttl")
        equal(b"y", await kv.get("longer"), "written again with a longer ttl")
        equal(None, await kv.get("shorter"), "written again with a shorter ttl")
        equal(None, await kv.get("later"), "written again with a ttl")

    @law(
        "KV-022",
        "A conditional write honours its ttl, and its absence, as any other.",
        needs=_TTL + _CAS,
    )
    async def a_conditional_write_honours_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        version = await kv.set("k", b"x", ttl=60, if_absent=True)
        await kv.set("k", b"y", ttl=0.4, if_version=version)
        version = await kv.set("ever", b"x", ttl=0.4)
        await kv.set("ever", b"y", if_version=version)
        await kv.set("born", b"x", ttl=0.4, if_absent=True)
        await world.sleep(0.4 + _SLACK)
        equal(None, await kv.get("k"), "a compare-and-set with a ttl")
        equal(b"y", await kv.get("ever"), "a compare-and-set without a ttl")
        await kv.set("born", b"again", if_absent=True)
        equal(b"again", await kv.get("born"), "if_absent over an expired key")

    @law(
        "KV-023",
        "Reading does not prolong a life, and get_entry tells how much is left.",
        needs=_TTL,
    )
    async def reading_does_not_prolong(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        life, start = 2.0, world.clock.monotonic()
        await kv.set("k", b"x", ttl=life)
        written = world.clock.monotonic()
        for moment in (0.4, 0.8, 1.2, 1.4):
            await self._until(world, start + moment)
            await kv.get("k")
            asked = world.clock.monotonic()
            entry = await kv.get_entry("k")
            told = world.clock.monotonic()
            if told < start + life - _SLACK:
                that(entry is not None, "it is gone before its time")
                left = None if entry is None else entry.expires_in
                least, most = start + life - told, written + life - asked
                that(
                    left is not None and least - _SLACK < left < most + _SLACK,
                    f"{most:.2f} s before its end get_entry tells {left}",
                )
        await self._until(world, written + life + _SLACK)
        equal(None, await kv.get("k"), "read again and again before its end")

    @law("KV-024", "An expired version is stale.", needs=_TTL + _CAS)
    async def an_expired_version_is_stale(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        version = await kv.set("k", b"x", ttl=0.3)
        await world.sleep(0.3 + _SLACK)
        with refused(ConflictError, "a write over an expired version"):
            await kv.set("k", b"y", if_version=version)
        with refused(ConflictError, "a delete of an expired version"):
            await kv.delete("k", if_version=version)
        equal(None, await kv.get("k"), "after the refused write")

    @law(
        "KV-025",
        "A time to live counts by elapsed time: a step of the wall clock moves no end.",
        needs=_TTL,
        abilities=[Ability.STEP_WALL],
        level=Level.SHOULD,
    )
    async def ttl_ignores_wall_steps(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("k", b"x", ttl=1.0)
        world.step_wall(3600)
        equal(b"x", await kv.get("k"), "after the wall clock stepped forward")
        world.step_wall(-7200)
        await world.sleep(1.0 + _SLACK)
        equal(None, await kv.get("k"), "after its end, the wall clock stepped back")

    @law("KV-179", "A life of a millisecond is one: it ends, however it was given.", needs=_TTL)
    async def short_lives_end(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        features = kv.pipeline.driver.features
        ways = ["set", "again"]
        for ttl in _SHORTEST:
            await kv.set(f"again {ttl}", b"x", ttl=60)
            await kv.set(f"again {ttl}", b"y", ttl=ttl)
            await kv.set(f"set {ttl}", b"x", ttl=ttl)
            if KVFeature.COMPARE_AND_SET in features:
                await kv.set(f"made {ttl}", b"x", ttl=ttl, if_absent=True)
                ways.append("made")
            if KVFeature.BATCH in features:
                await kv.set_many({f"batch {ttl}": b"x"}, ttl=ttl)
                ways.append("batch")
        await world.sleep(2 * _SLACK)
        for way in dict.fromkeys(ways):
            for ttl in _SHORTEST:
                equal(None, await kv.get(f"{way} {ttl}"), f"{way!r}, to live for {ttl} s")
