"""A law of errors: who keeps one keeps nothing of the store."""

from __future__ import annotations

from typing import Any

from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal
from omnicloud_tck.general.discreet import Discreet
from omnicloud_tck.general.refusals import refusals_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Unheld"]

Pipe = Pipeline[Any]


class Unheld(Discreet):
    """For contracts that refuse some requests, where their payloads are kept."""

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        """Store the payload under the name, over what was there."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are put")

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        """The payload under the name, ``None`` where there is none."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are taken")

    @law(
        "G-092",
        "An error that the application keeps holds nothing: its calls go on, and see what others "
        "write meanwhile.",
        rung=Rung.CONCURRENCY,
    )
    async def errors_hold_nothing(self, world: World[Any]) -> None:
        keeper, other = await world.pipeline(), await world.pipeline()
        kept: list[OmniCloudError] = []  # a cursor may live as long as its frames, and these
        for number, op in enumerate(await refusals_of(self.contract, keeper, b"payload")):
            try:
                await keeper.send(op)
            except OmniCloudError as error:
                kept.append(error)
            name, about = f"after-{number}", f"after {op.name} was refused"
            await self.put(other, name, b"another's")
            equal(b"another's", await self.take(keeper, name), f"{about}, what another wrote")
            await self.put(keeper, name, b"own")
            equal(b"own", await self.take(other, name), f"{about}, what was written then")
