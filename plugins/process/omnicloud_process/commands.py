"""Further commands beside the program of a container."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from omnicloud.contracts.containers import ExecResult
from omnicloud.errors import DeadlineExceededError
from omnicloud_process.errors import cannot_start
from omnicloud_process.supervise.cgroups import Groups

__all__ = ["run_beside"]

_CHUNK = 1 << 16


async def run_beside(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    groups: Groups | None,
    *,
    wait: float,
    most: int,
) -> ExecResult:
    """Run a command under the limits of a container and answer how it ended.

    It is killed, with all that it began in its session, when its time is over or the caller
    is cancelled.

    Raises:
        DeadlineExceededError: It had not ended after ``wait`` seconds.
        InvalidArgumentError: It cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise cannot_start(error.errno or 0) from error
    try:
        async with asyncio.timeout(wait):
            if groups is not None:
                await asyncio.to_thread(_join, groups, process.pid)
            return await _ended(process, most)
    except TimeoutError:
        raise DeadlineExceededError(f"the command had not ended after {wait} s") from None
    finally:
        await _end(process)


async def _ended(process: asyncio.subprocess.Process, most: int) -> ExecResult:
    out, err = await asyncio.gather(_read(process.stdout, most), _read(process.stderr, most))
    code = await process.wait()
    truncated = max(len(out), len(err)) > most
    return ExecResult(code if code >= 0 else 128 - code, out[:most], err[:most], truncated)


async def _read(stream: asyncio.StreamReader | None, most: int) -> bytes:
    """All that a stream says, of which what is beyond the most, and one byte, is dropped."""
    kept = b""
    while stream is not None and (data := await stream.read(_CHUNK)):
        kept = (kept + data)[: most + 1]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), 5)


def _join(groups: Groups, pid: int) -> None:
    with contextlib.suppress(OSError):  # it ended already, or the container did
        groups.add(pid)
