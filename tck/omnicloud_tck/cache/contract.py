"""The laws of the cache contract: what is got, and what is never got again."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Get
from omnicloud.core.codec import BYTES, codec_for
from omnicloud.core.operation import Feature
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.cache.bounds import BoundLaws
from omnicloud_tck.cache.changes import ChangeLaws
from omnicloud_tck.cache.claim_kin import ClaimKinLaws
from omnicloud_tck.cache.flights import FlightLaws
from omnicloud_tck.cache.histories import CacheHistories
from omnicloud_tck.cache.more import CacheMore
from omnicloud_tck.cache.naming import NamingLaws
from omnicloud_tck.cache.programs import CachePrograms
from omnicloud_tck.cache.room import RoomLaws
from omnicloud_tck.cache.ways import WaysLaws
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.steady import Steady
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.world import World

__all__ = ["CacheContract"]

_SLACK = 0.15  # seconds that a time to live may be off, either way
_TOUCH = [CacheFeature.TOUCH]
_CLEAR = [CacheFeature.CLEAR]


class CacheContract(
    CacheMore,
    FlightLaws,
    ClaimKinLaws,
    WaysLaws,
    ChangeLaws,
    RoomLaws,
    NamingLaws,
    BoundLaws,
    CacheHistories,
    CachePrograms,
    Steady,
):
    """Every promise of ``Cache``.

    A cache may evict. The laws write a few hundred small entries at most, and take it that a
    backend no one else uses has room for those. Random programs write more: over the bounds that
    a driver declares, they take it that what is gone was evicted.
    """

    contract = "cache"

    async def portable(self, world: World[Any]) -> Cache[bytes]:
        return Cache(await world.pipeline(), BYTES, clock=world.clock)

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await Cache(pipeline, BYTES).set(name, payload)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        return await Cache(pipeline, BYTES).get(name)

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await Cache(pipeline, BYTES).delete(name)

    # Values

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.value_max_bytes
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    @law(
        "CA-001", "The last value set is the value got, whatever was there before.", rung=Rung.SHAPE
    )
    async def the_last_value_is_got(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for value in (b"first", b"second", b"", b"second", b"longer than second", b"s"):
            await one.set("k", value)
            for reader in (two, one, two):
                equal(value, await reader.get("k"), "value")

    @law("CA-002", "A deleted key is None, and can be set again.", rung=Rung.SHAPE)
    async def deleted_is_gone(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(5):
            for ttl in (None, 60):
                await one.set(f"k{number}", b"x", ttl)
                equal(b"x", await two.get(f"k{number}"), "a key before it is deleted")
                await two.delete(f"k{number}")
                equal(None, await one.get(f"k{number}"), "a deleted key")
                equal(None, await two.get(f"k{number}"), "a deleted key")
        await one.set("k0", b"again")
        equal(b"again", await two.get("k0"), "a key set again")

    @law("CA-003", "A few hundred small entries fit, or as many as max_entries says.")
    async def entries_fit(self, world: World[Any]) -> None:
        cache = await self.portable(world)
        count = min(300, cache.pipeline.driver.limits.max_entries or 300)
        for number in range(count):
            await cache.set(f"many-{number}", b"value %d" % number, 60 if number % 2 else None)
        found = 0
        for number in range(count):
            value = await cache.get(f"many-{number}")
            that(value in (None, b"value %d" % number), f"entry {number} has another's value")
            found += value is not None
        that(found >= 0.75 * count, f"of {count} entries just written {found} are there")

    @law("CA-004", "A value of value_max_bytes is kept, one byte more is refused.", rung=Rung.SHAPE)
    async def the_value_limit_is_true(self, world: World[Any]) -> None:
        cache = await self.portable(world)
        limit = cache.pipeline.driver.limits.value_max_bytes
        size = min(limit, (16 if world.virtual else 8) << 20)
        value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        await cache.set("k", value)
        that(await cache.get("k") == value, f"a value of {size} bytes came back changed")
        if size == limit:
            with refused(InvalidArgumentError, "a value over the limit"):
                await cache.set("k", value + b"x")

    @law("CA-005", "Values come back with the type they had.", rung=Rung.SHAPE)
    async def types_are_kept(self, world: World[Any]) -> None:
        values: tuple[Any, ...] = (5, "5", 5.5, True, "", [1, "1"], {"n": None})
        for number, value in enumerate(values):
            cache = Cache[Any](await world.pipeline(), codec_for(type(value)))
            await cache.set(f"k{number}", value)
            equal(value, await cache.get(f"k{number}"), "value")

    # Times to live

    @law("CA-010", "An entry lives as long as its time to live, fractions included, no longer.")
    async def entries_end_in_time(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        lives = (0.4, 0.9, 1.5, 2.2)
        started, ends = world.clock.monotonic(), dict[float, float]()
        for life in lives:
            asked = world.clock.monotonic()
            await one.set(f"{life}", b"x", life)
            ends[life] = world.clock.monotonic() + life
            entry = await two.pipeline.send(Get(f"{life}"))
            left = None if entry is None else entry.expires_in
            least = life - _SLACK - (world.clock.monotonic() - asked)
            near = left is not None and least < left < life + _SLACK
            that(near, f"{life} s to live, said {left}")
        await one.set("for ever", b"x")
        for moment in (0.2, 0.65, 1.2, 1.8, 2.5):
            await world.sleep(max(0.0, started + moment - world.clock.monotonic()))
            for life in lives:
                asked = world.clock.monotonic()
                value = await two.get(f"{life}")
                late = world.clock.monotonic() - started
                if late < life - _SLACK:
                    equal(b"x", value, f"an entry of {life} s after {late:.2f} s")
                elif asked > ends[life] + _SLACK:
                    equal(None, value, f"an entry of {life} s after {late:.2f} s")
        equal(b"x", await two.get("for ever"), "an entry without a time to live")

    @law("CA-011", "Reading prolongs no life.")
    async def reading_does_not_prolong(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        started = world.clock.monotonic()
        await one.set("k", b"x", 1.0)
        while world.clock.monotonic() - started < 0.9:
            await one.get("k")
            await two.get("k")
            await world.sleep(0.1)
        await world.sleep(max(0.0, started + 1.0 + _SLACK - world.clock.monotonic()))
        equal(None, await one.get("k"), "an entry that was read while it lived")
        equal(None, await two.get("k"), "an entry that was read while it lived")

    @law("CA-012", "Each write decides the time to live anew, whatever the key had before.")
    async def each_write_decides_anew(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for key, first, second in (
            ("longer", 0.5, 60),
            ("for ever", 0.5, None),
            ("shorter", 60, 0.5),
            ("no more for ever", None, 0.5),
        ):
            await one.set(key, b"old", first)
            await two.set(key, b"new", second)
        await one.set("deleted", b"old", 0.5)
        await two.delete("deleted")
        await one.set("deleted", b"new")
        await world.sleep(0.5 + _SLACK)
        for key in ("longer", "for ever", "deleted"):
            equal(b"new", await two.get(key), f"{key!r}, after the end of the first write")
        for key in ("shorter", "no more for ever"):
            equal(None, await one.get(key), f"{key!r}, after the end of the second write")
        await one.set("shorter", b"risen", 60)
        equal(b"risen", await two.get("shorter"), "an expired key written anew")

    @law(
        "CA-013",
        "A write at the end of a life stays, also where others read just then.",
        rung=Rung.CONCURRENCY,
    )
    async def readers_remove_nothing_fresh(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(24):
            await one.set(f"k{number}", b"old", 0.2)
        await world.sleep(0.2 + _SLACK)
        for number in range(24):
            key = f"k{number}"
            reads = [asyncio.ensure_future(cache.get(key)) for cache in (one, two)]
            for _ in range(number // 2):
                await asyncio.sleep(0)
            await (two if number % 2 else one).set(key, b"new", 60)
            that(b"old" not in await asyncio.gather(*reads), "an expired value was read")
            equal(b"new", await one.get(key), "a value written while the expired one was read")

    @law(
        "CA-014",
        "A time to live that is not positive is refused, and nothing is written.",
        rung=Rung.SHAPE,
    )
    async def no_life_is_refused(self, world: World[Any]) -> None:
        cache = await self.portable(world)
        await cache.set("kept", b"kept")
        for ttl in (0, -1, -0.5):
            for key in ("k", "kept"):
                with refused(InvalidArgumentError, f"a time to live of {ttl} s"):
                    await cache.set(key, b"x", ttl)
        equal(None, await cache.get("k"), "what was refused")
        equal(b"kept", await cache.get("kept"), "what was there")

    @law(
        "CA-015",
        "A step of the wall clock neither ends nor prolongs a life.",
        level=Level.SHOULD,
        abilities=[Ability.STEP_WALL],
    )
    async def wall_clocks_do_not_matter(self, world: World[Any]) -> None:
        cache = await self.portable(world)
        await cache.set("long", b"x", 60)
        world.step_wall(3600)
        equal(b"x", await cache.get("long"), "an entry after the wall clock went forward")
        await cache.set("short", b"x", 0.5)
        world.step_wall(-7200)
        await world.sleep(0.5 + _SLACK)
        equal(None, await cache.get("short"), "an entry after the wall clock went back")

    @law(
        "CA-016", "Expired entries are freed.", level=Level.SHOULD, alone=True, rung=Rung.RESILIENCE
    )
    async def the_expired_are_freed(self, world: World[Any]) -> None:
        cache = await self.portable(world)
        with _traced():
            before = tracemalloc.get_traced_memory()[0]
            size = min(10_000, cache.pipeline.driver.limits.value_max_bytes // 3)
            count = min(1000, 4_000_000 // size)
            for number in range(count):
                await cache.set(f"k{number}", b"%03d" % (number % 1000) * size, 0.1)
            await world.sleep(1.0)
            for number in range(100):
                await cache.set(f"other{number % 5}", b"x", 60)
                await cache.get(f"k{number}")
            kept = tracemalloc.get_traced_memory()[0] - before
        that(
            kept < 3 << 20,
            f"of {3 * size * count >> 20} MiB that expired {kept >> 20} MiB are kept in memory",
        )

    @law("CA-020", "touch decides the time to live anew and changes nothing else.", needs=_TOUCH)
    async def touching_decides_anew(self, world: World[Any]) -> None:
        one, two, looker = [await self.portable(world) for _ in range(3)]
        equal(False, await one.touch("missing", 60), "touching what is not there")
        equal(None, await one.get("missing"), "what was touched and is not there")
        for key, first, second in (
            ("longer", 0.5, 60.0),
            ("shorter", 60.0, 0.5),
            ("for ever", 0.5, None),
            ("no more", None, 0.5),
        ):
            await one.set(key, key.encode(), first)
            if first is None or first > 1:  # who may keep near it what it has read
                equal(key.encode(), await looker.get(key), f"the value of {key!r} before")
            equal(True, await two.touch(key, second), f"touching {key!r}")
            equal(key.encode(), await one.get(key), f"the value of {key!r}")
        await one.set("fraction", b"x", 60)
        equal(True, await one.touch("fraction", 1.2), "touching")
        await world.sleep(0.5 + _SLACK)
        for key in ("longer", "for ever", "fraction"):
            that(await two.get(key) is not None, f"{key!r} ended before its new time")
        for key in ("shorter", "no more"):
            for reader in (two, looker):
                equal(None, await reader.get(key), f"{key!r} after its new time")
            equal(False, await two.touch(key, 60), "touching what expired")
            equal(None, await one.get(key), "what was touched after it expired")
        await world.sleep(0.7)
        equal(None, await two.get("fraction"), "an entry touched to live for 1.2 s")

    @law("CA-021", "clear deletes every key of its prefix, and no other.", needs=_CLEAR)
    async def clearing_goes_by_prefix(self, world: World[Any]) -> None:
        one, two, looker = [await self.portable(world) for _ in range(3)]
        keys = {
            "a",
            "ab",
            "a/b",
            "A",
            "b",
            "%",
            "%x",
            "_x",
            "xx",
            "*",
            "a*b",
            "[a]",
            "~a",
            "é",
            "e",
        }
        for prefix in ("a", "a/", "%", "_", "*", "a*", "[", "~", "é", "nothing", ""):
            for key in sorted(keys):
                await one.set(key, key.encode(), 60 if prefix else None)
                # Who may keep near it what it has read.
                equal(key.encode(), await looker.get(key), f"{key!r} before the clear")
            await two.clear(prefix)
            for key in sorted(keys):
                expected = None if key.startswith(prefix) else key.encode()
                for reader in (one, looker):
                    found = await reader.get(key)
                    equal(expected, found, f"{key!r} after clear({prefix!r})")
        for number in range(250):
            await one.set(f"many-{number}", b"x")
        await two.clear("many-")
        for number in range(250):
            equal(None, await one.get(f"many-{number}"), f"key {number} of 250 that were cleared")
        await one.set("many-1", b"again")
        equal(b"again", await two.get("many-1"), "a cleared key set again")

    @law("CA-022", "clear stays within its tenant.", needs=_CLEAR, rung=Rung.TRUST)
    async def clearing_stays_at_home(self, world: World[Any]) -> None:
        from omnicloud_tck.probes import Scoping

        tenants = ("acme", "acme2", None)
        caches = [Cache(await world.pipeline(Scoping(tenant)), BYTES) for tenant in tenants]
        for gone, cache in enumerate(caches):
            for prefix in ("", "k", "~"):
                for every in caches:
                    await every.set("k", b"x")
                    await every.set("~acme/k", b"x")
                await cache.clear(prefix)
                for other, each in enumerate(caches):
                    for key in ("k", "~acme/k"):
                        expected = None if other == gone and key.startswith(prefix) else b"x"
                        found = await each.get(key)
                        about = f"{key!r} of {tenants[other]!r} after {tenants[gone]!r} cleared"
                        equal(expected, found, f"{about} {prefix!r}")

    # Models

    @law(
        "CA-090",
        "Whatever is done in whatever order, by two clients, the cache follows its model.",
        machine=True,
    )
    def it_follows_the_model(self, lab: Lab) -> None:
        from hypothesis import given
        from hypothesis import strategies as st

        clients = [lab.run(self.portable(lab.world)) for _ in range(2)]
        features = lab.run(_features(lab.world))
        verbs = ["get", "set", "delete"]
        verbs += ["touch"] if CacheFeature.TOUCH in features else []
        verbs += ["clear"] if CacheFeature.CLEAR in features else []
        keys = st.sampled_from(("a", "ab", "b", "é", "%"))
        values = st.sampled_from((b"", b"0", b"\0\xff", b"text"))
        one = st.tuples(st.sampled_from(verbs), st.integers(0, 1), keys, values, st.booleans())
        number = 0

        @drawn(lab)
        @given(steps=st.lists(one, max_size=30))
        def follow(steps: list[Any]) -> None:
            nonlocal number
            number += 1
            lab.run(_follow(f"model-{number}-", steps, clients))

        follow()


async def _follow(prefix: str, steps: list[Any], clients: list[Cache[bytes]]) -> None:
    model: dict[str, bytes] = {}
    for verb, client, name, value, lasting in steps:
        cache, key, ttl = clients[client], prefix + name, None if lasting else 600
        if verb == "get":
            equal(model.get(key), await cache.get(key), f"get {name!r}")
        elif verb == "set":
            model[key] = value
            await cache.set(key, value, ttl)
        elif verb == "delete":
            model.pop(key, None)
            await cache.delete(key)
        elif verb == "touch":
            equal(key in model, await cache.touch(key, ttl), f"touch {name!r}")
        else:
            model = {each: kept for each, kept in model.items() if not each.startswith(key)}
            await cache.clear(key)
    for name in ("a", "ab", "b", "é", "%"):
        equal(model.get(prefix + name), await clients[0].get(prefix + name), f"{name!r} in the end")


async def _features(world: World[Any]) -> frozenset[Feature]:
    features: frozenset[Feature] = (await world.driver()).features
    return features


@contextlib.contextmanager
def _traced() -> Any:
    """Trace memory inside the block, unless someone does already."""
    mine = not tracemalloc.is_tracing()
    if mine:
        tracemalloc.start()
    try:
        yield
    finally:
        if mine:
            tracemalloc.stop()
