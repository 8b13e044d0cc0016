"""One channel of a connection: methods and their answers in order, messages, confirms.

A call that is cancelled only stops waiting: its answer is passed over when it comes, and a message
that it brings goes to ``strays``. Nothing of the channel is lost by it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pamqp import commands, frame, header
from pamqp.base import Frame
from pamqp.body import ContentBody

from omnicloud_rabbitmq.errors import Lost, Refusal
from omnicloud_rabbitmq.link import Link

__all__ = ["Channel", "Delivered"]

_OVERHEAD = 8
_PERSISTENT = 2
_NO_ROUTE = 312

_WithContent = commands.Basic.GetOk | commands.Basic.Deliver | commands.Basic.Return


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that the broker lends to this channel.

    Attributes:
        returned: How often it was lent before and came back; a classic queue says 1 for more.
    """

    tag: int
    body: bytes = field(repr=False)
    returned: int


@dataclass(slots=True)
class _Content:
    """A message on its way in."""

    method: _WithContent
    properties: commands.Basic.Properties = field(default_factory=commands.Basic.Properties)
    size: int = 0
    parts: list[bytes] = field(default_factory=list)
    got: int = 0


class Channel:
    """A channel that is open, or was.

    Args:
        strays: Is given messages that came for a call which no longer waits.
    """

    def __init__(
        self, link: Link, number: int, strays: Callable[[Delivered], None] | None = None
    ) -> None:
        self.link = link
        self._number = number
        self._strays = strays
        self._answers: deque[asyncio.Future[Any]] = deque()
        self._consumers: dict[str, asyncio.Future[Delivered]] = {}
        self._begun: dict[str, asyncio.Future[Any]] = {}
        self._confirms: dict[int, asyncio.Future[None]] = {}
        self._published = 0
        self._content: _Content | None = None
        self._lost: Exception | None = None
        link.listeners[number] = self

    @property
    def open(self) -> bool:
        """Whether it stands."""
        return self._lost is None

    def tell(self, method: Frame) -> None:
        """Send a method that has no answer."""
        self._check()
        self.link.write(frame.marshal(method, self._number))

    def post(self, method: Frame) -> asyncio.Future[Any]:
        """Send a method; its answer comes after those of all before."""
        self._check()
        self.link.write(frame.marshal(method, self._number))
        return self.expect()

    def expect(self) -> asyncio.Future[Any]:
        """The next answer that no one waits for yet."""
        coming: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers.append(coming)
        return coming

    async def ask(self, method: Frame) -> Any:
        """Send a method and return its answer.

        Raises:
            Refusal: The broker's word; the channel is over.
            Lost: The connection ended.
            UnavailableError: No answer in time; the connection is over.
        """
        return await self.link.answer(self.post(method))

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        *,
        mandatory: bool = False,
        expires_ms: int | None = None,
    ) -> None:
        """Publish a message that survives a restart, and wait until the broker has it.

        Raises:
            Refusal: It does not take it, or, if mandatory, no queue is there for it.
            UnavailableError: It did not say so in time; the channel is over.
        """
        self._check()
        await self.link.writable()
        self._check()
        self._published += 1
        number = self._published
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._confirms[number] = confirmed
        properties = commands.Basic.Properties(
            delivery_mode=_PERSISTENT,
            message_id=str(number) if mandatory else None,
            expiration=None if expires_ms is None else str(expires_ms),
        )
        method = commands.Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory)
        self.link.write(self._frames(method, properties, body))
        await self.link.answer(confirmed, self._give_up)

    def send(self, exchange: str, key: str, body: bytes, *, expires_ms: int) -> None:
        """Publish a message that need not be confirmed and is gone after so long."""
        self._check()
        properties = commands.Basic.Properties(
            delivery_mode=_PERSISTENT, expiration=str(expires_ms)
        )
        method = commands.Basic.Publish(exchange=exchange, routing_key=key)
        self.link.write(self._frames(method, properties, body))

    def listen(self, queue: str, tag: str) -> asyncio.Future[Delivered]:
        """The next message of a queue; one at most is lent before :meth:`deaf`."""
        coming: asyncio.Future[Delivered] = asyncio.get_running_loop().create_future()
        self._consumers[tag] = coming
        begun = self.post(commands.Basic.Consume(queue=queue, consumer_tag=tag))
        begun.add_done_callback(_seen)
        self._begun[tag] = begun
        return coming

    def deaf(self, tag: str) -> asyncio.Future[Any]:
        """Listen no more; what comes until this is answered is a stray, if no one takes it.

        The broker is told only once it has confirmed the beginning: RabbitMQ's channel breaks
        where the end overtakes that.
        """
        ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        ended.add_done_callback(_seen)

        def end(begun: asyncio.Future[Any]) -> None:
            _seen(begun)
            if self.open and not begun.cancelled() and begun.exception() is None:
                self.post(commands.Basic.Cancel(consumer_tag=tag)).add_done_callback(
                    partial(_passed_on, ended)
                )
            elif not ended.done():
                ended.set_exception(self._lost or Lost())

        begun = self._begun.pop(tag)
        if begun.done():
            end(begun)
        else:
            begun.add_done_callback(end)
        return ended

    def forget(self, tag: str) -> None:
        """Give nothing more to who listened: what comes is a stray."""
        self._consumers.pop(tag, None)

    def end(self) -> None:
        """Close it without waiting: the broker takes back what it has lent."""
        if self.open:
            self.tell(commands.Channel.Close(200, "", 0, 0))
            self.on_lost(Lost())
            self.link.listeners[self._number] = _Closing(self.link, self._number)

    # What the connection tells.

    def on_method(self, method: Frame) -> None:
        if isinstance(method, _WithContent):
            self._content = _Content(method)
        elif isinstance(method, commands.Basic.Ack | commands.Basic.Nack):
            self._on_confirm(method)
        elif isinstance(method, commands.Channel.Close):
            self.link.write(frame.marshal(commands.Channel.CloseOk(), self._number))
            self.link.listeners.pop(self._number, None)
            self.on_lost(Refusal(method.reply_code or 0, method.reply_text or ""))
        elif isinstance(method, commands.Basic.Cancel):
            coming = self._consumers.pop(str(method.consumer_tag), None)
            if coming is not None and not coming.done():
                coming.set_exception(Refusal(404, "the queue was deleted"))
        else:
            self._answered(method)

    def on_header(self, content: header.ContentHeader) -> None:
        if self._content is not None:
            self._content.properties = content.properties
            self._content.size = content.body_size
            self._complete()

    def on_body(self, part: bytes) -> None:
        if self._content is not None:
            self._content.parts.append(part)
            self._content.got += len(part)
            self._complete()

    def on_lost(self, error: Exception) -> None:
        self._lost = self._lost or error
        waiting = [*self._answers, *self._consumers.values(), *self._confirms.values()]
        self._answers.clear()
        self._consumers.clear()
        self._confirms.clear()
        for coming in waiting:
            if not coming.done():
                coming.set_exception(error)
                coming.exception()  # who waits is told all the same

    def _give_up(self) -> None:
        """End it, and with it the connection should that be as silent."""
        if self.open:
            self.end()
            self.link.ends_with(self._number)

    def _check(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _frames(self, method: Frame, properties: commands.Basic.Properties, body: bytes) -> bytes:
        head = header.ContentHeader(0, len(body), properties)
        size = self.link.frame_max - _OVERHEAD
        parts = [ContentBody(body[at : at + size]) for at in range(0, len(body), size)]
        start = frame.marshal(method, self._number) + frame.marshal(head, self._number)
        return b"".join((start, *(frame.marshal(part, self._number) for part in parts)))

    def _complete(self) -> None:
        content = self._content
        if content is None or content.got < content.size:
            return
        self._content = None
        method, body = content.method, b"".join(content.parts)
        if isinstance(method, commands.Basic.Return):
            self._on_return(content)
            return
        count = (content.properties.headers or {}).get("x-delivery-count", method.redelivered)
        found = Delivered(
            method.delivery_tag or 0, body, int(count) if isinstance(count, int) else 0
        )
        if isinstance(method, commands.Basic.GetOk):
            if not self._answered(found):
                self._stray(found)
            return
        coming = self._consumers.get(str(method.consumer_tag))
        if coming is not None and not coming.done():
            coming.set_result(found)
        else:
            self._stray(found)

    def _stray(self, found: Delivered) -> None:
        if self._strays is not None:
            self._strays(found)
        else:
            self.tell(commands.Basic.Nack(delivery_tag=found.tag, requeue=True))

    def _answered(self, answer: object) -> bool:
        """Give an answer to who waits for it; whether anyone does."""
        coming = self._answers.popleft() if self._answers else None
        if coming is None or coming.done():
            return False
        coming.set_result(answer)
        return True

    def _on_confirm(self, method: commands.Basic.Ack | commands.Basic.Nack) -> None:
        upto = method.delivery_tag
        numbers = [n for n in self._confirms if n <= upto] if method.multiple else [upto]
        for number in numbers:
            confirmed = self._confirms.pop(number, None)
            if confirmed is None or confirmed.done():
                continue
            if isinstance(method, commands.Basic.Nack):
                confirmed.set_exception(Refusal(506, "the broker did not take the message"))
            else:
                confirmed.set_result(None)

    def _on_return(self, content: _Content) -> None:
        confirmed = self._confirms.pop(int(content.properties.message_id or 0), None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_exception(Refusal(_NO_ROUTE, "no queue is there for it"))


class _Closing:
    """A channel whose close the broker has not confirmed: its number is not free yet."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number

    def on_method(self, method: Frame) -> None:
        if isinstance(method, commands.Channel.Close):
            self._link.write(frame.marshal(commands.Channel.CloseOk(), self._number))
        if isinstance(method, commands.Channel.CloseOk | commands.Channel.Close):
            self._link.listeners.pop(self._number, None)

    def on_header(self, content: header.ContentHeader) -> None:
        """Pass over it."""

    def on_body(self, part: bytes) -> None:
        """Pass over it."""

    def on_lost(self, error: Exception) -> None:
        """Pass over it."""


def _passed_on(ended: asyncio.Future[Any], answered: asyncio.Future[Any]) -> None:
    """Tell the end to who waits for it."""
    _seen(answered)
    if ended.done():
        return
    error = None if answered.cancelled() else answered.exception()
    if error is not None:
        ended.set_exception(error)
    else:
        ended.set_result(None)


def _seen(coming: asyncio.Future[Any]) -> None:
    """What went wrong is told to those who wait on the channel for something else."""
    if not coming.cancelled():
        coming.exception()
