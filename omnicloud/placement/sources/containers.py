"""Usage of running containers, out of their stats."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.containers import Containers
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import OmniCloudError
from omnicloud.placement.sources.recording import Recording

__all__ = ["observe"]


async def observe(
    containers: Containers,
    recording: Recording,
    *,
    seconds: Seconds,
    interval: Seconds = 1.0,
    prefix: str = "",
) -> tuple[str, ...]:
    """Record the containers that run now for so many seconds; the names of those recorded.

    A container without limits asks for nothing that could be compared: it is left out. One that
    ends meanwhile is recorded up to its end.

    Raises:
        UnsupportedError: The provider has no stats.
        UnavailableError: The engine cannot be reached.
    """
    length, pause = positive(seconds, "seconds"), positive(interval, "interval")
    watched = []
    for one in await containers.list(prefix):
        cores, memory = one.resources.cpu, one.resources.memory_bytes
        if cores is not None and memory is not None:
            recording.watch(one.name, cores=cores, memory_bytes=memory)
            watched.append(one.name)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_record(containers, recording, name, pause)) for name in watched
            ]
            if running:
                await asyncio.wait(running, timeout=length)
            for task in running:
                task.cancel()
    except* OmniCloudError as failed:
        raise _first(failed) from None
    return tuple(watched)


async def _record(containers: Containers, recording: Recording, name: str, interval: float) -> None:
    async for stats in containers.stats(name, interval=interval):
        recording.add_counter(name, stats.at, stats.cpu_seconds, stats.memory_bytes)


def _first(failed: BaseExceptionGroup[OmniCloudError]) -> BaseException:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
