"""The shop's customers: they send orders until each is answered, and some of them send twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import final

import aiohttp

from .model import Order, content_of

__all__ = ["Load"]

_BATCH = 50
_SENDERS = 4
_SINGLES = 40
_TRY_SECONDS = 120.0
_PAUSE = 0.1


@final
class Load:
    """Sends orders to a shop that may be killed under way; counts what it was answered.

    Most orders go in batches, the last ones alone. One batch in twenty is sent again, and one
    in twenty again with other content under the same keys.

    Attributes:
        answers: How often each was given: ``taken``, ``duplicate``, ``different``; and how
            often a request was sent again because no answer came: ``unanswered``.
        wrong: Answers that should not have been given.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._url = url
        self._chance = random.Random(seed)

    async def send(self, orders: Sequence[Order]) -> None:
        """Send all orders.

        Raises:
            TimeoutError: The shop did not answer for two minutes.
        """
        alone = orders[-_SINGLES:]
        many = orders[: -len(alone)]
        batches = [many[at : at + _BATCH] for at in range(0, len(many), _BATCH)]
        left = iter(batches)
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            asyncio.TaskGroup() as tasks,
        ):
            await self._until_open(session)
            for _ in range(_SENDERS):
                tasks.create_task(self._batches(session, left))
            tasks.create_task(self._alone(session, alone))

    async def _until_open(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(_TRY_SECONDS):
            while True:
                if await self._is_open(session):
                    return
                await asyncio.sleep(_PAUSE)

    async def _is_open(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self._url + "/health") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return False

    async def _batches(
        self, session: aiohttp.ClientSession, left: Iterator[Sequence[Order]]
    ) -> None:
        for batch in left:
            await self._batch(session, batch, {"taken", "duplicate"})
            if self._chance.random() < 0.05:
                await self._batch(session, batch, {"duplicate"})
            if self._chance.random() < 0.05:
                await self._batch(session, [_altered(order) for order in batch], {"different"})

    async def _batch(
        self, session: aiohttp.ClientSession, orders: Sequence[Order], allowed: set[str]
    ) -> None:
        body = [{"key": order.key, **content_of(order)} for order in orders]
        _, answers = await self._post(session, "/orders/bulk", body, {})
        if not isinstance(answers, list) or len(answers) != len(orders):
            answers = ["no list of answers"]
        self._count([str(answer) for answer in answers], allowed)

    async def _alone(self, session: aiohttp.ClientSession, orders: Sequence[Order]) -> None:
        codes = {201: "taken", 200: "duplicate", 409: "different"}
        for order in orders:
            for allowed in ({"taken", "duplicate"}, {"duplicate"}):
                key = {"Idempotency-Key": order.key}
                code, _ = await self._post(session, "/orders", content_of(order), key)
                self._count([codes.get(code, f"HTTP {code}")], allowed)

    def _count(self, answers: Sequence[str], allowed: set[str]) -> None:
        self.answers.update(answers)
        self.wrong.extend(answer for answer in answers if answer not in allowed)

    async def _post(
        self, session: aiohttp.ClientSession, path: str, body: object, headers: dict[str, str]
    ) -> tuple[int, object]:
        """Send until there is an answer: whoever gets none cannot know, so the key is the same."""
        async with asyncio.timeout(_TRY_SECONDS):
            while True:
                try:
                    async with session.post(self._url + path, json=body, headers=headers) as answer:
                        if answer.status < 500:
                            return answer.status, await answer.json()
                except (aiohttp.ClientError, TimeoutError, ConnectionError):
                    pass
                self.answers["unanswered"] += 1
                await asyncio.sleep(_PAUSE)


def _altered(order: Order) -> Order:
    return Order(order.key, order.customer, {sku: n + 1 for sku, n in order.lines.items()})
