"""Where a program is played: two clients of several tenants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.names import Scope
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import that
from omnicloud_tck.probes import Scoping
from omnicloud_tck.programs.cast import Cast, Scene, Step
from omnicloud_tck.programs.minding import Minding
from omnicloud_tck.programs.seats import Seat
from omnicloud_tck.world import World

__all__ = ["Stage"]

_SERVICE = ServiceInfo("tck")


class Stage:
    """Two clients, each for all tenants, and what follows the records of each of these."""

    def __init__(self, world: World[Any], cast: Cast, seats: tuple[Seat, Seat]) -> None:
        self._world, self._cast, self._seats = world, cast, seats
        self._twins: list[Any] = []

    async def open(self, tenants: Iterable[str | None], space: str) -> None:
        """Open what is not open, for names that begin so."""
        for seat in self._seats:
            await seat.taken()
        for tenant in tenants:
            one, two = (
                Pipeline(seat, (Scoping(tenant), Minding()), service=_SERVICE, owned=False)
                for seat in self._seats
            )
            features = one.driver.features
            scope = Scope.of(tenant)
            scene = Scene((one, two), features, self._world, scope, space, self._twins)
            self._twins.append(await self._cast.open(scene))

    async def take(self, step: Step) -> Iterable[str]:
        """Do a step; for what it was rightly refused."""
        refused = await self._take(step)
        for seat in self._seats:
            that(not seat.late, seat.late)
        return refused

    async def _take(self, step: Step) -> Iterable[str]:
        way, *rest = step
        match way:
            case "pass":
                await self._world.sleep(rest[0])
            case "wall":
                self._world.step_wall(rest[0])
            case "reopen":
                client, *closing = rest
                await self._seats[client].sit(closing=closing != [False])
            case "restart":
                await self.close()
                await self._world.restart()
                for seat in self._seats:
                    await seat.taken()
            case _:
                (tenant, client), *what = rest
                return await self._cast.take(self._twins[tenant], way, client, *what)
        return ()

    async def end(self) -> None:
        """Compare all that is there."""
        for number, twin in enumerate(self._twins):
            await self._cast.end(twin, 1 - number % 2)

    async def close(self) -> None:
        """Close both clients."""
        for seat in self._seats:
            await seat.leave()
