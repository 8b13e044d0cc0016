"""The application's processes: started, killed, started again, stopped."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, final

__all__ = ["Crew", "run_jobs"]

_STOP_SECONDS = 20.0
_ROOT = Path(__file__).parents[2]


@final
class Crew:
    """Processes by name, in one folder; all are gone when the block ends.

    Args:
        folder: Where they work, and where ``NAME.log`` says what each wrote.
        commands: Arguments of ``python -m examples.orders`` by the process's name.
    """

    def __init__(self, folder: Path, commands: Mapping[str, Sequence[str]]) -> None:
        self.kills = 0
        self.unexpected: list[str] = []
        self._folder = folder
        self._commands = commands
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        for name in self._commands:
            await self._start(name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        processes = list(self._running.values())
        for process in processes:
            _send(process, signal.SIGTERM)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await asyncio.gather(*(process.wait() for process in processes))
        finally:
            for name, process in self._running.items():
                if process.returncode is None:
                    self.unexpected.append(f"{name} did not stop in {_STOP_SECONDS:.0f} s")
                _send(process, signal.SIGKILL)
            await asyncio.gather(*(process.wait() for process in processes))

    async def kill_one(self, chance: random.Random) -> None:
        """``kill -9`` one of them and start it again."""
        name = chance.choice(sorted(self._running))
        process = self._running[name]
        _send(process, signal.SIGKILL)
        await process.wait()
        self.kills += 1
        await self._start(name)

    async def look_after(self) -> None:
        """Start again what ended by itself, and remember that it did."""
        for name, process in list(self._running.items()):
            if process.returncode is not None:
                self.unexpected.append(f"{name} ended with {process.returncode}, see {name}.log")
                await self._start(name)

    async def _start(self, name: str) -> None:
        log = self._folder / f"{name}.log"
        self._running[name] = await _started(self._folder, log, self._commands[name])


async def run_jobs(
    folder: Path, jobs: Sequence[Sequence[str]], kill_first_after: float | None = None
) -> list[str]:
    """Run processes beside each other to their end; what each wrote.

    Args:
        kill_first_after: Seconds after which the first of them is ended by ``kill -9``.
    """
    logs = [folder / f"job-{number}.log" for number in range(1, len(jobs) + 1)]
    pairs = zip(logs, jobs, strict=True)
    processes = [await _started(folder, log, job) for log, job in pairs]
    try:
        if kill_first_after is not None:
            await asyncio.sleep(kill_first_after)
            _send(processes[0], signal.SIGKILL)
        await asyncio.gather(*(process.wait() for process in processes))
    finally:
        for process in processes:
            _send(process, signal.SIGKILL)
    return [log.read_text() for log in logs]


async def _started(folder: Path, log: Path, command: Sequence[str]) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "examples.orders",
            "--leash",
            *command,
            cwd=folder,
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,  # ends with this process, however it ends
            stdout=output,
            stderr=output,
        )


def _environment() -> dict[str, str]:
    """The environment of a process that works in another folder."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)
