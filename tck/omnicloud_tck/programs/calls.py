"""The calls of a contract whose model says what each single request may answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from omnicloud.core.operation import Feature, Operation
from omnicloud_tck.programs.cast import Manner, Program, Scene, Step
from omnicloud_tck.programs.chances import Chance, Verb
from omnicloud_tck.programs.deeds import Deed
from omnicloud_tck.programs.drawing import calm
from omnicloud_tck.programs.houses import House
from omnicloud_tck.programs.model import Failed, Model
from omnicloud_tck.programs.scenes import Meeting
from omnicloud_tck.world import World

__all__ = ["Calls"]

_LATE = 3.0  # seconds after which what was given up is not done any more


class Calls(ABC):
    """What a contract gives: its calls, and how they are done and looked at.

    Attributes:
        model: What the contract says of their answers.
        single: Calls that are one request or one transaction.
        whole: Calls of several requests.
        inside: Those that a transaction may hold.
        inner: What only a transaction may hold, or trouble meet.
        rare: Those that take long, and so meet less trouble.
        apart: Those that meet no other.
    """

    contract: ClassVar[str]
    meeting: ClassVar[Meeting | None] = None
    lasting: ClassVar[bool] = False
    inside: frozenset[str] = frozenset()
    rare: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()

    def __init__(
        self, driver: Any, model: Model, single: Mapping[str, Verb], whole: Mapping[str, Verb]
    ) -> None:
        self.model = model
        self.features: frozenset[Feature] = driver.features
        self.single, self.whole = self.declared(single), self.declared(whole)
        self.inner: dict[str, Verb] = {}

    def declared(self, verbs: Mapping[str, Verb]) -> dict[str, Verb]:
        """Those that the driver declares."""
        return {name: verb for name, verb in verbs.items() if verb.needs <= self.features}

    @classmethod
    @abstractmethod
    def cast(cls, world: World[Any], driver: Any) -> Calls:
        """The calls that a driver of a world declares."""

    @abstractmethod
    def before(self, chance: Chance, name: str) -> list[Step]:
        """Steps that make a record of a name be, or not be, before two calls meet at it."""

    @abstractmethod
    def deed(self, house: House, call: Step) -> Deed:
        """A call as it is sent now."""

    @abstractmethod
    async def play(self, house: House, client: int, call: Step) -> None:
        """Do a call that is several requests."""

    @abstractmethod
    async def look(self, house: House, client: int) -> None:
        """Read all that is there, in every way that there is."""

    @abstractmethod
    def removals(self, house: House) -> Iterable[Operation[Any, Any]]:
        """What takes away all that is there."""

    def unknown(self, house: House, call: Step) -> Deed | None:
        """What to ask before a call, so that it can be made."""
        return None

    # What the player asks for

    def alone(self, seed: int, number: int, manner: Manner, length: int) -> Program:
        # Many are played on one backend, which may keep something for each tenant.
        return replace(calm(self, seed, number, manner, length), own=False)

    def at_once(self, seed: int, number: int, manner: Manner) -> list[Program]:
        return [calm(self, seed, number, manner)]

    async def open(self, scene: Scene) -> House:
        return House(scene, self.model)

    async def take(self, house: House, way: str, client: int, *what: Any) -> Iterable[str]:
        match way:
            case "do":
                await self._do(house, client, *what)
            case "look":
                await self.look(house, client)
            case "both":
                await self._both(house, client, *what)
            case _:
                await self._disturbed(house, way, client, *what)
        return ()

    async def end(self, house: House, client: int) -> None:
        await self.look(house, client)
        for op in () if house.world.virtual else self.removals(house):
            await house.pipe(client).send(op)

    async def _do(self, house: House, client: int, call: Step) -> None:
        if call[0] in self.whole:
            await self.play(house, client, call)
            return
        deed = await self._made(house, client, call)
        if deed is not None and isinstance(await house.do(client, deed), Failed):
            await self.look(house, 1 - client)

    async def _made(self, house: House, client: int, call: Step) -> Deed | None:
        """The call as a deed, unless the driver's limits forbid it."""
        unknown = self.unknown(house, call)
        if unknown is not None:
            await house.do(client, unknown)
        deed = self.deed(house, call)
        return deed if house.fits(deed) else None

    async def _both(
        self,
        house: House,
        client: int,
        call: Step,
        beside: int,
        other: Step,
        turns: int,
        cut: int | None = None,
    ) -> None:
        one = await self._made(house, client, call)
        two = await self._made(house, beside, other)
        if one is not None and two is not None:
            await house.both((client, one), (beside, two), turns, cut)
            await self.look(house, client)

    async def _disturbed(self, house: House, way: str, client: int, call: Step, *how: Any) -> None:
        deed = await self._made(house, client, call)
        if deed is not None:
            await getattr(house, way)(client, deed, *how)
            await self.look(house, 1 - client)
            if way == "silence":
                await house.world.sleep(_LATE)
                await self.look(house, 1 - client)
