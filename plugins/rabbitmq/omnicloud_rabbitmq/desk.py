"""The loans of one group in this process: what is lent, until when, and what becomes of it."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pamqp import commands

from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import OmniCloudError, Outcome, UnavailableError
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.channel import Channel, Delivered
from omnicloud_rabbitmq.envelope import Meta, opened, packed
from omnicloud_rabbitmq.errors import Lost, Refusal, translated
from omnicloud_rabbitmq.later import Later
from omnicloud_rabbitmq.notes import Notes

__all__ = ["Desk", "Loan"]

_AT_ONCE = 16
_PING = commands.Channel.Flow(active=True)

Tidy = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(slots=True)
class Loan:
    """A message that is lent.

    Attributes:
        attempt: Which this is.
        ends: Monotonic seconds.
    """

    tag: int
    meta: Meta
    payload: bytes = field(repr=False)
    attempt: int
    ends: float
    timer: asyncio.TimerHandle | None = None


class Desk:
    """Lends the messages of one queue.

    Args:
        tidy: Runs what has to be done for a call that was cancelled.
    """

    def __init__(self, broker: Broker, queue: str, later: Later, notes: Notes, tidy: Tidy) -> None:
        self._broker = broker
        self._queue = queue
        self._later = later
        self._notes = notes
        self._tidy = tidy
        self._opening = asyncio.Lock()
        self._channel: Channel | None = None
        self._loans: dict[str, Loan] = {}
        self._gone: dict[str, float] = {}
        self._mark = ""

    async def receive(self, most: int, wait: float, lease: float) -> tuple[Delivery, ...]:
        """Lend messages.

        Raises:
            NotFoundError: The broker does not know the queue.
        """
        channel = await self._opened()
        until = self._broker.clock.monotonic() + wait
        while True:
            left = max(0.0, until - self._broker.clock.monotonic())
            found = await self._found(channel, most, left)
            mine = [one for one in found if not one.returned]
            if len(mine) < len(found):
                await self._postpone(channel, found)
            if mine or not found:
                return await self._lent(channel, mine, lease)

    async def ack(self, receipt: str) -> bool:
        """Forget the message."""
        channel, loan = await self._taken(receipt)
        if loan is not None:
            settled = self._notes.settle(loan.meta.id, loan.attempt)
            await self._replaced(channel, receipt, loan, settled)
        else:
            await self._ping(channel)
        return loan is not None

    async def nack(self, receipt: str, delay: float, *, count: bool) -> bool:
        """Give the message back."""
        channel, loan = await self._taken(receipt)
        if loan is None:
            await self._ping(channel)
            return False
        attempts = loan.attempt if count else loan.attempt - 1
        body = packed(msgspec.structs.replace(loan.meta, attempts=attempts), loan.payload)
        if delay > 0:
            again = self._later.publish(body, delay)
        else:
            again = self._broker.publish("", self._queue, body, mandatory=True)
        await self._replaced(channel, receipt, loan, self._both(again, loan))
        return True

    async def extend(self, receipts: tuple[str, ...], lease: float) -> tuple[str, ...]:
        """Let leases end anew; which receipts are good."""
        channel = await self._opened()
        good = tuple(one for one in receipts if one in self._loans)
        for receipt in good:
            loan = self._loans[receipt]
            self._arm(receipt, loan, lease)
            with _told():
                self._notes.prolong(channel, loan.meta.id, loan.attempt, lease)
        await self._ping(channel)
        return good

    async def kill(self, receipt: str, buried: Callable[[Loan], Coroutine[Any, Any, None]]) -> bool:
        """Replace the message by what ``buried`` publishes."""
        channel, loan = await self._taken(receipt)
        if loan is None:
            await self._ping(channel)
            return False
        await self._replaced(channel, receipt, loan, self._both(buried(loan), loan))
        return True

    def aclose(self) -> None:
        """Lend no more; the broker takes back what is lent."""
        self._forget()
        if self._channel is not None and self._stands():
            with suppress(Lost, Refusal):
                self._channel.end()
        self._channel = None

    # The channel.

    def _stands(self) -> bool:
        return self._channel is not None and self._channel.open and self._channel.link.open

    async def _opened(self) -> Channel:
        async with self._opening:
            if self._channel is None or not self._stands():
                self._forget()
                self._mark = secrets.token_hex(8)
                self._channel = await self._broker.channel(strays=self._stray)
                self._channel.post(commands.Basic.Qos(prefetch_count=1))
            return self._channel

    def _forget(self) -> None:
        """The broker has taken back what was lent; nobody can settle it any more."""
        now = self._broker.clock.monotonic()
        self._gone = {receipt: end for receipt, end in self._gone.items() if end > now}
        for receipt, loan in self._loans.items():
            self._gone[receipt] = loan.ends
            if loan.timer is not None:
                loan.timer.cancel()
        self._loans.clear()

    async def _both(self, published: Coroutine[Any, Any, None], loan: Loan) -> None:
        """Put something in the message's place, and note that this one is settled."""
        await published
        await self._notes.settle(loan.meta.id, loan.attempt)

    async def _ping(self, channel: Channel) -> None:
        """Wait until the broker has read all that was told to it."""
        with _told():
            await channel.ask(_PING)

    # Messages in.

    async def _found(self, channel: Channel, most: int, wait: float) -> list[Delivered]:
        """What is there, or comes within so many seconds."""
        with _told():
            found = await self._got(channel, most)
            if not found and wait > 0:
                found = await self._waited(channel, wait)
                if found and most > 1:
                    found += await self._more(channel, found, most - 1)
        return found

    async def _postpone(self, channel: Channel, found: list[Delivered]) -> None:
        """Write anew those whose holders were lost, to come when their leases have ended.

        Where this fails all that was found goes back.
        """
        try:
            asked = self._broker.clock.monotonic()
            lost = [one for one in found if one.returned]
            left = await self._notes.left(map(self._which, lost))
            for one in lost:
                delay = left.get(self._which(one), 0.0)
                if delay == math.inf:
                    channel.tell(commands.Basic.Ack(delivery_tag=one.tag))
                elif delay > 0:
                    await self._later.publish(self._again(one), delay, asked)
                    await self._notes.settle(*self._which(one))
                    channel.tell(commands.Basic.Ack(delivery_tag=one.tag))
                else:
                    await self._put_back(channel, one.tag, self._again(one))
        except BaseException:
            for one in found:
                self._stray(one)
            raise

    def _which(self, one: Delivered) -> tuple[str, int]:
        """The message and the attempt that was lost."""
        meta, _ = opened(one.body, "", 0.0)
        return meta.id, meta.attempts + one.returned

    def _again(self, one: Delivered) -> bytes:
        """The same message, its attempts so far written into it."""
        meta, payload = opened(one.body, "", self._broker.clock.wall())
        attempts = meta.attempts + one.returned
        return packed(msgspec.structs.replace(meta, attempts=attempts), payload)

    async def _got(self, channel: Channel, most: int) -> list[Delivered]:
        """What is there, at once."""
        first = await self._asked(channel, 1)
        if first and most > 1:
            first += await self._more(channel, first, most - 1)
        return first

    async def _more(self, channel: Channel, found: list[Delivered], most: int) -> list[Delivered]:
        """So many more, after what was found already, which is given back where this fails."""
        more: list[Delivered] = []
        try:
            while len(more) < most:
                some = await self._asked(channel, min(most - len(more), _AT_ONCE))
                more += some
                if len(some) < _AT_ONCE:
                    break
        except BaseException:
            for one in (*found, *more):
                self._stray(one)
            raise
        return more

    async def _asked(self, channel: Channel, count: int) -> list[Delivered]:
        asked = [channel.post(commands.Basic.Get(queue=self._queue)) for _ in range(count)]
        try:
            answers = [await channel.link.answer(one) for one in asked]
        except BaseException:
            for one in asked:
                self._give_up(one)
            raise
        return [answer for answer in answers if isinstance(answer, Delivered)]

    async def _waited(self, channel: Channel, seconds: float) -> list[Delivered]:
        """The next message, or none after so long."""
        tag = secrets.token_hex(8)
        coming = channel.listen(self._queue, tag)
        ended: asyncio.Future[Any] | None = None
        try:
            await asyncio.wait({coming}, timeout=seconds)
            # What comes until the broker confirms the end is ours; without its word silence
            # would be an answer.
            ended = channel.deaf(tag)
            await channel.link.answer(ended)
        except BaseException:
            channel.forget(tag)
            if ended is None:
                channel.deaf(tag)
            self._give_up(coming)
            raise
        channel.forget(tag)
        return [coming.result()] if coming.done() else []

    def _give_up(self, coming: asyncio.Future[Any]) -> None:
        """Wait no longer for a message; one that has come goes back."""
        if not coming.done():
            coming.cancel()
        elif not coming.cancelled() and coming.exception() is None:
            found = coming.result()
            if isinstance(found, Delivered):
                self._stray(found)

    def _stray(self, one: Delivered) -> None:
        if self._channel is not None and self._stands():
            self._tidy(self._returned(self._channel, one))

    async def _returned(self, channel: Channel, one: Delivered) -> None:
        """Put a message back that no one was given, so that it was no attempt."""
        await self._put_back(channel, one.tag, self._again(one))

    async def _put_back(self, channel: Channel, tag: int, body: bytes) -> None:
        with suppress(OmniCloudError, Refusal, Lost):
            try:
                await self._broker.publish("", self._queue, body, mandatory=True)
            except OmniCloudError:
                channel.tell(commands.Basic.Nack(delivery_tag=tag, requeue=True))
            else:
                channel.tell(commands.Basic.Ack(delivery_tag=tag))

    # Loans.

    async def _lent(
        self, channel: Channel, mine: list[Delivered], lease: float
    ) -> tuple[Delivery, ...]:
        """Lend them, and see to it that the broker has the notes of that."""
        lent = tuple(self._lend(channel, one, lease) for one in mine)
        try:
            await self._ping(channel)
        except BaseException:
            for one, delivery in zip(mine, lent, strict=True):
                loan = self._loans.pop(delivery.receipt, None)
                if loan is not None and loan.timer is not None:
                    loan.timer.cancel()
                    with suppress(Refusal, Lost):
                        self._notes.give_back(channel, delivery.receipt)
                    self._stray(one)
            raise
        return lent

    def _lend(self, channel: Channel, one: Delivered, lease: float) -> Delivery:
        receipt = f"{self._mark}-{one.tag}"
        meta, payload = opened(one.body, receipt, self._broker.clock.wall())
        loan = Loan(one.tag, meta, payload, meta.attempts + one.returned + 1, 0.0)
        self._loans[receipt] = loan
        self._arm(receipt, loan, lease)
        with _told():
            self._notes.lend(channel, receipt, meta.id, loan.attempt, lease)
        return Delivery(
            id=meta.id,
            payload=payload,
            key=meta.key,
            headers=dict(meta.headers),
            published_at=meta.published_at,
            attempt=loan.attempt,
            receipt=receipt,
        )

    def _arm(self, receipt: str, loan: Loan, lease: float) -> None:
        if loan.timer is not None:
            loan.timer.cancel()
        loan.ends = self._broker.clock.monotonic() + lease
        loop = asyncio.get_running_loop()
        loan.timer = loop.call_later(lease, self._ended, receipt)

    def _ended(self, receipt: str) -> None:
        loan = self._loans.pop(receipt, None)
        if loan is None or self._channel is None or not self._stands():
            return
        self._notes.give_back(self._channel, receipt)
        meta = msgspec.structs.replace(loan.meta, attempts=loan.attempt)
        self._tidy(self._put_back(self._channel, loan.tag, packed(meta, loan.payload)))

    async def _taken(self, receipt: str) -> tuple[Channel, Loan | None]:
        """The loan of a receipt that is still good, now nobody else's to settle."""
        channel = await self._opened()
        now = self._broker.clock.monotonic()
        if self._gone.get(receipt, now) > now:
            raise UnavailableError(
                "the connection on which the message was lent has ended",
                hint="it is delivered again when its lease has ended",
                outcome=Outcome.NOT_DONE,
            )
        loan = self._loans.get(receipt)
        if loan is None or loan.ends <= now:
            return channel, None
        del self._loans[receipt]
        if loan.timer is not None:
            loan.timer.cancel()
        return channel, loan

    async def _replaced(
        self, channel: Channel, receipt: str, loan: Loan, published: Coroutine[Any, Any, None]
    ) -> None:
        """Forget the message once another is there in its place; else it stays lent."""
        try:
            await published
        except BaseException:
            self._loans[receipt] = loan
            self._arm(receipt, loan, max(0.0, loan.ends - self._broker.clock.monotonic()))
            raise
        with _told():
            self._notes.give_back(channel, receipt)
            channel.tell(commands.Basic.Ack(delivery_tag=loan.tag))
        await self._ping(channel)


@contextmanager
def _told() -> Iterator[None]:
    """Native errors become the library's."""
    try:
        yield
    except (Refusal, Lost) as error:
        raise translated(error) from error
