"""All containers of a service steered for as long as wanted, and given their limits back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from omnicloud.contracts.containers import Containers, State
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import NotFoundError, OmniCloudError, UnavailableError
from omnicloud.placement.recommend.apply import Applied, undo
from omnicloud.placement.recommend.journal import LimitJournal
from omnicloud.placement.recommend.steer import Steerer, Steering

__all__ = ["Followed", "follow"]

_LOOK_EVERY = 10  # steps, after which containers that began meanwhile are taken in
_PATIENCE_SECONDS = 60.0
_RESTORE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of it.

    Attributes:
        steps: How often all were sampled.
        failed: Steps at which the engine could not be reached.
        changes: Limits that were changed meanwhile.
        undone: What could not be given back in the ordinary way, and what became of it.
    """

    steps: int
    failed: int
    changes: int
    undone: tuple[Applied, ...] = ()


async def follow(
    containers: Containers,
    rules: Steering,
    journal: LimitJournal,
    stop: asyncio.Event,
    *,
    clock: Clock = SYSTEM_CLOCK,
    told: Callable[[Mapping[str, float]], None] | None = None,
) -> Followed:
    """Keep the limits of all running containers near what they will use, until ``stop`` is set.

    Then, or when cancelled, all get the limits that they had; if the process is killed, ``undo``
    does it from the journal. Changes that the journal has are still those of this run.

    Args:
        told: Called with each step's new limits in cores, where there are any.

    Raises:
        UnavailableError: The engine could not be reached for a minute.
        ResourceExhaustedError: More containers than the journal may have lines for.
    """
    run = _Run(containers, Steerer(containers, rules, clock, journal), clock)
    try:
        while not stop.is_set():
            changed = await run.step()
            if changed and told is not None:
                told(changed)
            await _pause(stop, rules.interval)
    finally:
        undone = await asyncio.shield(_restored(run, journal))
    return Followed(run.steps, run.failed, run.changes, undone)


class _Run:
    def __init__(self, containers: Containers, steerer: Steerer, clock: Clock) -> None:
        self.containers, self.steerer, self._clock = containers, steerer, clock
        self.steps = self.failed = self.changes = 0
        self._reached = clock.monotonic()

    async def step(self) -> Mapping[str, float]:
        """One step; an engine that cannot be reached is asked again at the next."""
        try:
            if self.steps % _LOOK_EVERY == 0:
                await self._take_in()
            changed = await self.steerer.step()
        except UnavailableError:
            self.failed += 1
            if self._clock.monotonic() - self._reached > _PATIENCE_SECONDS:
                raise
            return {}
        self._reached = self._clock.monotonic()
        self.steps += 1
        self.changes += len(changed)
        return changed

    async def _take_in(self) -> None:
        for one in await self.containers.list():
            if one.state is State.RUNNING and one.name not in self.steerer.names:
                try:
                    await self.steerer.begin([one.name])
                except NotFoundError:
                    continue  # it ended meanwhile


async def _restored(run: _Run, journal: LimitJournal) -> tuple[Applied, ...]:
    """Give limits back; of those that had ended, the journal knows."""
    try:
        async with asyncio.timeout(_RESTORE_SECONDS):
            await run.steerer.restore()
    except (OmniCloudError, TimeoutError):
        pass  # undo says of each what is wrong
    return await undo(run.containers, journal)


async def _pause(stop: asyncio.Event, seconds: Seconds) -> None:
    try:
        async with asyncio.timeout(positive(seconds, "interval")):
            await stop.wait()
    except TimeoutError:
        return
