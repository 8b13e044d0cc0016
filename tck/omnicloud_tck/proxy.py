"""A TCP proxy of the kit that stands in front of a real server and hurts what passes."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from dataclasses import dataclass
from typing import Self

__all__ = ["Proxy", "Weather"]

_CHUNK = 64 << 10
_RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST
_CLOSE_SECONDS = 5.0


@dataclass(slots=True)
class Weather:
    """What befalls the bytes on their way; changing it counts from the next chunk on.

    Attributes:
        latency: Seconds that each chunk is held back, each way.
        jitter: Up to so many seconds more, drawn for each chunk.
        bytes_per_second: Bandwidth each way and connection; ``None`` is no bound.
        blackhole: Whether bytes vanish both ways while connections stay up: a partition.
        half_open: Whether what the server says vanishes, and only that.
        refusing: Whether new connections are reset at once.
        cut_after: After so many more bytes of the server's, each connection is reset;
            ``None`` is never.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bytes_per_second: float | None = None
    blackhole: bool = False
    half_open: bool = False
    refusing: bool = False
    cut_after: int | None = None


class Proxy:
    """Passes connections to ``port`` on ``host`` through the weather; ``async with`` it.

    Args:
        most: Connections at once; more are reset.
        seed: Of the jitter.
    """

    def __init__(
        self, port: int, host: str = "127.0.0.1", *, most: int = 1000, seed: int = 0
    ) -> None:
        self.weather = Weather()
        self._target = (host, port)
        self._most = most
        self._random = random.Random(seed)  # noqa: S311 - jitter, not keys
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        if self._server is None:
            raise RuntimeError("the proxy is not open: use it in `async with`")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many connections pass through it."""
        return len(self._links)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def aclose(self) -> None:
        """Stop listening and close all that passes through; twice is silent."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self.reset()
        links = list(self._links)
        for link in links:
            link.cancel()
        if links:
            await asyncio.wait(links, timeout=_CLOSE_SECONDS)
        await asyncio.sleep(0)  # transports close at the next turn of the loop

    def retarget(self, port: int) -> None:
        """Lead connections made from now on to another port."""
        self._target = (self._target[0], port)

    def reset(self) -> None:
        """Reset every connection, as a host does that was restarted."""
        for writer in self._links.values():
            _reset(writer)

    def clear(self) -> None:
        """Fair weather again; connections made before stay as they are."""
        self.weather = Weather()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or self.weather.refusing or len(self._links) >= self._most:
            _reset(writer)
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._links[task] = writer
        task.add_done_callback(self._links.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._link(reader, writer)
        finally:
            writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        try:
            ways = (
                asyncio.ensure_future(self._carry(reader, server_writer, answers=False)),
                asyncio.ensure_future(self._carry(server_reader, writer, answers=True)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.wait(ways)
        finally:
            server_writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        """Carry one way until either end closes or the connection is cut."""
        try:
            while chunk := await reader.read(_CHUNK):
                await self._hold_back(len(chunk))
                weather = self.weather
                if weather.blackhole or (answers and weather.half_open):
                    continue
                if answers and weather.cut_after is not None and len(chunk) > weather.cut_after:
                    await _cut(writer, chunk[: weather.cut_after])
                    return
                if answers and weather.cut_after is not None:
                    weather.cut_after -= len(chunk)
                writer.write(chunk)
                await writer.drain()
        except OSError:
            return
        if self.weather.blackhole:
            # The other end is not told of the close either.
            await asyncio.Event().wait()

    async def _hold_back(self, size: int) -> None:
        weather = self.weather
        pause = weather.latency
        if weather.jitter:
            pause += self._random.uniform(0.0, weather.jitter)
        if weather.bytes_per_second is not None:
            pause += size / weather.bytes_per_second
        if pause:
            await asyncio.sleep(pause)


async def _cut(writer: asyncio.StreamWriter, last: bytes) -> None:
    writer.write(last)
    await writer.drain()
    await asyncio.sleep(0.001)  # a reset may overtake what is still to be sent
    _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
