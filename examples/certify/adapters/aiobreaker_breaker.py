"""The breaker contract over aiobreaker's ``CircuitBreaker``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiobreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerState

from omnicloud.core.circuit import CircuitState
from omnicloud.errors import CircuitOpenError
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.world import World

from .breaker_objects import refuse_settings

__all__ = ["AiobreakerLaws", "Unwrapped", "UnwrappedLaws"]

_STATES = {
    CircuitBreakerState.CLOSED: CircuitState.CLOSED,
    CircuitBreakerState.OPEN: CircuitState.OPEN,
    CircuitBreakerState.HALF_OPEN: CircuitState.HALF_OPEN,
}


class Aiobreaker:
    """The library's breaker with the contract's verbs, one object for each."""

    def __init__(self, threshold: int, reset: float, excluded: tuple[type[Exception], ...]) -> None:
        self._breaker = CircuitBreaker(
            fail_max=threshold, timeout_duration=timedelta(seconds=reset), exclude=excluded
        )

    @property
    def state(self) -> CircuitState:
        """The library's, but half open once its own ``opens_at`` says that the time has passed.

        The library turns only with the next call, which it then lets pass.
        """
        known = _STATES[self._breaker.current_state]
        passed = known is CircuitState.OPEN and self._breaker.opens_at is None
        return CircuitState.HALF_OPEN if passed else known

    async def execute(self, fn: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return await self._breaker.call_async(fn, *args, **kwargs)
        except CircuitBreakerError as error:
            raise CircuitOpenError(error.message) from error

    async def reset(self) -> None:
        self._breaker.close()

    async def aclose(self) -> None:
        """Nothing is held."""


class Unwrapped(Aiobreaker):
    """The same, with the error of a call that tripped the circuit given back as it was.

    The library raises its own in its place, which nearly every law meets first. This second
    pass looks behind that: what it breaks, it breaks besides.
    """

    async def execute(self, fn: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return await self._breaker.call_async(fn, *args, **kwargs)
        except CircuitBreakerError as error:
            if error.__cause__ is not None:
                raise error.__cause__ from None
            raise CircuitOpenError(error.message) from error


class AiobreakerLaws(BreakerContract):
    """The laws over aiobreaker as it is."""

    made = Aiobreaker

    async def portable(
        self,
        world: World[Any],
        failure_threshold: int = 2,
        reset_timeout: float = 300.0,
        **more: Any,
    ) -> Any:
        refuse_settings(more)
        await world.driver()
        return self.made(failure_threshold, reset_timeout, more.get("excluded", ()))


class UnwrappedLaws(AiobreakerLaws):
    """The laws over the second pass."""

    made = Unwrapped
