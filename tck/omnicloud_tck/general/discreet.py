"""The law that an error tells nobody of what others have."""

from __future__ import annotations

from typing import Any

from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.refusals import refusals_of
from omnicloud_tck.general.requests import requests_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.telling import everything
from omnicloud_tck.world import World

__all__ = ["Discreet"]

Pipe = Pipeline[Any]
Request = Operation[Any, Any]

_NEIGHBOUR = "neighbour-5e1c0d"
"""A tenant whose stored names hold a word that stands nowhere else."""
_ASKING = ("asking", None)


class Discreet(Contract):
    """What is refused to one tenant is explained without the names of another."""

    @law(
        "G-110",
        "No error names what another tenant has, whatever is refused.",
        rung=Rung.TRUST,
    )
    async def errors_name_no_neighbours(self, world: World[Any]) -> None:
        neighbour = await world.pipeline(Scoping(_NEIGHBOUR))
        # Making them stores what they are about, and leaves some of it under way.
        await self._requests(world, neighbour, b"theirs")
        for tenant in _ASKING if world.virtual else _ASKING[:1]:
            await self._asks(world, await world.pipeline(Scoping(tenant)))

    async def _requests(self, world: World[Any], pipe: Pipe, payload: bytes) -> list[Request]:
        """What is refused; where time is virtual, what is not refused as well."""
        refused = await refusals_of(self.contract, pipe, payload)
        return refused + (await requests_of(self.contract, pipe, payload) if world.virtual else [])

    async def _asks(self, world: World[Any], pipe: Pipe) -> None:
        for op in await self._requests(world, pipe, b"mine"):
            try:
                await pipe.send(op)
            except OmniCloudError as error:
                told = _NEIGHBOUR in everything(error)
                that(not told, f"the error of {op.name} names what another tenant has")
