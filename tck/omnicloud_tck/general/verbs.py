"""Laws that every verb of every contract keeps."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from omnicloud.core.operation import Effect, Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, OmniCloudError, UnavailableError
from omnicloud.layers.timeout import TimeoutLayer
from omnicloud_tck.check import that, together
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.once import done_once
from omnicloud_tck.general.refusals import refusals_of
from omnicloud_tck.general.requests import requests_of
from omnicloud_tck.general.unheard import Unheard
from omnicloud_tck.general.unsaid import Unsaid
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.telling import everything, heard, tells
from omnicloud_tck.world import World

__all__ = ["EveryVerb", "Outages", "Quiet"]

_CANARY = b"canary-90e1d4"
_OUTAGE_SECONDS = 20.0
_ATTEMPT = 0.6  # seconds that a call in silence has
_SLOW, _REAL_SLOW = 6000.0, 120.0  # milliseconds; what is slow is seldom less
_PAGES = 3  # a driver may make the first one up: empty, with a cursor


class Outages(Contract):
    """What is promised of a contract's requests where the backend cannot be reached."""

    @law(
        "G-065",
        "While the backend is down every verb is an error that tells no payload, never an answer.",
        abilities=[Ability.OUTAGE],
    )
    async def no_verb_answers_in_an_outage(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        requests = await requests_of(self.contract, pipe, _CANARY)
        for op in requests:
            if op.effect is Effect.READ:  # what was told before is no answer either
                with contextlib.suppress(OmniCloudError):
                    await pipe.send(op)
        async with world.outage():
            for op in requests:
                await _fails(pipe, op)


class EveryVerb(Outages):
    """What is promised of a contract's requests, whichever it is."""

    @law(
        "G-067",
        "While the backend is silent every verb ends in its time, with an error.",
        abilities=[Ability.PARTITION],
    )
    async def no_verb_answers_in_silence(self, world: World[Any]) -> None:
        requests = await requests_of(self.contract, await world.pipeline(), _CANARY)
        pipe = await world.pipeline(TimeoutLayer(_ATTEMPT))
        async with world.partition():
            for op in requests:
                # A task of its own: a driver may be wrong by not letting itself be cancelled.
                task = asyncio.ensure_future(_fails(pipe, op))
                ended, _ = await asyncio.wait((task,), timeout=_ATTEMPT * 10)
                that(bool(ended), f"{op.name} in silence had not ended after {_ATTEMPT * 10:g} s")
                task.result()

    @law(
        "G-068",
        "What a slow backend is asked once is done once, and told as what became of it.",
        abilities=[Ability.SLOW],
    )
    async def slow_is_done_once(self, world: World[Any]) -> None:
        await done_once(self.contract, world)


class Quiet(EveryVerb, Unheard, Unsaid):
    """For contracts whose requests carry payloads."""

    @law(
        "G-066",
        "No verb logs, traces or prints a payload, warns of one, or tells one in an error.",
        alone=True,
        rung=Rung.TRUST,
    )
    async def no_verb_tells_payloads(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        with heard() as told:
            requests = await requests_of(self.contract, pipe, _CANARY)
            for op in (*requests, *await refusals_of(self.contract, pipe, _CANARY)):
                try:
                    await pipe.send(op)
                except OmniCloudError as error:
                    that(not _in(everything(error)), f"the error of {op.name} tells a payload")
                that(not _in(told.getvalue()), f"a payload was told by the time of {op.name}")
        that(not _in(told.getvalue()), "a payload was told in a warning")

    @law(
        "G-106",
        "Nor does a verb that a slow backend answers.",
        abilities=[Ability.SLOW],
        alone=True,
        rung=Rung.TRUST,
    )
    async def no_slow_verb_tells_payloads(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        requests = await requests_of(self.contract, pipe, _CANARY)
        with heard() as told:
            async with world.slow(_SLOW if world.virtual else _REAL_SLOW):
                answers = await together(*map(pipe.send, requests))
            for op, answer in zip(requests, answers, strict=True):
                error = answer if isinstance(answer, BaseException) else None
                that(not _in(everything(error)), f"the error of a slow {op.name} tells a payload")
        that(not _in(told.getvalue()), "a payload was told while the backend was slow")


def _in(text: str) -> bool:
    return tells(text, _CANARY)


async def _fails(pipe: Pipeline[Any], op: Operation[Any, Any]) -> None:
    try:
        async with asyncio.timeout(_OUTAGE_SECONDS):
            answer = await _answer(pipe, op)
    except OmniCloudError as error:
        known = isinstance(error, UnavailableError | DeadlineExceededError)
        that(known, f"in an outage {op.name} is told as {type(error).__name__}")
        that(not _in(everything(error)), f"the error of {op.name} in an outage tells a payload")
    except TimeoutError:
        that(False, f"{op.name} in an outage had not ended after {_OUTAGE_SECONDS:.0f} s")
    else:
        that(False, f"{op.name} in an outage is answered with {type(answer).__name__}")


async def _answer(pipe: Pipeline[Any], op: Any) -> object:
    """The answer; where it is a page with nothing on it, that of a page after it."""
    for _ in range(_PAGES):
        answer = await pipe.send(op)
        cursor = getattr(answer, "cursor", None)
        if cursor is None or not hasattr(op, "cursor"):
            return answer
        op = replace(op, cursor=cursor)
    return answer
