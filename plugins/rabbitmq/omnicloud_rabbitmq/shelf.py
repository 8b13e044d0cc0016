"""What one client does at a time: making queues, and looking through them.

AMQP shows what is in a queue only to who takes it, so who looks takes all and gives it back; and
of two clients that make one quorum queue, the second is told that it is there before it is.
Whoever does either holds a queue that is its connection's alone, and that the broker removes when
the connection ends.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from pamqp import commands
from pamqp.base import Frame

from omnicloud.errors import OmniCloudError, Outcome, UnavailableError
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.channel import Channel, Delivered
from omnicloud_rabbitmq.errors import LOCKED, NOT_FOUND, Lost, Refusal, translated

__all__ = ["Shelf", "Spread"]

_PAUSE = 0.05
_SETTLE_PAUSE = 0.01
_SETTLE_LOOKS = 100


@dataclass(slots=True)
class Spread:
    """All messages of a queue, lent for as long as one looks."""

    channel: Channel
    messages: list[Delivered]
    taken: int = 0

    def take(self, one: Delivered) -> None:
        """Remove one."""
        self.taken += 1
        self.channel.tell(commands.Basic.Ack(delivery_tag=one.tag))


class Shelf:
    """Who may make queues and look through them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def held(self, lock: str) -> AsyncIterator[Channel]:
        """A block that runs nowhere else at the same time, and a channel of its own.

        Raises:
            UnavailableError: Another client looked for too long; not done.
        """
        async with self._turns[lock]:
            channel = await self._locked(lock)
            try:
                yield channel
            finally:
                with suppress(Refusal, Lost, UnavailableError):
                    # On another channel of this connection the next holder could be too early.
                    await channel.ask(commands.Queue.Delete(queue=lock))
                    channel.end()

    async def make(self, lock: str, *methods: Frame) -> None:
        """Make queues while nobody else does; those that are there stay as they are."""
        self._broker.note(*methods)
        async with self.held(lock) as channel:
            try:
                for coming in [channel.post(method) for method in methods]:
                    await channel.link.answer(coming)
            except (Refusal, Lost) as error:
                raise translated(error) from error

    async def _locked(self, lock: str) -> Channel:
        clock = self._broker.clock
        until = clock.monotonic() + self._broker.config.answer_timeout
        while True:
            channel = await self._broker.channel()
            try:
                await channel.ask(
                    commands.Queue.Declare(queue=lock, exclusive=True, auto_delete=True)
                )
            except Lost as error:
                raise translated(error) from error
            except Refusal as error:
                if error.code != LOCKED or clock.monotonic() >= until:
                    raise translated(error) from error
                await clock.sleep(_PAUSE)
            except asyncio.CancelledError:
                channel.end()
                raise
            else:
                return channel

    @asynccontextmanager
    async def spread(self, queue: str) -> AsyncIterator[Spread]:
        """A block in which all messages of a queue are at hand; those not taken go back.

        The caller holds the lock.
        """
        messages: list[Delivered] = []
        came = asyncio.Event()

        def add(one: Delivered) -> None:
            messages.append(one)
            came.set()

        channel = await self._broker.channel(strays=add)
        spread = Spread(channel, messages)
        try:
            await self._gathered(spread, queue, came)
            yield spread
        except (Refusal, Lost) as error:
            raise translated(error) from error
        finally:
            await self._given_back(channel, queue, len(messages) - spread.taken)

    async def _gathered(self, spread: Spread, queue: str, came: asyncio.Event) -> None:
        """Take all that is there when this begins; nothing where there is no such queue."""
        channel = spread.channel
        try:
            # A queue that has no leader yet is counted as empty, but does not answer this.
            first = await channel.ask(commands.Basic.Get(queue=queue))
        except Refusal as error:
            if error.code == NOT_FOUND:
                return
            raise
        if not isinstance(first, Delivered):
            return
        spread.messages.append(first)
        count = 1 + (await self._broker.count(queue) or 0)
        if count == 1:
            return
        await channel.ask(commands.Basic.Consume(queue=queue, consumer_tag="all"))
        try:
            async with asyncio.timeout(self._broker.config.answer_timeout):
                while len(spread.messages) < count:
                    await came.wait()
                    came.clear()
        except TimeoutError as error:
            raise UnavailableError(
                "the broker did not show all of a queue in time", outcome=Outcome.NOT_DONE
            ) from error
        await channel.ask(commands.Basic.Cancel(consumer_tag="all"))

    async def _given_back(self, channel: Channel, queue: str, count: int) -> None:
        """Give back what is left, and wait until it is there again, or the connection is not."""
        with suppress(Refusal, Lost, OmniCloudError):
            if count:
                channel.tell(commands.Basic.Nack(delivery_tag=0, multiple=True, requeue=True))
            await channel.ask(commands.Channel.Flow(active=True))
            channel.end()
            for _ in range(_SETTLE_LOOKS):
                if not count or (await self._broker.count(queue) or 0) >= count:
                    return
                await self._broker.clock.sleep(_SETTLE_PAUSE)
