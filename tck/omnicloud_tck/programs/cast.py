"""What a contract gives to the player of random programs, and what a program is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from omnicloud.core.names import Scope
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.law import Ability
from omnicloud_tck.programs.scenes import Meeting
from omnicloud_tck.world import World

__all__ = ["Cast", "Manner", "Program", "Scene", "Step", "Subject", "Who", "manner_of"]

Who = tuple[int, int]
"""Which of a program's tenants, and which of its two clients."""

Step = tuple[Any, ...]
"""What is done next.

``("do", who, call)`` is a call, its verb first; ``("pass", seconds)``, ``("wall", seconds)``,
``("reopen", client)`` and ``("restart",)`` happen to all; what else there is a cast knows.
"""

_LARGEST = 1 << 20  # bytes of the longest payload


@dataclass(frozen=True, slots=True)
class Manner:
    """What may happen in a program.

    Attributes:
        virtual: Whether time may pass, and calls may be cancelled and disturbed.
        durable: Whether the backend may be killed in between.
        largest: Bytes of the longest payload.
    """

    virtual: bool
    abilities: frozenset[Ability]
    durable: bool
    largest: int


def manner_of(world: World[Any], driver: Any) -> Manner:
    """What may happen to a world's provider."""
    largest = min(getattr(driver.limits, "value_max_bytes", _LARGEST), _LARGEST)
    return Manner(world.virtual, world.abilities, "durable" in driver.features, largest)


@dataclass(frozen=True, slots=True)
class Program:
    """What is done, by which tenants, and what nobody may tell of it.

    Attributes:
        own: Whether nobody else is these tenants, so that names need no beginning of their own.
        shared: Whether those that are played at once are played by the same two clients.
        space: What names begin with, after the program's number.
    """

    tenants: tuple[str | None, ...]
    steps: tuple[Step, ...]
    canaries: tuple[bytes, ...] = ()
    own: bool = False
    shared: bool = False
    space: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the records of one tenant are.

    Attributes:
        pipes: Two clients of one provider's world.
        features: What the provider declares.
        world: The provider's, by whose clock time passes.
        scope: The tenant's.
        space: What all names begin with; no other program uses it.
        company: What was opened for the tenants of the program, in their order.
    """

    pipes: tuple[Pipeline[Any], Pipeline[Any]]
    features: frozenset[Feature]
    world: World[Any]
    scope: Scope
    space: str
    company: list[Any]


class Cast(Protocol):
    """Draws the programs of a contract, and does their steps on a provider and on a model.

    Attributes:
        lasting: Whether one program after another is played by the same clients.
    """

    @property
    def lasting(self) -> bool: ...

    def alone(self, seed: int, number: int, manner: Manner, length: int) -> Program:
        """The program of so many steps that this seed and number always give."""

    def at_once(self, seed: int, number: int, manner: Manner) -> list[Program]:
        """Those that a law plays at once."""

    async def open(self, scene: Scene) -> Any:
        """What follows the records of a tenant: a twin, or a house."""

    async def take(self, twin: Any, way: str, client: int, *what: Any) -> Iterable[str]:
        """Do a step; for which features and limits it was rightly refused.

        Raises:
            Broken: The provider answered otherwise than the model.
            Unclear: The model does not know how to go on.
        """

    async def end(self, twin: Any, client: int) -> None:
        """Compare all that is there."""


class Subject(Protocol):
    """A contract whose providers can be tried by programs.

    Attributes:
        meeting: The calls and beginnings by which pairs of calls are tried, where the model
            does not do that.
    """

    @property
    def contract(self) -> str: ...

    @property
    def meeting(self) -> Meeting | None: ...

    def cast(self, world: World[Any], driver: Any) -> Cast:
        """Its cast for what a driver of a world declares."""
