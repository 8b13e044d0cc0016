"""Processor limits of the containers of one node, kept near what they will use while they run.

Each may use what is forecast for it and all that is forecast for nobody: a burst finds what the
node has idle, and none takes what the others are about to need. A limit at the request instead
holds services back while the node idles.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from omnicloud.contracts.containers import Containers, Stats
from omnicloud.contracts.containers.driver import Sample
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import ConflictError, InvalidArgumentError, NotFoundError, OmniCloudError
from omnicloud.placement.forecast.counters import CounterRates
from omnicloud.placement.forecast.history import History
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.predictors.peak import PeakOfSum
from omnicloud.placement.recommend.journal import Change, LimitJournal

__all__ = ["Steerer", "Steering", "shared_out"]

_AT_ONCE = 64  # questions in flight; an engine may answer once a second, but all together
_UPDATES_AT_ONCE = 4
_HELD_BACK = 0.05  # share of the time


@dataclass(frozen=True, slots=True)
class Steering:
    """How a node's cores are shared out.

    Attributes:
        capacity: Cores of the node for these containers.
        interval: Seconds of a slot of what is remembered; call ``step`` about so often.
        past: Seconds that are remembered.
        margin: Factor on forecasts, at least 1.
        least: No limit is lower, in cores.
        spare: Share of the capacity that each may burst into though all of it is forecast.
        worthwhile: A change smaller than this share of the limit is left out.
        predictor: Tells what is used next, alone and together.
    """

    capacity: float
    interval: Seconds = 1.0
    past: Seconds = 30.0
    margin: float = 1.2
    least: float = 0.05
    spare: float = 0.2
    worthwhile: float = 0.15
    predictor: Predictor = PeakOfSum()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        sound = 0.01 <= self.least <= self.capacity < math.inf and 1 <= self.margin < math.inf
        if not (sound and 0 <= self.spare <= 1 and self.worthwhile >= 0):
            raise InvalidArgumentError(
                f"{self} cannot be kept",
                hint="0.01 <= least <= capacity, margin at least 1, spare within 0..1",
            )


def shared_out(alone: Sequence[float], together: float, rules: Steering) -> list[float]:
    """The limit of each container, from what each will use and all of them at once, in cores."""
    left = rules.capacity - together * rules.margin
    spare = max(left, rules.spare * rules.capacity)
    wanted = (max(one * rules.margin, rules.least) + spare for one in alone)
    return [min(one, rules.capacity) for one in wanted]


class Steerer:
    """Samples the containers of a node and sets their limits, one step after another.

    Only processor limits are changed. Containers that end or are removed are left out from then
    on; ``restore`` gives those that are left the limits that they had. Needs ``stats`` and
    ``cpu``; with ``throttling`` a container that was held back is known to have wanted more.

    Args:
        journal: Where each change is noted before it is made, so that ``undo`` takes back what a
            process that was killed had changed.
    """

    def __init__(
        self,
        containers: Containers,
        rules: Steering,
        clock: Clock = SYSTEM_CLOCK,
        journal: LimitJournal | None = None,
    ) -> None:
        self._containers = containers
        self._rules = rules
        self._clock = clock
        self._journal = journal
        step = positive(rules.interval, "interval")
        self._history = History(step=step, keep=positive(rules.past, "past"), clock=clock)
        self._cpu = CounterRates()
        self._waits = CounterRates()
        self._ids: dict[str, str] = {}
        self._before: dict[str, float] = {}
        self._limits: dict[str, float] = {}

    @property
    def names(self) -> frozenset[str]:
        """The containers that are steered."""
        return frozenset(self._limits)

    async def begin(self, names: Sequence[str]) -> None:
        """Take these containers in; what is not known of them yet counts as their limit.

        One without a limit may have all cores of the node, and gets these back.

        Raises:
            NotFoundError: There is no such container.
        """
        for name in names:
            found = await self._containers.get(name)
            if found is None:
                raise NotFoundError(f"there is no container {name!r}")
            had = found.resources.cpu or self._rules.capacity
            limit = min(had, self._rules.capacity)
            self._history.watch(name, request=limit)
            self._ids[name], self._limits[name] = found.id, limit
            self._before[name] = self._noted(name, found.id, had)

    async def step(self) -> Mapping[str, float]:
        """Sample all, forecast, and change the limits that are worth it; those that changed.

        Raises:
            UnavailableError: The engine cannot be reached; limits stay as they are.
        """
        held_back = await self._sampled()
        usage = self._history.usage()
        forecast = self._rules.predictor.fit(usage, usage.first_slot + usage.slots)
        alone = dict(zip(usage.names, forecast.sizes().tolist(), strict=True))
        for name in held_back & alone.keys():  # what it would have used was not seen
            alone[name] = max(alone[name], self._limits[name])
        together = forecast.together(range(len(usage.names)))
        limits = shared_out(list(alone.values()), together, self._rules)
        changed = {
            name: limit
            for name, limit in zip(alone, limits, strict=True)
            if abs(limit - self._limits[name]) > self._rules.worthwhile * self._limits[name]
        }
        await self._set(changed, self._change)
        return changed

    async def restore(self) -> None:
        """Give every container the limit that it had.

        Raises:
            UnavailableError: The engine cannot be reached; what is not restored stays noted.
        """
        await self._set(self._before, self._give_back)

    def _noted(self, name: str, id_: str, had: float) -> float:
        """The limit from before changes that are in the journal already."""
        noted = () if self._journal is None else self._journal.unsettled
        cpu = (one for one in noted if one.of == "cpu")
        before = (one.before for one in cpu if (one.container, one.id) == (name, id_))
        return next(before, had)

    async def _sampled(self) -> set[str]:
        """Take one sample of each in; those that their limit held back."""
        turns = asyncio.Semaphore(_AT_ONCE)

        answers: dict[str, Stats | None] = {}

        async def one(name: str) -> None:
            async with turns:
                try:
                    stats = await self._containers.pipeline.send(Sample(name))
                    answers[name] = stats
                except (ConflictError, NotFoundError):
                    answers[name] = None

        await _all([one(name) for name in self._before])
        return {name for name, stats in answers.items() if self._taken(name, stats)}

    def _taken(self, name: str, stats: Stats | None) -> bool:
        """Take a sample in; whether its limit held the container back."""
        if stats is None:
            self._forget(name)
            return False
        used = self._cpu.rate(name, stats.at, stats.cpu_seconds)
        if used is not None:
            self._history.add(name, stats.at, used)
        if stats.throttled_seconds is None:
            return used is not None and used >= (1 - _HELD_BACK) * self._limits[name]
        waited = self._waits.rate(name, stats.at, stats.throttled_seconds)
        return waited is not None and waited > _HELD_BACK

    async def _set(
        self, limits: Mapping[str, float], way: Callable[[str, float], Awaitable[None]]
    ) -> None:
        turns = asyncio.Semaphore(_UPDATES_AT_ONCE)

        async def one(name: str, cpu: float) -> None:
            async with turns:
                try:
                    await way(name, cpu)
                except (ConflictError, NotFoundError):
                    self._forget(name)

        await _all([one(name, cpu) for name, cpu in tuple(limits.items())])

    async def _change(self, name: str, cpu: float) -> None:
        if self._journal is not None:
            await self._journal.note(Change(name, self._ids[name], self._before[name], cpu))
        await self._containers.update(name, cpu=cpu)
        self._limits[name] = cpu
        if self._journal is not None:
            self._journal.made(name)

    async def _give_back(self, name: str, cpu: float) -> None:
        """Needs no note: the journal has the limit that was there before."""
        await self._containers.update(name, cpu=cpu)
        self._limits[name] = cpu
        if self._journal is not None:
            await self._journal.settle(name)

    def _forget(self, name: str) -> None:
        """Leave it out; what was changed of it stays in the journal, for it may start again."""
        self._history.forget(name)
        self._ids.pop(name, None)
        self._cpu.forget(name)
        self._waits.forget(name)
        self._before.pop(name, None)
        self._limits.pop(name, None)


async def _all(works: Sequence[Coroutine[None, None, None]]) -> None:
    """Do all of it; the first error of an engine ends the others, and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)
    except* OmniCloudError as failed:
        error: BaseException = failed
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
