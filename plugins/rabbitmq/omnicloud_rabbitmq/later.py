"""Messages that are due later, kept by the broker alone.

The delay in units is a binary number, and a message goes through one queue for each of its ones:
queue *n* keeps everything for two to the *n* units and hands it on in the order in which it came,
so that no message waits behind one that is due later. Which queues those are says its routing key,
which an exchange for each digit reads. A queue hands on a message only when the next one has it
on disk, so a crash on its way loses none; only quorum queues do that.

Quorum queues that were just made do not survive a crash. Messages that come before theirs do, the
first ones of a topic, go through one classic queue for their delay.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from pamqp import commands
from pamqp.base import Frame

from omnicloud.errors import OmniCloudError
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.topology import exchange, queue

__all__ = ["Later"]

_UNIT_MS = 50
_ROUNDING_MS = 1  # the broker counts in whole milliseconds
_AT_FIRST = 8  # delays of up to 12 seconds
_ON_DISK_SECONDS = 1.0
"""After which RabbitMQ has written down that there is a new quorum queue (Ra saves after 0.5)."""
_DIGITS = 24  # seven days are 12,096,000 units

_SLOTS = 16
_PAUSE_SECONDS = 2.0  # so that the first messages do not wait for the queues of later ones

Make = Callable[..., Awaitable[None]]
Tidy = Callable[[Coroutine[Any, Any, None]], None]


class Later:
    """The queues in front of one destination; each is made when a delay first needs it.

    Args:
        make: Makes queues while no other client does.
        tidy: Runs in the background.
        base: What their names start with.
        to_exchange: Where messages go that are due; empty for a queue.
        to_queue: That queue.
    """

    def __init__(
        self,
        broker: Broker,
        make: Make,
        tidy: Tidy,
        base: str,
        *,
        to_exchange: str = "",
        to_queue: str = "",
    ) -> None:
        self._broker = broker
        self._make_them = make
        self._tidy = tidy
        self._slots: dict[int, str] = {}
        self._base = base
        self._to = (to_exchange, to_queue)
        self._made = 0
        self._on_disk = 0.0
        self._preparing = False
        self._making = asyncio.Lock()

    async def publish(self, body: bytes, delay: float, asked: float | None = None) -> None:
        """Let a message be due ``delay`` seconds after the monotonic moment ``asked``, or now."""
        now = self._broker.clock.monotonic()
        left = delay - (now - (now if asked is None else asked))
        digits = _units(left).bit_length()
        try:
            if self._serves(digits) or not await self._soon(body, left):
                await self._digits(body, left)
        except OmniCloudError:
            self._forget()  # should someone have deleted them, the next one makes them again
            raise
        if digits > self._made and not self._preparing:
            self._preparing = True
            self._tidy(self._prepare(digits))

    async def _digits(self, body: bytes, left: float) -> None:
        """Through a queue for each one of the delay; those have to be there."""
        units = _units(left)
        if not self._serves(units.bit_length()):
            await self._make(units.bit_length())
        if units <= 0:
            await self._broker.publish(*self._to, body, mandatory=not self._to[0])
        else:
            first = self._name(units.bit_length() - 1)
            await self._broker.publish(first, _key(units), body, mandatory=True)

    async def _soon(self, body: bytes, left: float) -> bool:
        """Through a queue of just this delay, while the others are made; whether there was one."""
        wait_ms = _units(left) * _UNIT_MS + _ROUNDING_MS
        if wait_ms not in self._slots and not await self._slot(wait_ms):
            return False
        await self._broker.publish("", self._slots[wait_ms], body, mandatory=True)
        return True

    async def _slot(self, wait_ms: int) -> bool:
        to_exchange, to_queue = self._to
        kept: dict[str, str | int] = {
            "x-message-ttl": wait_ms,
            "x-dead-letter-exchange": to_exchange,
        }
        if to_queue:
            kept["x-dead-letter-routing-key"] = to_queue
        for number in range(_SLOTS):
            name = f"{self._base}/soon/{number}"
            if name in self._slots.values():
                continue
            if await self._broker.made(queue(name, kept)):
                self._slots[wait_ms] = name
                return True
        return False

    def _serves(self, digits: int) -> bool:
        return digits <= self._made and self._broker.clock.monotonic() >= self._on_disk

    def _forget(self) -> None:
        self._made = 0
        self._slots.clear()

    async def count(self) -> int:
        """How many messages are not due yet."""
        digits = (self._name(digit) for digit in range(_DIGITS))
        slots = (f"{self._base}/soon/{number}" for number in range(_SLOTS))
        return await self._sum(digits) + await self._sum(slots)

    async def _sum(self, queues: Iterable[str]) -> int:
        """The messages in these, up to the first that is not there."""
        total = 0
        for name in queues:
            found = await self._broker.count(name)
            if found is None:
                break
            total += found
        return total

    async def _prepare(self, digits: int) -> None:
        """Make them in the background; where that fails the next message tries again."""
        with suppress(OmniCloudError):
            await self._broker.clock.sleep(_PAUSE_SECONDS)
            self._preparing = False
            await self._make(digits)

    async def _make(self, digits: int) -> None:
        """Make the queues of these digits, and wait until they would survive a crash."""
        async with self._making:
            wanted = max(_AT_FIRST, digits)
            methods = [m for digit in range(self._made, wanted) for m in self._methods(digit)]
            if methods:
                await self._make_them(*methods)
                self._on_disk = self._broker.clock.monotonic() + _ON_DISK_SECONDS
                self._made = wanted
            await self._broker.clock.sleep(max(0.0, self._on_disk - self._broker.clock.monotonic()))

    def _methods(self, digit: int) -> list[Frame]:
        name, skipped = self._name(digit), "*." * (_DIGITS - 1 - digit)
        to_exchange, to_queue = self._to if digit == 0 else (self._name(digit - 1), "")
        kept: dict[str, str | int] = {
            "x-queue-type": "quorum",
            "x-message-ttl": (_UNIT_MS << digit) + _ROUNDING_MS,
            "x-dead-letter-exchange": to_exchange,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        if to_queue:
            kept["x-dead-letter-routing-key"] = to_queue
        return [
            exchange(name, "topic"),
            queue(name, kept),
            commands.Queue.Bind(queue=name, exchange=name, routing_key=f"{skipped}1.#"),
            _bound(name, to_exchange, to_queue, f"{skipped}0.#"),
        ]

    def _name(self, digit: int) -> str:
        return f"{self._base}/later/{digit}"


def _bound(source: str, to_exchange: str, to_queue: str, key: str) -> Frame:
    if to_exchange:
        return commands.Exchange.Bind(destination=to_exchange, source=source, routing_key=key)
    return commands.Queue.Bind(queue=to_queue, exchange=source, routing_key=key)


def _units(seconds: float) -> int:
    return math.ceil(max(0.0, seconds) * 1000 / _UNIT_MS)


def _key(units: int) -> str:
    return ".".join(f"{units:0{_DIGITS}b}")
