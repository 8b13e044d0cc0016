"""Messages that are due later, kept by the broker alone.

The delay in units is a binary number, and a message goes through one queue for each of its ones:
queue *n* keeps everything for two to the *n* units and hands it on in the order in which it came,
so that no message waits behind one that is due later. Which queues those are says its routing key,
which an exchange for each digit reads. A queue hands on a message only when the next one has it
on disk, so a crash on its way loses none; only quorum queues do that.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

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

Make = Callable[..., Awaitable[None]]


class Later:
    """The queues in front of one destination; each is made when a delay first needs it.

    Args:
        make: Makes queues while no other client does.
        base: What their names start with.
        to_exchange: Where messages go that are due; empty for a queue.
        to_queue: That queue.
    """

    def __init__(
        self, broker: Broker, make: Make, base: str, to_exchange: str = "", to_queue: str = ""
    ) -> None:
        self._broker = broker
        self._make_them = make
        self._base = base
        self._to = (to_exchange, to_queue)
        self._made = 0
        self._on_disk = 0.0
        self._making = asyncio.Lock()

    async def publish(self, body: bytes, delay: float, asked: float | None = None) -> None:
        """Let a message be due ``delay`` seconds after the monotonic moment ``asked``, or now."""
        await self._make(max(_AT_FIRST, _units(delay).bit_length()))
        now = self._broker.clock.monotonic()
        units = _units(delay - (now - (now if asked is None else asked)))
        try:
            if units <= 0:
                await self._broker.publish(*self._to, body, mandatory=not self._to[0])
            else:
                first = self._name(units.bit_length() - 1)
                await self._broker.publish(first, _key(units), body, mandatory=True)
        except OmniCloudError:
            self._made = 0  # should someone have deleted them, the next one makes them again
            raise

    async def kept(self) -> None:
        """Wait until what was published would survive a crash: at once, but for new queues."""
        left = self._on_disk - self._broker.clock.monotonic()
        if left > 0:
            await self._broker.clock.sleep(left)

    async def count(self) -> int:
        """How many messages are not due yet."""
        total = 0
        for digit in range(_DIGITS):
            found = await self._broker.count(self._name(digit))
            if found is None:
                break
            total += found
        return total

    async def _make(self, digits: int) -> None:
        if digits <= self._made:
            return
        async with self._making:
            methods = [m for digit in range(self._made, digits) for m in self._methods(digit)]
            if methods:
                await self._make_them(*methods)
                self._made = digits
                self._on_disk = self._broker.clock.monotonic() + _ON_DISK_SECONDS

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
