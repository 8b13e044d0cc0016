"""One AMQP 0-9-1 connection, without a task of its own: bytes in, futures out."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from pamqp import commands, exceptions, frame, header, heartbeat
from pamqp.base import Frame

from omnicloud.core.clock import Clock
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_rabbitmq.errors import Lost, Refusal, blocked

__all__ = ["Link", "Listener"]

_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_HEAD = struct.Struct(">BHI")
_END = 0xCE
_FRAME_MAX = 131_072
_CHANNEL_MAX = 2047
_SILENT_BEATS = 2

T = TypeVar("T")


class Listener(Protocol):
    """What a connection tells of one channel."""

    def on_method(self, method: Frame) -> None:
        """A method has come."""

    def on_header(self, content: header.ContentHeader) -> None:
        """The properties of a message have come, and its size."""

    def on_body(self, part: bytes) -> None:
        """A part of a message has come."""

    def on_lost(self, error: Exception) -> None:
        """Nothing more comes."""


class Link(asyncio.Protocol):
    """A connection. Whatever goes wrong on it ends it, and everyone who waits is told."""

    def __init__(self, clock: Clock, beat: int, answer_timeout: float) -> None:
        self.frame_max = _FRAME_MAX
        self.channel_max = _CHANNEL_MAX
        self.blocked = False
        self.listeners: dict[int, Listener] = {}
        self.timeout = answer_timeout
        self._clock = clock
        self._beat = beat
        self._heard = clock.monotonic()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Whether it stands."""
        return self._lost is None and self._transport is not None

    def write(self, data: bytes) -> None:
        """Send.

        Raises:
            Lost: It has ended; nothing was sent.
        """
        if self._lost is not None or self._transport is None:
            raise Lost
        self._transport.write(data)

    async def writable(self) -> None:
        """Wait until what was written before has left, for the most part."""
        if not self._writable.is_set():
            await self.answer(asyncio.ensure_future(self._writable.wait()))

    async def answer(
        self, coming: asyncio.Future[T], give_up: Callable[[], None] | None = None
    ) -> T:
        """What an answer brings.

        Args:
            give_up: What to do where it does not come in time; by default the connection ends.

        Raises:
            UnavailableError: It did not come in time.
            ResourceExhaustedError: Nor did it, but the broker has said that it takes nothing
                now; the connection is kept, for the broker will say when it does again.
        """
        try:
            async with asyncio.timeout(self.timeout):
                return await coming
        except TimeoutError as error:
            if self.blocked:
                raise blocked(Outcome.UNKNOWN) from error
            if give_up is None:
                self.abort(Lost())
            else:
                give_up()
            raise UnavailableError("the broker did not answer in time") from error

    def ends_with(self, number: int) -> None:
        """Give the connection up too, unless the broker confirms in time that a channel closed."""
        loop = asyncio.get_running_loop()
        loop.call_later(self.timeout, self._unclosed, number, self.listeners.get(number))

    def beat(self, seconds: int) -> None:
        """Send heartbeats from now on, and give up when none come."""
        self._beat = min(self._beat, seconds) if seconds else self._beat
        self._arm()

    def abort(self, error: Exception) -> None:
        """End it without a word, also in the middle of a call and while being cancelled."""
        if self._lost is not None:
            return
        self._lost = error
        self._writable.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        for listener in list(self.listeners.values()):
            listener.on_lost(error)
        self.listeners.clear()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort(Lost())

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._heard = self._clock.monotonic()
        self._buffer += data
        try:
            while self._lost is None and self._take():
                pass
        except (exceptions.UnmarshalingException, ValueError, KeyError, struct.error):
            self.abort(Lost())

    def _take(self) -> bool:
        """Take the next frame, if all of it is there."""
        if len(self._buffer) < _HEAD.size:
            return False
        kind, channel, size = _HEAD.unpack_from(self._buffer)
        if kind not in (_METHOD, _HEADER, _BODY, _HEARTBEAT) or size > self.frame_max:
            raise ValueError("not AMQP 0-9-1")
        whole = _HEAD.size + size + 1
        if len(self._buffer) < whole:
            return False
        taken = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        if taken[-1] != _END:
            raise ValueError("not AMQP 0-9-1")
        if kind != _HEARTBEAT:
            self._pass_on(kind, channel, taken)
        return True

    def _pass_on(self, kind: int, channel: int, taken: bytes) -> None:
        listener = self.listeners.get(channel)
        if kind == _BODY:
            if listener is not None:
                listener.on_body(taken[_HEAD.size : -1])
            return
        _, _, said = frame.unmarshal(taken)
        if channel == 0 and self._is_ours(said):
            return
        if listener is None:
            return
        if isinstance(said, header.ContentHeader):
            listener.on_header(said)
        elif isinstance(said, Frame):
            listener.on_method(said)

    def _is_ours(self, said: object) -> bool:
        """Take what concerns the connection as a whole."""
        if isinstance(said, commands.Connection.Close):
            self.write(frame.marshal(commands.Connection.CloseOk(), 0))
            self.abort(Refusal(said.reply_code or 0, said.reply_text or ""))
        elif isinstance(said, commands.Connection.Blocked):
            self.blocked = True
        elif isinstance(said, commands.Connection.Unblocked):
            self.blocked = False
        else:
            return False
        return True

    def _unclosed(self, number: int, closing: Listener | None) -> None:
        if self.listeners.get(number) is closing and closing is not None and not self.blocked:
            self.abort(Lost())

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._beat / 2, self._on_beat)

    def _on_beat(self) -> None:
        if self._clock.monotonic() - self._heard > _SILENT_BEATS * self._beat:
            self.abort(Lost())
        elif self.open:
            self.write(heartbeat.Heartbeat().marshal())
            self._arm()
