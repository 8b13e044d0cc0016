"""The kit's proxy does to bytes what it is told, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from omnicloud_tck.proxy import Proxy

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that says what it hears."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            return
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def dialled(proxy: Proxy) -> AsyncIterator[Pair]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def read_into(got: bytearray, reader: asyncio.StreamReader) -> None:
    """Read until the end, which is no reset."""
    while part := await reader.read(100):
        got += part


async def test_what_passes_in_fair_weather_is_whole() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        data = bytes(range(256)) * 4096
        writer.write(data)
        async with asyncio.timeout(5):
            assert await reader.readexactly(len(data)) == data


async def test_latency_holds_each_way_back() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        proxy.weather.latency = 0.1
        started = time.monotonic()
        writer.write(b"x")
        await reader.readexactly(1)
        assert 0.2 <= time.monotonic() - started < 8.0


async def test_bandwidth_is_a_bound() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        proxy.weather.bytes_per_second = 100_000
        started = time.monotonic()
        writer.write(b"x" * 10_000)
        await reader.readexactly(10_000)
        assert 0.2 <= time.monotonic() - started < 8.0


async def test_a_blackhole_says_nothing_and_closes_nothing() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        proxy.weather.blackhole = True
        writer.write(b"lost")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        proxy.clear()
        writer.write(b"told")
        assert await reader.readexactly(4) == b"told"


async def test_half_open_hears_and_does_not_answer() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        proxy.weather.half_open = True
        writer.write(b"heard")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)


async def test_a_cut_lets_so_many_bytes_through_and_resets() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        proxy.weather.cut_after = 5
        writer.write(b"0123456789")
        got = bytearray()
        with pytest.raises(ConnectionResetError):
            await read_into(got, reader)
        assert b"01234".startswith(got)


async def test_reset_and_refusal_end_connections_old_and_new() -> None:
    async with echo() as port, Proxy(port) as proxy, dialled(proxy) as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.weather.refusing = True
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        with pytest.raises(ConnectionResetError):
            async with dialled(proxy) as (other, _):
                await other.read(1)


async def test_closing_leaves_no_connection_and_no_task() -> None:
    before = asyncio.all_tasks()
    async with echo() as port:
        proxy = Proxy(port)
        await proxy.open()
        async with dialled(proxy) as (reader, writer):
            writer.write(b"x")
            await reader.readexactly(1)
            assert proxy.connections == 1
            await proxy.aclose()
            await proxy.aclose()
            assert proxy.connections == 0
        await asyncio.sleep(0.02)
    assert asyncio.all_tasks() - before == set()


async def test_connections_beyond_the_bound_are_reset() -> None:
    async with echo() as port, Proxy(port, most=1) as proxy, dialled(proxy) as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        with pytest.raises(ConnectionResetError):
            async with dialled(proxy) as (other, _):
                await other.read(1)
