"""The law that a payload is told nowhere, however long it is and whatever becomes of its call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from omnicloud.contracts.kv.driver import SetMany
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud.layers.timeout import TimeoutLayer
from omnicloud_tck.check import that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.refusals import refusals_of
from omnicloud_tck.general.requests import requests_of
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.telling import everything, heard, tells
from omnicloud_tck.world import World

__all__ = ["Unsaid"]

Pipe = Pipeline[Any]
Request = Operation[Any, Any]

_CANARY = b"kanary-4be07f"
_TIMES, _REAL_TIMES = (1, 100, 500, 2000, 7000, 30_000, 100_000), (1, 500, 7000)
"""How often a payload repeats what it can be known by."""
_LIMITS = ("value_max_bytes", "document_max_bytes", "put_max_bytes", "payload_max_bytes")
_ROOM = 4096  # bytes of a limit for what is around a payload
_OPTIONAL: dict[str, Any] = {"metadata": ()}
"""Fields with a limit of their own, in which a payload stands a second time."""
_BYTES, _NO_TEXT = ("value", "data"), b"\xff\xfe\x00"
_MANY, _HEAVIEST = 120, 200_000  # payloads of one batch, and their bytes
_ATTEMPT = 0.6  # seconds that a call in silence has
_MOST_SECONDS = 60.0
_TURNS = (0, 1, 2, 4)  # of the loop that a call has before it is cancelled
_OFTEN, _REAL_OFTEN = 130, 3  # one of so many may be told as a sample
_REAL_CANCELLED = 3


class Unsaid(Contract):
    """For contracts whose requests carry payloads."""

    @law(
        "G-120",
        "No verb tells a payload of any length, whether it is done, refused, cancelled, or lost in "
        "an outage or in silence, nor one time of many.",
        alone=True,
        rung=Rung.TRUST,
        patience=3600.0,
    )
    async def no_payload_is_told_whatever_happens(self, world: World[Any]) -> None:
        for times in _TIMES if world.virtual else _REAL_TIMES:
            pipe = await world.pipeline(Scoping(f"of {times}"))
            payload = _CANARY * times
            if len(payload) + _ROOM <= _longest(pipe):
                await self._is_unsaid(world, pipe, payload)

    async def _is_unsaid(self, world: World[Any], pipe: Pipe, payload: bytes) -> None:
        with heard() as told:
            asked = await requests_of(self.contract, pipe, payload)
            asked += await refusals_of(self.contract, pipe, payload)
            asked = [other for op in asked for other in _forms(op, pipe.driver.limits)]
            times = _OFTEN if world.virtual else _REAL_OFTEN
            for op in asked:
                for _ in range(times if payload == _CANARY else 1):
                    await _asks(pipe, op, "")
                _unsaid(told.getvalue(), f"a payload was told by the time of {op.name}")
            for op in asked if world.virtual else asked[:_REAL_CANCELLED]:
                await _cancels(pipe, op)
            await self._troubles(world, pipe, asked)
        _unsaid(told.getvalue(), f"a payload of {len(payload)} bytes was told")

    async def _troubles(self, world: World[Any], pipe: Pipe, asked: list[Request]) -> None:
        if Ability.OUTAGE in world.abilities:
            async with world.outage():
                for op in asked if world.virtual else asked[:_REAL_CANCELLED]:
                    await _asks(pipe, op, " in an outage")
        if Ability.PARTITION in world.abilities and world.virtual:
            hasty = pipe.around(pipe.driver, TimeoutLayer(_ATTEMPT))
            async with world.partition():
                for op in asked:
                    await _asks(hasty, op, " in silence")


def _longest(pipe: Pipe) -> int:
    limits = (getattr(pipe.driver.limits, name, None) for name in _LIMITS)
    return min((most for most in limits if most is not None), default=0)


def _forms(op: Any, limits: Any) -> list[Any]:
    """A request, and others of its verb: plainer, of many at once, of bytes that are no text."""
    forms = [op]
    for name, nothing in _OPTIONAL.items():
        if getattr(op, name, None):
            forms.append(replace(op, **{name: nothing}))
    held = {name: getattr(op, name, None) for name in _BYTES}
    forms += [replace(op, **{k: v + _NO_TEXT}) for k, v in held.items() if isinstance(v, bytes)]
    many = min(_MANY, getattr(limits, "batch_max_items", 1), _HEAVIEST // len(_CANARY))
    if isinstance(op, SetMany):
        ((key, value),) = op.items
        if many * len(value) < _HEAVIEST:
            forms.append(replace(op, items=tuple((f"{key}{n}", value) for n in range(many))))
    return forms


def _unsaid(text: str, about: str) -> None:
    that(not tells(text, _CANARY), about)


async def _asks(pipe: Pipe, op: Request, when: str) -> None:
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            await pipe.send(op)
    except OmniCloudError as error:
        _unsaid(everything(error), f"the error of {op.name}{when} tells a payload")
    except TimeoutError:
        that(False, f"{op.name}{when} had not ended after {_MOST_SECONDS:.0f} s")


async def _cancels(pipe: Pipe, op: Request) -> None:
    for turns in _TURNS:
        task = asyncio.ensure_future(pipe.send(op))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,), timeout=_MOST_SECONDS)
        error = None if not task.done() or task.cancelled() else task.exception()
        _unsaid(everything(error), f"the error of a cancelled {op.name} tells a payload")
