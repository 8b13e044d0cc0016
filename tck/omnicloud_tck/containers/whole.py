"""Laws of whole rounds: all verbs, under any name, after any time, among any number."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature, Mount, State
from omnicloud.contracts.containers.driver import Rest
from omnicloud_tck.check import equal, that
from omnicloud_tck.containers.bench import PATIENCE, Bench, spec
from omnicloud_tck.containers.imaging import archive, one_image
from omnicloud_tck.containers.interludes import interludes
from omnicloud_tck.containers.missing import ABSENT
from omnicloud_tck.containers.rounds import Round, abreast
from omnicloud_tck.containers.stepping import PRESENT
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["WholeLaws"]

_F = ContainersFeature
_MARKS = "/\\.%:'\",-_*?[]{}()<>#&=+~@!$|;^`"
_NAMES = (
    *("/\\.%:'\",-_*?[]{}", "()<>#&=+~@!$|;^`", " Edges ", "two\nlines\tand\x01\0more"),
    *("/a//../b/.", "7", "null", "e\u0301\U0001f980", "\xe9\U0001f980"),
    *(f"{'k' * 520}{end}" for end in "12"),
    "omnicloud-tck/round:1",
)
_REAL_NAMES = (f"7 ..//{_MARKS}\n\t\x01\0E\u0301\U0001f980{'k' * 400}. ",)
_SLEEPS = "echo ready; sleep 1000"
_LONG = 600.0
_DAYS, _HOURS = (90_000.0,), (1.5, 90.0, 3700.0)
_SELDOM = 9  # steps: some hours
_REAL_PAUSES = (1.1, *(0.0,) * 19)
_POLLS, _FEW_POLLS = 50, 10
_MANY, _FEW, _OFTEN, _WIDE, _MOUNTS = 122, 3, 260, 102, 34
_REFERENCES = (
    "omnicloud-tck/{}:1",
    "omnicloud-tck/{}-2/a.b_c-d:V1.2_x-Y.",
    "omnicloud-tck/{}/" + "k" * 90 + ":" + "T" * 100,
    "localhost:5000/omnicloud-tck/{}:007",
)


class WholeLaws(Bench):
    """Nothing that is no business of a verb changes what it does."""

    @law(
        "CON-173",
        "Every verb does its own under any name, which a container, a volume and a network may "
        "share, whatever was asked just before.",
        patience=1e6,
    )
    async def any_name_goes_round(self, world: World[Any]) -> None:
        clients = await self._clients(world, 2)
        between = interludes(clients[0].pipeline.driver.features)

        async def ask(one: Round, client: Containers, at: int) -> None:
            await between[(7 * at + one.turn + self.seed) % len(between)](one, client)

        family: list[Round] = []
        with archive() as path:
            for turn, name in enumerate(_NAMES if world.virtual else _REAL_NAMES):
                one = _round(world, clients, name, family, turn=turn, between=ask)
                one.deaf, one.archive = turn % 2 > 0, path if ":" in name else ""
            await abreast(family)
        equal((), await clients[0].list(), "what is left")

    @law(
        "CON-174",
        "Every verb does its own however long nothing was asked, and however old all is.",
        patience=1e8,
    )
    async def age_changes_nothing(self, world: World[Any]) -> None:
        clients = await self._clients(world, 2)
        for pauses in (_DAYS, _HOURS) if world.virtual else (_REAL_PAUSES,):

            async def rest(
                one: Round, client: Containers, at: int, pauses: tuple[float, ...] = pauses
            ) -> None:
                one.aged = world.virtual
                often = pauses is _DAYS or not at % _SELDOM  # before an engine forgets it
                for it in one.family if often else ():
                    await it.hear(client)
                await world.sleep(pauses[at % len(pauses)])

            await self._both(world, clients, rest)

    @law(
        "CON-175",
        "Every verb does its own while many other calls wait, one about the same name among them.",
        rung=Rung.CONCURRENCY,
        patience=1e6,
    )
    async def crowds_change_nothing(self, world: World[Any]) -> None:
        clients = await self._clients(world, 3)
        await self.begun(clients[0], spec("beside", _SLEEPS))
        polls = [
            asyncio.ensure_future(clients[at % 3].pipeline.send(Rest("beside", _LONG)))
            for at in range(_POLLS if world.virtual else _FEW_POLLS)
        ]
        gets: list[asyncio.Future[Any]] = []

        async def beside(one: Round, client: Containers, at: int) -> None:
            gets.append(asyncio.ensure_future(clients[at % 3].get(one.name)))
            await asyncio.sleep(0)

        try:
            await self._both(world, clients, beside)
            await asyncio.gather(*gets)
            that(not any(poll.done() for poll in polls), "who waits is answered before the end")
            await clients[1].remove("beside", force=True)
            _, late = await asyncio.wait(polls, timeout=PATIENCE)
            that(not late, f"{len(late)} of those who wait for an end are kept waiting")
        finally:
            for task in (*polls, *gets):
                task.cancel()
            await asyncio.gather(*polls, *gets, return_exceptions=True)

    @law(
        "CON-176",
        "Every verb does its own among many others, with many of all that it may be given, and "
        "when it was often asked.",
        patience=1e6,
    )
    async def numbers_change_nothing(self, world: World[Any]) -> None:
        clients = await self._clients(world, 2)
        many = range(_MANY if world.virtual else _FEW)
        family = [await _other(world, clients, f"m-{at:04}") for at in many]
        one = _round(world, clients, "m-", family, turn=3, deaf=True)
        one.more = await _wide(clients[0], one)
        other = [_round(world, clients, "often", family, turn=4)] if world.virtual else []
        for _ in range(_OFTEN if world.virtual else _FEW):
            equal(None, await clients[0].get("often"), "get of what is not there yet")
        await abreast([one, *other])

    @law(
        "CON-177",
        "Images go by any reference, and are made from a file wherever it is.",
        needs=[_F.IMAGES],
        patience=1e6,
    )
    async def any_reference_goes_round(self, world: World[Any]) -> None:
        clients = await self._clients(world, 2)
        family = [reference.format(id(world)) for reference in _REFERENCES]
        with archive() as path:
            for turn, reference in enumerate(family):
                await one_image(clients, reference, path, turn)
        left = {one.reference for one in await clients[0].images()}
        that(not left & set(family), "images that were removed are listed")

    async def _both(self, world: World[Any], clients: list[Containers], between: Any) -> None:
        """Two rounds abreast; one where that costs time."""
        family: list[Round] = []
        with archive() as path:
            one = _round(world, clients, "one", family, turn=1, between=between, archive=path)
            if world.virtual:
                one.deaf = True
                _round(world, clients, "two", family, turn=2, between=between)
            await abreast(family)

    async def _clients(self, world: World[Any], count: int) -> list[Containers]:
        return [await self.portable(world) for _ in range(count)]


def _round(
    world: World[Any], clients: list[Containers], name: str, family: list[Round], **more: Any
) -> Round:
    return Round(world, clients, name, family, absent=ABSENT, present=PRESENT, **more)


async def _other(world: World[Any], clients: list[Containers], name: str) -> Round:
    """One of many that are there, and nothing is done with."""
    client = clients[0]
    made = await client.run(spec(name, "exit 0"))
    one = Round(world, clients, name, [], state=State.EXITED, id=made.id)
    if _F.VOLUMES in one.features:
        await client.create_volume(name)
        one.volume = True
    if _F.NETWORKS in one.features and world.virtual:  # a machine has room for few
        await client.create_network(name)
        one.network = True
    return one


async def _wide(client: Containers, one: Round) -> dict[str, Any]:
    """Many variables, labels, and mounts."""
    more: dict[str, Any] = {
        "env": {"V": one.text} | {f"V_{at}": f"v {at}" for at in range(_WIDE)},
        "labels": {f"l.{at}": f"{at}" for at in range(_WIDE)},
    }
    if _F.VOLUMES in one.features:
        for at in range(_MOUNTS if one.world.virtual else _FEW):
            await client.create_volume(f"wide-{at}")
        own = Mount(one.name, "/data")
        others = range(_MOUNTS if one.world.virtual else _FEW)
        more["mounts"] = (own, *(Mount(f"wide-{at}", f"/wide/{at}") for at in others))
    return more
