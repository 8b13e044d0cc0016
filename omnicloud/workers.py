"""Workers for several tenants: one of them for each, started and ended as tenants come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import final

from omnicloud.core.arguments import awaited, check_function, check_names
from omnicloud.core.backoff import Backoff
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.context import tenant
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.failures import tell_failure
from omnicloud.core.names import Scope
from omnicloud.errors import ClosedError, InvalidArgumentError

__all__ = ["MAX_TENANTS", "AskTenants", "TenantWorkers", "Work"]

MAX_TENANTS = 10_000
"""How many tenants one process may serve; each has a worker with its own long poll."""

AskTenants = Callable[[], Awaitable[Iterable[str]]]
Work = Callable[[], Awaitable[object]]

_AGAIN = Backoff(first=1.0, most=60.0, jitter=0.2)


@final
class TenantWorkers:
    """Runs the same work for each of several tenants, each in a task that is that tenant's.

    ::

        def relay() -> Awaitable[object]:
            return Relay(cloud.outbox("events"), cloud.messaging("broker").forward).run()

        await TenantWorkers(["acme", "globex"], relay).run()

    A worker sees what its tenant sees and nothing else: no request is about two tenants, and
    whose there are is said by the application, never read from a store. A worker that raises is
    logged and started again after a back-off of 1 to 60 s, so that one tenant's trouble does
    not stop the others; one that returns is not started again.

    Args:
        tenants: Their names, or an async function that tells them, asked every ``every``
            seconds: workers of new ones are started, those of gone ones cancelled. Where it
            raises, those that are known go on.
        work: Called in the context of a tenant for a new relay, saga worker or consumer.
        every: Seconds between two questions.
        clock: What the waits are measured with.

    Raises:
        InvalidArgumentError: A tenant is no name, or there are more than :data:`MAX_TENANTS`.
    """

    def __init__(
        self,
        tenants: Iterable[str] | AskTenants,
        work: Work,
        *,
        every: Seconds = 30.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        check_function(work, "work", 'lambda: Relay(cloud.outbox("events"), …).run()')
        self._ask = tenants if callable(tenants) else None
        self._wanted = frozenset[str]() if callable(tenants) else _checked(tenants)
        self._work = work
        self._every = positive(every, "every")
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def running(self) -> frozenset[str]:
        """The tenants that have a worker now, also one that waits to be started again."""
        return frozenset(name for name, task in self._running.items() if not task.done())

    async def run(self) -> None:
        """Work until cancelled, or until all workers have ended, as when the service is closed.

        Workers that are cancelled come to their end (a relay's grace, say) before this does.

        Raises:
            ClosedError: The service was closed before.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await self._look_after(group)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # none but ClosedError gets so far

    async def _look_after(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._asked()
            for name in self._running.keys() - self._wanted:
                self._running.pop(name).cancel()
            for name in sorted(self._wanted - self._running.keys()):
                self._running[name] = group.create_task(self._serve(name))
            if self._ask is None:
                return
            await self._clock.sleep(self._every)
            if self._running and not self.running:
                return  # all have ended, as workers do when the service is closed

    async def _asked(self) -> None:
        if self._ask is None:
            return
        try:
            answer = self._ask()
            awaited(answer, "tenants")
            self._wanted = _checked(await answer)
        except ClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - an application's function may raise anything
            tell_failure("the function that tells tenants", error, "those known go on")

    async def _serve(self, name: str) -> None:
        failures = 0
        while True:
            begun = self._clock.monotonic()
            try:
                with tenant(name):
                    answer = self._work()
                    awaited(answer, "work")
                    await answer
            except ClosedError:
                raise
            except Exception as error:  # noqa: BLE001 - one tenant's trouble is not the others'
                long = self._clock.monotonic() - begun > _AGAIN.most
                failures = 1 if long else failures + 1
                tell_failure("the worker of a tenant", error, "it is started again")
            else:
                return
            await self._clock.sleep(_AGAIN.after(failures))


def _checked(tenants: Iterable[str]) -> frozenset[str]:
    names = frozenset(check_names(tenants, "tenant"))
    for name in names:
        Scope.of(name)
    if len(names) > MAX_TENANTS:
        raise InvalidArgumentError(
            f"{len(names)} tenants, one process serves at most {MAX_TENANTS}",
            hint="share them among several processes",
        )
    return names
