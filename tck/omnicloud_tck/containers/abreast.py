"""Laws of reads at once: each is answered for what it asks, not for what another asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature
from omnicloud.contracts.containers.driver import Events, Rest, Sample
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.containers.bench import BUSY, PATIENCE, Bench, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["AbreastLaws"]

_F = ContainersFeature
_NAMES = ("one", "one-more", "two")
_PREFIXES = ("", "one", "one-", "t", "x")
_LABELS: tuple[dict[str, str], ...] = ({}, {"kind": "one"}, {"kind": "two"}, {"kind": "x"})
_SLEEPS = "echo ready; sleep 1000"
_WORK = 0.8  # seconds of it

Ask = tuple[str, Callable[[], Awaitable[object]], object]
"""What is asked, how, and the answer."""


class AbreastLaws(Bench):
    """Who asks at the same time asks for itself."""

    @law(
        "CON-196",
        "Reads at once through one client are each answered for their own name, prefix, labels "
        "and cursor.",
        rung=Rung.CONCURRENCY,
    )
    async def reads_share_nothing(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        features = containers.pipeline.driver.features
        ids: dict[str, str] = {}
        cursors: list[str] = []
        for name in _NAMES:
            if _F.EVENTS in features:
                cursors.append((await containers.pipeline.send(Events())).cursor)
            labels = {"kind": name.partition("-")[0]}
            ids[name] = (await self.begun(containers, spec(name, _SLEEPS, labels=labels))).id
            if _F.VOLUMES in features:
                await containers.create_volume(name)
            if _F.NETWORKS in features:
                await containers.create_network(name)
        asks = [*_of_names(containers, ids), *_lists(containers)]
        for turn in (asks, asks[::-1]):
            answers = await asyncio.gather(*(ask() for _, ask, _ in turn))
            for (about, _, expected), answer in zip(turn, answers, strict=True):
                equal(expected, answer, f"{about}, of {len(asks)} reads at once")
        if cursors:
            since = [(prefix, at) for prefix in _PREFIXES for at in range(len(_NAMES))]
            async with asyncio.timeout(3 * PATIENCE):
                await asyncio.gather(*(_started(containers, *one, cursors) for one in since))

    @law(
        "CON-197",
        "What containers use is told of each, also of two that are asked for at once.",
        needs=[_F.STATS],
        rung=Rung.CONCURRENCY,
        patience=600.0,
    )
    async def figures_are_of_each(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        send = containers.pipeline.send
        await self.begun(containers, spec("busy", BUSY))
        await self.begun(containers, spec("idle", _SLEEPS))

        async def worked() -> bool:
            return (await send(Sample("busy"))).cpu_seconds > _WORK

        await eventually(worked, world.sleep, 4 * PATIENCE, "some work")
        for names in (("busy", "idle"), ("idle", "busy")):
            told = await asyncio.gather(*(send(Sample(name)) for name in names))
            used = {name: one.cpu_seconds for name, one in zip(names, told, strict=True)}
            that(used["busy"] > _WORK > used["idle"], f"asked at once, they used {used}")


def _of_names(containers: Containers, ids: dict[str, str]) -> list[Ask]:
    async def got(name: str) -> object:
        found = await containers.get(name)
        return found and (found.name, found.id)

    async def rested(name: str) -> object:
        found = await containers.pipeline.send(Rest(name, 0.3))
        return found.name, found.id

    asks: list[Ask] = [("get of none", partial(got, "none"), None)]
    for name, id_ in ids.items():
        asks.append((f"get of {name}", partial(got, name), (name, id_)))
        asks.append((f"wait for {name}", partial(rested, name), (name, id_)))
    return asks


def _lists(containers: Containers) -> list[Ask]:
    features = containers.pipeline.driver.features

    async def listed(prefix: str, labels: dict[str, str]) -> object:
        return tuple(one.name for one in await containers.list(prefix, labels=labels))

    asks: list[Ask] = []
    for prefix in _PREFIXES:
        under = tuple(name for name in _NAMES if name.startswith(prefix))
        for labels in _LABELS:
            those = tuple(name for name in under if name.startswith(labels.get("kind", "")))
            asks.append((f"list({prefix!r}, {labels})", partial(listed, prefix, labels), those))
        for feature, read in ((_F.VOLUMES, containers.volumes), (_F.NETWORKS, containers.networks)):
            if feature in features:
                asks.append((f"{feature.value} under {prefix!r}", partial(read, prefix), under))
    return asks


async def _started(containers: Containers, prefix: str, at: int, cursors: list[str]) -> None:
    """Break the law unless events tell the starts under a prefix since a cursor, no others."""
    left = [name for name in _NAMES[at:] if name.startswith(prefix)]
    cursor = cursors[at]
    about = f"events under {prefix!r} since the start of {_NAMES[at]}"
    while True:  # the order of two containers is nobody's promise
        page = await containers.pipeline.send(Events(prefix, cursor, 1.0))
        for event in page.events:
            that(event.name in left, f"{about}: {event.name} {event.kind.value} was told")
            left.remove(event.name)
        if not left:
            return
        cursor = page.cursor
