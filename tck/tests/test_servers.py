"""Servers of the kit come up, survive being killed, and go away with their folders."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from omnicloud_tck.servers import NoServerError, ServerProcess, free_port, heed_sigterm

SERVER = """
import pathlib, socket, sys
port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
lives = folder / "lives"
lives.write_text(lives.read_text() + "x" if lives.exists() else "x")
with socket.create_server(("127.0.0.1", port)) as server:
    while True:
        connection, _ = server.accept()
        connection.sendall(lives.read_bytes())
        connection.close()
"""


def command(port: int, folder: Path) -> Sequence[str]:
    return (sys.executable, "-c", SERVER, str(port), str(folder))


async def lives(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


async def ready(port: int) -> None:
    await lives(port)


async def test_a_killed_server_comes_back_on_its_port_with_its_folder() -> None:
    server = ServerProcess(command, ready)
    try:
        await server.start()
        port = server.port
        assert await lives(port) == b"x"
        server.kill()
        assert not server.running
        with pytest.raises(ConnectionRefusedError):
            await lives(port)
        await server.restart()
        assert (server.port, await lives(port)) == (port, b"xx")
    finally:
        server.remove()
        server.remove()
    assert not server.running


async def test_a_removed_server_starts_anew_with_nothing() -> None:
    server = ServerProcess(command, ready)
    try:
        await server.start()
        server.remove()
        await server.start()
        assert await lives(server.port) == b"x"
    finally:
        server.remove()


async def test_a_program_that_is_not_there_is_said_loudly() -> None:
    server = ServerProcess(lambda port, folder: ("no-such-program",), ready)
    with pytest.raises(NoServerError, match="no-such-program"):
        await server.start()
    server.remove()


async def test_a_server_that_ends_while_it_starts_is_quoted() -> None:
    talk = "import sys; sys.exit('bad setting')"
    server = ServerProcess(lambda port, folder: (sys.executable, "-c", talk), ready)
    with pytest.raises(NoServerError, match="bad setting"):
        await server.start()
    server.remove()


async def test_a_server_that_is_never_ready_is_given_up_and_ended() -> None:
    talk = "import time; time.sleep(60)"
    server = ServerProcess(lambda port, folder: (sys.executable, "-c", talk), ready, within=0.3)
    with pytest.raises(NoServerError, match="not ready"):
        await server.start()
    assert not server.running
    server.remove()


def test_a_free_port_is_one() -> None:
    assert 1024 <= free_port() < 65536


TERMINATED = f"""
import asyncio, signal, sys
from omnicloud_tck.servers import ServerProcess, heed_sigterm

SERVER = {SERVER!r}

def command(port, folder):
    return sys.executable, "-c", SERVER, str(port), str(folder)

async def main():
    server = ServerProcess(command, ready)
    await server.start()
    print(server.port, flush=True)
    await asyncio.sleep(60)

async def ready(port):
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()

heed_sigterm()
asyncio.run(main())
"""


async def test_a_server_ends_with_a_process_that_is_terminated() -> None:
    piped = asyncio.subprocess.PIPE
    arguments = (sys.executable, "-c", TERMINATED)
    process = await asyncio.create_subprocess_exec(*arguments, stdout=piped, stderr=piped)
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 20))
        assert await lives(port) == b"x"
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)
        with pytest.raises(ConnectionRefusedError):
            await lives(port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def test_who_handles_sigterm_goes_on_doing_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        heed_sigterm()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
