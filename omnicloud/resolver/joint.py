"""One transaction of one store, joined by services of several contracts."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from omnicloud.core.operation import Driver, Operation
from omnicloud.core.pipeline import Call, Handler, Pipeline, check_request
from omnicloud.core.transactions import Transaction
from omnicloud.errors import ClosedError, InvalidArgumentError, UnsupportedError
from omnicloud.resolver.build import Services
from omnicloud.resolver.lazy import LazyDriver

__all__ = ["JointTransaction"]


class JointTransaction:
    """Begun by the first call of the first service that joins; the others must share its store.

    It is a :class:`~omnicloud.core.transactions.Transaction` itself: end it once.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = asyncio.Lock()
        self._asked: list[Pipeline[Any]] = []
        self._begun: Transaction | None = None
        self._first = ""
        self._ended = False

    @property
    def store(self) -> object:
        """The store of the transaction; ``None`` before the first call."""
        return None if self._begun is None else self._begun.store

    def pipeline(self, name: str, contract: str) -> Pipeline[Any]:
        """A service inside the transaction.

        Raises:
            UnsupportedError: Its provider has no transactions.
        """
        outside = self._services.pipeline(name, contract)
        driver = outside.driver
        if "transaction" not in driver.features:
            raise UnsupportedError(
                f"the service {name!r} of {outside.service.provider!r} has no transactions",
                hint='put "transaction" into its `requires` to see it at plan time',
            )
        if self._begun is None:
            self._asked.append(outside)
        inside = LazyDriver(driver.features, driver.limits, lambda: self._join(outside))
        return outside.around(inside, _Begin(self, outside))

    async def commit(self) -> None:
        """Make all writes visible at once."""
        self._ended = True
        if self._begun is not None:
            await self._begun.commit()

    async def rollback(self) -> None:
        """Forget all writes."""
        self._ended = True
        if self._begun is not None:
            await self._begun.rollback()

    async def begin(self, outside: Pipeline[Any]) -> None:
        """Begin it with that service, where nothing has begun it yet.

        Raises:
            ClosedError: It has ended.
        """
        if self._ended:
            raise ClosedError("the transaction has ended", hint="use it inside its block")
        async with self._turn:
            if self._begun is None:
                # Opening may write (a schema, say), which an open transaction would keep waiting.
                for pipeline in self._asked:
                    await _opened(pipeline)
                self._begun = await outside.send(_begin(outside.service.contract))
                self._first = outside.service.name

    async def _join(self, outside: Pipeline[Any]) -> Driver:
        driver = await _opened(outside)
        try:
            inside: Driver = driver.within(self._begun)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(
                f"the services {self._first!r} and {outside.service.name!r} are on different "
                "stores and cannot share a transaction",
                hint="configure both with the same provider and store",
            ) from error
        return inside


class _Begin:
    """Begins the transaction before a call goes on its way.

    Outside the service's other layers, because beginning is a call of its own: within them it
    would wait for the turn, or be refused for the trial of an open circuit, that this call has.
    """

    def __init__(self, transaction: JointTransaction, outside: Pipeline[Any]) -> None:
        self._transaction = transaction
        self._outside = outside

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Begin, and pass the call on; one that is refused anyway begins nothing."""
        driver = self._outside.driver
        check_request(call.op, driver, driver.features)
        await self._transaction.begin(self._outside)
        return await proceed(call)


async def _opened(pipeline: Pipeline[Any]) -> Any:
    driver = pipeline.driver
    return await driver.opened() if isinstance(driver, LazyDriver) else driver


def _begin(contract: str) -> Operation[Any, Transaction]:
    module = import_module(f"omnicloud.contracts.{contract}.driver")
    operation: Operation[Any, Transaction] = module.Begin()
    return operation
