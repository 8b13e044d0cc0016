"""The law of two who do the same at once, each in a room of its own: neither hears the other."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.rooms import Place, Room, entered, neighbours
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Echoes", "Stay", "Story"]


_ROUNDS = 2
"""In which they take turns otherwise."""


@dataclass(slots=True)
class Stay:
    """Somebody in a room, and what they keep in mind from one step of a story to the next."""

    room: Room
    world: World[Any]
    also: str = ""
    """Another name of the same tenant and service, which a listing has, too."""
    mind: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.room.name

    async def ask(self, op: Any) -> Any:
        return await self.room.pipe.send(op)


Story = Sequence[Callable[[Stay], Awaitable[object]]]
"""Steps that answer the same wherever they are taken: nothing that a provider makes up."""


class Echoes(Contract):
    """For contracts whose records are no payloads: every verb keeps to its room."""

    few_rooms = False
    """Whether a story takes so long over a real backend that only some rooms are tried."""

    def story(self, world: World[Any], features: frozenset[Any]) -> Story:
        """What is done under one name, with every verb, and leaves nothing there."""
        raise NotImplementedError

    @law(
        "G-124",
        "What two services, tenants or names do at once, whatever joins, folds, cuts or escapes "
        "would make them one, is answered as though either were alone.",
        rung=Rung.TRUST,
        patience=1e6,
    )
    async def each_is_alone(self, world: World[Any]) -> None:
        driver = await world.driver()
        story = self.story(world, driver.features)
        alone = await entered(world, Place("alone"), driver)
        stay = Stay(alone, world)
        expected = [await step(stay) for step in story]
        few = self.few_rooms and not world.virtual
        kinds = {"services": world.lends_services, "joins": world.virtual}
        for number, places in enumerate(neighbours(few=few, **kinds)):
            chance = random.Random(f"{self.seed} {number}")  # noqa: S311 - cases
            rooms = [await entered(world, place, driver) for place in places]
            for _ in range(_ROUNDS if world.virtual else 1):
                said = await _both(story, _stays(world, *rooms), chance)
                for which, answers in enumerate(said):
                    _compare(story, expected, answers, places[which], places[1 - which])
            for room in rooms:
                if room.place.service is not None:
                    await world.part(room.pipe.driver)


def _stays(world: World[Any], one: Room, two: Room) -> list[Stay]:
    scopes = {(room.place.tenant, room.place.service) for room in (one, two)}
    also = (two.name, one.name) if len(scopes) == 1 else ("", "")
    return [Stay(room, world, name) for room, name in zip((one, two), also, strict=True)]


def _compare(
    story: Story, expected: list[object], answers: list[object], place: Place, beside: Place
) -> None:
    for at, (right, answer) in enumerate(zip(expected, answers, strict=True)):
        which = f"step {at} ({story[at].__name__.strip('_')}) of {place}, beside {beside}"
        equal(right, answer, which)


async def _both(story: Story, stays: list[Stay], chance: random.Random) -> list[list[object]]:
    """The answers of each, who take turns as chance has it."""
    said: list[list[object]] = [[], []]
    while left := [which for which in (0, 1) if len(said[which]) < len(story)]:
        which = chance.choice(left)
        said[which].append(await story[len(said[which])](stays[which]))
    return said
