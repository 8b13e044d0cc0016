"""What the laws of containers share: programs that every engine can run, and waiting for them.

The programs are scripts of ``sh`` with the few words that the simulated engine knows as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainerSpec,
    Event,
    LogLine,
    State,
)
from omnicloud.contracts.containers.driver import Events
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken, equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = ["BUSY", "CANARY", "DEAF", "IDLE", "PATIENCE", "POLITE", "SECRET"]
__all__ += ["Bench", "kept_secret", "sh", "spec"]

PATIENCE = 20.0
"""Seconds within which an engine does what takes it a moment."""
_SILENCES = 20
"""Seconds without an event after which those that are missing will not come."""

_REST = "echo ready; while true; do sleep 0.05; done"
IDLE = f"trap 'exit 0' TERM; {_REST}"
POLITE = f"trap 'trap : TERM; echo bye; exit 7' TERM; {_REST}"
"""Says goodbye once, also where several stop it at once."""
DEAF = f"trap '' TERM; {_REST}"
BUSY = "trap 'exit 0' TERM; echo ready; while true; do :; done"

CANARY = "canary-7f3a9c"
SECRET = {"TOKEN": CANARY}
"""An environment that no error may tell."""


@contextmanager
def kept_secret(about: str) -> Iterator[None]:
    """Break the law where an error out of the block tells :data:`SECRET`."""
    try:
        yield
    except OmniCloudError as error:
        that(CANARY not in f"{error}{error!r}", f"{about}: {type(error).__name__} tells a secret")
        raise


def sh(script: str) -> tuple[str, ...]:
    """The command that runs a script."""
    return ("sh", "-c", script)


def spec(name: str, script: str = IDLE, **more: Any) -> ContainerSpec:
    """A container of that name that runs a script."""
    return ContainerSpec(name=name, command=sh(script), **more)


class Bench(Contract):
    """Opens services and waits for containers."""

    contract = "containers"

    async def portable(self, world: World[Any]) -> Containers:
        return Containers(await world.pipeline(), world.clock)

    async def ready(self, containers: Containers, name: str) -> None:
        """Come to the moment at which the program has begun."""
        async with asyncio.timeout(PATIENCE):
            async for line in containers.logs(name, follow=True):
                if line.text == "ready":
                    return
        raise Broken(f"{name} ended before its program said that it was ready")

    async def begun(self, containers: Containers, wanted: ContainerSpec) -> Container:
        """Run a container and wait until its program has begun."""
        made = await containers.run(wanted)
        await self.ready(containers, wanted.name)
        return made

    async def ended(self, containers: Containers, name: str) -> Container:
        """How a container stands when it has ended for good."""
        found = await containers.wait(name, timeout=PATIENCE)
        that(found.state is State.EXITED, f"{name} is {found.state.value}, not ended")
        return found

    async def alive(self, containers: Containers, name: str, about: str) -> Container:
        """Break the law unless the container runs."""
        found = await containers.get(name)
        if found is None:
            raise Broken(f"{about}: the container is gone")
        equal(State.RUNNING, found.state, about)
        return found

    async def lines(self, containers: Containers, name: str) -> list[LogLine]:
        """All that it has written; an engine may give few lines at once, and each time slowly."""
        async with asyncio.timeout(10 * PATIENCE):
            return [line async for line in containers.logs(name)]

    async def texts(self, containers: Containers, name: str) -> list[str]:
        """All that it has written, as text."""
        return [line.text for line in await self.lines(containers, name)]

    async def told(self, watcher: Any, cursor: str, count: int) -> list[Event]:
        """The events since a cursor: so many, and whatever more comes within a second."""
        told: list[Event] = []
        silent = 0
        while silent < (1 if len(told) >= count else _SILENCES):
            page = await watcher.send(Events("", cursor, 1.0))
            told += page.events
            cursor = page.cursor
            silent = 0 if page.events else silent + 1
        return told
