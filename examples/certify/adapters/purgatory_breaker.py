"""The breaker contract over purgatory's circuit breaker factory."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from omnicloud.core.circuit import CircuitState
from omnicloud.errors import CircuitOpenError, UnsupportedError
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.world import World

from .breaker_objects import refuse_settings

__all__ = ["PurgatoryLaws"]

_STATES = {
    "closed": CircuitState.CLOSED,
    "opened": CircuitState.OPEN,
    "half-opened": CircuitState.HALF_OPEN,
}


class Purgatory:
    """A factory with one circuit, which the library makes at the first call."""

    def __init__(
        self, name: str, threshold: int, reset: float, excluded: tuple[type[Exception], ...]
    ) -> None:
        self._factory = AsyncCircuitBreakerFactory(threshold, reset, exclude=list(excluded))
        self._name = name
        self._context: Any = None

    @property
    def state(self) -> CircuitState:
        """The library's, but half open once the time of an open circuit has passed.

        The library turns only with the next call, which it then lets pass.
        """
        if self._context is None:
            return CircuitState.CLOSED
        known = _STATES[self._context.state]
        if known is not CircuitState.OPEN:
            return known
        passed = time.time() > self._context.opened_at + self._context.ttl
        return CircuitState.HALF_OPEN if passed else known

    async def execute(self, fn: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        breaker = await self._factory.get_breaker(self._name)
        self._context = breaker.context
        try:
            async with breaker:
                return await fn(*args, **kwargs)
        except OpenedState as error:
            raise CircuitOpenError(str(error)) from error

    async def reset(self) -> None:
        raise UnsupportedError("the library has no reset")

    async def aclose(self) -> None:
        """Nothing is held."""


class PurgatoryLaws(BreakerContract):
    """The laws over purgatory."""

    async def portable(
        self,
        world: World[Any],
        failure_threshold: int = 2,
        reset_timeout: float = 300.0,
        **more: Any,
    ) -> Any:
        refuse_settings(more)
        await world.driver()
        excluded = more.get("excluded", ())
        return Purgatory(more.get("name", "tck"), failure_threshold, reset_timeout, excluded)
