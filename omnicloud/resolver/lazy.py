"""A driver that is opened at its first call, for services that no configuration names.

The accessors of the front door are plain functions, and a driver is opened with ``await``:
this stands in between. Until the first call it has what the provider declares as its features
and the contract's own bounds as its limits; from then on it has the real driver's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

from omnicloud.contracts import CONTRACTS
from omnicloud.core.operation import Driver, Feature, Limits, Operation
from omnicloud.errors import UnsupportedError

__all__ = ["LazyDriver", "usual_limits"]


class LazyDriver:
    """Stands for a driver of a contract.

    Args:
        features: What the provider declares.
        limits: Bounds to go by until it is open; the real ones are checked again.
        open_: Gives the driver, opened; called until it succeeds once. Who gives it closes it.
    """

    def __init__(
        self,
        features: frozenset[Feature],
        limits: Limits,
        open_: Callable[[], Awaitable[Driver]],
    ) -> None:
        self._features = features
        self._limits = limits
        self._open = open_
        self._driver: Driver | None = None
        self._turn = asyncio.Lock()

    @property
    def features(self) -> frozenset[Feature]:
        return self._features if self._driver is None else self._driver.features

    @property
    def limits(self) -> Limits:
        return self._limits if self._driver is None else self._driver.limits

    async def opened(self) -> Driver:
        """The driver, opened if it is not yet."""
        if self._driver is None:
            async with self._turn:
                if self._driver is None:
                    self._driver = await self._open()
        return self._driver

    def within(self, transaction: object) -> LazyDriver:
        """This driver inside a transaction."""

        async def inside() -> Driver:
            driver: Any = await self.opened()
            inner: Driver = driver.within(transaction)
            return inner

        return LazyDriver(self.features, self.limits, inside)

    async def aclose(self) -> None:
        """Nothing: who opened the driver closes it."""
        await asyncio.sleep(0)

    def __getattr__(self, name: str) -> Callable[[Operation[Any, Any]], Awaitable[Any]]:
        """The method that answers one kind of request."""
        if name.startswith("_"):
            raise AttributeError(name)

        async def answer(op: Operation[Any, Any]) -> Any:
            driver = await self.opened()
            # The guard before this knew only what the provider declares.
            if lacking := op.needs() - driver.features:
                names = ", ".join(sorted(lacking))
                raise UnsupportedError(f"{op.name} needs the feature {names}, which is not there")
            op.check(driver)
            return await getattr(driver, name)(op)

        return answer


def usual_limits(contract: str) -> Limits:
    """The bounds that a contract gives its drivers where they say nothing else."""
    spec = CONTRACTS[contract]
    protocol: Any = spec.load(spec.driver)
    kind = get_type_hints(protocol.limits.fget)["return"]
    limits: Limits = kind()
    return limits
