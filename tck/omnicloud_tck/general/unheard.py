"""The law that an answer which nobody waits for any more is nobody's."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import fields, is_dataclass, replace
from typing import Any

from omnicloud.contracts.iam import Access, IAMFeature, Policy
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.models import Effect as Rule
from omnicloud.core.operation import Effect, Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.requests import requests_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Unheard"]

_TURNS = (1, 2, 3)  # of the loop that a call has before it is cancelled
_REAL_SECONDS = 0.15  # after which no call is cancelled any more over a real backend
_MOST_PAGES = 100
_PAYLOAD = b"unheard-77d3"

Pipe = Pipeline[Any]
Request = Operation[Any, Any]


class Unheard(Contract):
    """For contracts with questions that change nothing."""

    @law(
        "G-107",
        "After a cancelled question every other is answered with its own answer.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_questions_leave_no_answers(self, world: World[Any]) -> None:
        pipe, other = await world.pipeline(), await world.pipeline()
        requests = await requests_of(self.contract, pipe, _PAYLOAD)
        for op in requests:
            if op.effect is not Effect.READ:
                await _answer(pipe, op)
        questions = await self._questions(pipe, requests)
        pairs = list(itertools.product(questions, questions, _TURNS))
        self.random.shuffle(pairs)
        until = time.perf_counter() + _REAL_SECONDS
        for cancelled, asked, turns in pairs:
            if not world.virtual and time.perf_counter() > until:
                return
            expected = await _answer(other, asked)
            await _cancelled(pipe, cancelled, turns)
            found = await _answer(pipe, asked)
            if found != expected == await _answer(other, asked):
                equal(expected, found, f"{asked.name} after a cancelled {cancelled.name}")
            await world.sleep(0.01)  # a virtual clock that never waits is taken to spin

    async def _questions(self, pipe: Pipe, requests: list[Request]) -> list[Request]:
        """Those that change nothing, each about what is there and about what is not."""
        if self.contract == "iam":
            rule = Policy("rule", Rule.ALLOW, ("user:a",), ("kv:get",), ("k",))
            if IAMFeature.MANAGE in pipe.driver.features:
                await pipe.send(PutPolicies((rule,)))
            return [Decide(Access("user:a", "kv:get", name)) for name in ("k", "l")]
        found = [op for op in requests if op.effect is Effect.READ and not hasattr(op, "wait")]
        return [*found, *(other for op in found if (other := _about_another(op)) is not None)]


def _about_another(op: Any) -> Request | None:
    """The same question about another name; ``None`` where it is about none."""
    first = fields(op)[0].name
    named = getattr(op, first)
    return replace(op, **{first: f"{named}-other"}) if isinstance(named, str) else None


async def _answer(pipe: Pipe, op: Request) -> object:
    """The answer, all of its pages, or of which class the error is."""
    try:
        answer = await pipe.send(op)
        return await _all_of(pipe, op, answer) if _is_page(answer) else answer
    except OmniCloudError as error:
        return type(error).__name__


def _is_page(answer: Any) -> bool:
    """Whether its cursor ends: that of what goes on for ever is no ``None``."""
    parts = fields(answer) if is_dataclass(answer) else ()
    return any(one.name == "cursor" and one.default is None for one in parts)


async def _all_of(pipe: Pipe, op: Any, page: Any) -> object:
    """What its pages tell: where one of them ends is the driver's choice."""
    told: dict[str, list[object]] = {one.name: [] for one in fields(page) if one.name != "cursor"}
    for _ in range(_MOST_PAGES):
        for name, items in told.items():
            items.extend(getattr(page, name))
        if page.cursor is None:
            break
        page = await pipe.send(replace(op, cursor=page.cursor))
    return told


async def _cancelled(pipe: Pipe, op: Request, turns: int) -> None:
    task = asyncio.ensure_future(_answer(pipe, op))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
