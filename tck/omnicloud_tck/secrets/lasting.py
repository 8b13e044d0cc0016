"""The laws of secrets over stepped clocks, equal values and long silences."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud.contracts.secrets.driver import Await
from omnicloud.errors import OmniCloudError, SecretNotFoundError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["LastingLaws"]

_F = SecretsFeature
_HOUR = 3600.0
_GRACE = 60.0
_NEAR = 2.0  # seconds that what is told of a grace may be off
_POLLS = 20  # of a watcher to whom nothing happens


class LastingLaws(Contract):
    """A grace is a time, and a version is a version, whatever is in it."""

    @law(
        "SEC-053",
        "A step of the wall clock ends no grace, prolongs none, and changes none that is told.",
        needs=[_F.VERSIONS],
        abilities=[Ability.STEP_WALL],
    )
    async def a_clock_step_changes_no_grace(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        began = world.clock.monotonic()
        old = {name: await one.set(name, "old") for name in ("long", "short")}
        await one.rotate("long", "new", grace=_GRACE)
        await one.rotate("short", "new", grace=2.0)
        for step in (2 * _HOUR, -4 * _HOUR, 2 * _HOUR):
            world.step_wall(step)
            that(await two.get("long", version=old["long"]) == "old", "within its grace")
            told = [info.expires_in for info in await two.list_versions("long")][1:]
            left = _GRACE - (world.clock.monotonic() - began)
            near = len(told) == 1 and told[0] is not None and abs(told[0] - left) < _NEAR
            that(near, f"of a grace with {left:.0f} s left {told} are told after a step")
        await world.sleep(2.2)
        with refused(SecretNotFoundError, "a version after its grace, steps between"):
            await two.get("short", version=old["short"])

    @law(
        "SEC-068",
        "Versions are told in the order in which they were made, whatever the wall clock says.",
        needs=[_F.VERSIONS],
        abilities=[Ability.STEP_WALL],
    )
    async def versions_are_told_as_they_were_made(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        made, before = [await one.set("k", "first")], "first"
        for step in (2 * _HOUR, -4 * _HOUR, -1.0, 0.0, 3 * _HOUR):
            world.step_wall(step)
            change = one.rotate("k", f"{step}", grace=_GRACE) if step else one.set("k", "plain")
            made.insert(0, await change)
            told = [info.version for info in await two.list_versions("k")]
            equal(made[:2], told[:2], f"the newest versions, the clock set by {step:g} s between")
            found = (await two.previous("k")).reveal()
            equal(before, found, f"the one before, the clock set by {step:g} s between")
            before = f"{step}" if step else "plain"

    @law(
        "SEC-054",
        "A watch is told of each new version, also of an equal value, and one that came again.",
        needs=[_F.WATCH],
    )
    async def equal_values_are_changes(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        rotates = _F.VERSIONS in one.pipeline.driver.features
        known = await one.set("k", "same")
        first = await two.pipeline.send(Await("k"))
        equal(known, first, "the version at first")
        for turn in range(4):
            waiting = asyncio.ensure_future(two.pipeline.send(Await("k", known, 10.0)))
            await world.sleep(0.2)
            if turn == 2:
                await one.delete("k")
                equal(None, await waiting, "the version of a deleted secret")
                waiting = asyncio.ensure_future(two.pipeline.send(Await("k", None, 10.0)))
            if turn % 2 and rotates:
                made = await one.rotate("k", "same", grace=_GRACE)
            else:
                made = await one.set("k", "same")
            equal(made, await waiting, "the version that a watch is told")
            known = made

    @law(
        "SEC-055",
        "A watch to which nothing happens for long is told of what happens then.",
        needs=[_F.WATCH],
        rung=Rung.RESILIENCE,
        patience=3600.0,
    )
    async def idle_watches_are_told(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        known = await one.set("k", "before")
        polls, wait = (_POLLS, 20.0) if world.virtual else (4, 0.5)
        for _ in range(polls):
            told = await two.pipeline.send(Await("k", known, wait))
            equal(known, told, "the version of what did not change")
        waiting = asyncio.ensure_future(two.pipeline.send(Await("k", known, 10.0)))
        await world.sleep(0.3)
        made = await one.set("k", "after")
        equal(made, await waiting, "the version told after a long silence")

    @law(
        "SEC-066",
        "An outage is no change: who waits is told of an error or of nothing, never of a version "
        "or a deletion.",
        needs=[_F.WATCH],
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_is_no_change(self, world: World[Any]) -> None:
        one, two = Secrets(await world.pipeline()), Secrets(await world.pipeline())
        known = {"there": await one.set("there", "before"), "absent": None}
        waiting = [_polled(two, name, version, 3.0) for name, version in known.items()]
        await world.sleep(0.3)
        async with world.outage():
            await world.sleep(0.5)
            for name, version in known.items():
                await _polled(one, name, version, 0.3)
        await asyncio.gather(*waiting)
        told: str | None = await two.pipeline.send(Await("there"))
        equal(known["there"], told, "after the outage")


def _polled(secrets: Secrets, name: str, known: str | None, wait: float) -> asyncio.Future[None]:
    """A poll that is under way, which may end in an error, but in no change."""

    async def poll() -> None:
        try:
            told: str | None = await secrets.pipeline.send(Await(name, known, wait))
        except OmniCloudError as error:
            that(error.transient, f"{type(error).__name__} is told of {name!r} in an outage")
        else:
            equal(known, told, f"what is told of {name!r} in an outage")

    return asyncio.ensure_future(poll())
