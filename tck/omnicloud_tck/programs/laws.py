"""What the laws of random programs share, whichever the contract."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from omnicloud_tck.contract import Contract
from omnicloud_tck.programs.drawing import Calls, calm, wild
from omnicloud_tck.programs.meeting import disturbed, met
from omnicloud_tck.programs.playing import hold
from omnicloud_tck.world import World

__all__ = ["AGES", "Programs"]

AGES = 1e12
"""Seconds that a law may let pass where time is virtual: its calls have bounds of their own."""

_CALM, _MET, _DISTURBED, _WILD = 60, 100, 50, 70  # programs


class Programs(Contract):
    """Random programs of a contract's calls.

    Attributes:
        pace: How many times as many programs as usual are played.
    """

    pace: ClassVar[int] = 1

    def calls(self, driver: Any) -> Calls:
        """The calls of the contract that a driver declares."""
        raise TypeError(f"{type(self).__name__} does not say what its calls are")

    def calls_over(self, world: World[Any], driver: Any) -> Calls:
        """Those that what stands behind a world can be asked for."""
        return self.calls(driver)

    async def hold_calm(self, world: World[Any]) -> None:
        """Programs of every call with every option, one after another."""
        await hold(
            partial(self.calls_over, world), world, self.seed, calm, programs=_CALM * self.pace
        )

    async def hold_met(self, world: World[Any]) -> None:
        """Programs of pairs of calls at once."""
        await hold(
            partial(self.calls_over, world), world, self.seed, met, programs=_MET * self.pace
        )

    async def hold_disturbed(self, world: World[Any]) -> None:
        """Programs of calls that trouble meets."""
        await hold(
            partial(self.calls_over, world),
            world,
            self.seed,
            disturbed,
            programs=_DISTURBED * self.pace,
        )

    async def hold_wild(self, world: World[Any]) -> None:
        """Programs of all of that, of tenants that are much alike, while what is told is heard."""
        await hold(
            partial(self.calls_over, world), world, self.seed, wild, programs=_WILD * self.pace
        )
