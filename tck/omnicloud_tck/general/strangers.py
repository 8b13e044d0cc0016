"""The law that an id, a receipt or an owner means something only where it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Protocol

from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["Place", "Stay", "Strangers"]


class Place(NamedTuple):
    """Where something is kept: a client of a tenant or a service, and a name."""

    pipe: Pipeline[Any]
    name: str


class Stay(Protocol):
    """What is kept in a place, in whatever state, and all that can be asked about it by name."""

    async def begin(self, place: Place) -> Any:
        """Keep something in every state; what was told of it."""

    async def ask(self, place: Place, told: Any) -> list[object]:
        """Keep something here as well, and ask about what was told in another place, if any."""

    async def look(self, place: Place, told: Any) -> object:
        """All that is there, changing nothing."""

    async def end(self, place: Place, told: Any) -> object:
        """Use what was told in its own place; the answers."""


class Strangers(Contract):
    """For contracts whose callers name what they were told before, or others chose."""

    def stay(self, mark: str, *, every: bool) -> Stay:
        """How things are kept, with every state beside every other or not.

        The mark is in all ids, and not in what is answered: what an earlier place keeps must
        not stand before what is looked for.
        """
        raise NotImplementedError

    @law(
        "G-116",
        "What was told to one tenant, service or place is as unknown to another, whatever has "
        "become of it, and naming it there changes nothing here.",
        rung=Rung.TRUST,
    )
    async def told_elsewhere_is_unknown(self, world: World[Any]) -> None:
        alone = [Place(await world.pipeline(Scoping(name)), name) for name in ("alone", "only")]
        stay = self.stay("alone", every=world.virtual)
        expected = await stay.ask(alone[0], None)
        stay = self.stay("only", every=world.virtual)
        left = await stay.end(alone[1], await stay.begin(alone[1]))
        async for about, home, other in _rooms(world):
            stay = self.stay(about, every=world.virtual)
            told = await stay.begin(home)
            before = await stay.look(home, told)
            found = await stay.ask(other, told)
            for mine, theirs in zip(expected, found, strict=True):
                equal(mine, theirs, f"what is answered in {about}")
            equal(before, await stay.look(home, told), f"what is there after {about} named it")
            equal(left, await stay.end(home, told), f"what it is good for after {about} named it")


async def _rooms(world: World[Any]) -> AsyncIterator[tuple[str, Place, Place]]:
    pipe = await world.pipeline()
    yield "another place", Place(pipe, "here"), Place(await world.pipeline(), "there")
    one, two = await world.pipeline(Scoping("one")), await world.pipeline(Scoping("two"))
    yield "another tenant", Place(one, "same"), Place(two, "same")
    if world.lends_services:
        services = [
            Pipeline(await world.service(name), (), service=ServiceInfo(name), owned=False)
            for name in ("this", "that")
        ]
        yield "another service", Place(services[0], "both"), Place(services[1], "both")
        for service in services:
            await world.part(service.driver)
