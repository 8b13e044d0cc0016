"""The door and the fold: how a request passes the layers and reaches the driver.

::

    portable class ── send(op) ──► door ──► layer ──► … ──► layer ──► guard ──► driver
                                    │ reads the context once, counts the call, and puts
                                    │ operation, service and provider into an error
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

import anyio

from omnicloud.core.context import Ambient, ServiceInfo, current
from omnicloud.core.lifecycle import CallGate, closed_error
from omnicloud.core.operation import Driver, Feature, Operation
from omnicloud.errors import InternalError, OmniCloudError, UnsupportedError

__all__ = ["Call", "Handler", "Layer", "Pipeline", "check_request"]

D = TypeVar("D", bound=Driver)
R = TypeVar("R")


class Call(Generic[R]):
    """One request on its way, with what surrounds it. Layers replace it, never change it."""

    __slots__ = ("ambient", "deadline", "op", "service")

    def __init__(
        self,
        op: Operation[Any, R],
        ambient: Ambient,
        service: ServiceInfo,
        deadline: float | None = None,
    ) -> None:
        self.op = op
        self.ambient = ambient
        self.service = service
        self.deadline = deadline
        """Monotonic seconds until which the call may run, its attempts and pauses included."""

    def with_op(self, op: Operation[Any, R]) -> Call[R]:
        """The same call with another form of the request."""
        return self if op is self.op else Call(op, self.ambient, self.service, self.deadline)

    def until(self, deadline: float) -> Call[R]:
        """The same call with another deadline."""
        return Call(self.op, self.ambient, self.service, deadline)


Handler = Callable[[Call[Any]], Awaitable[Any]]
"""The rest of the way, seen from a layer."""


class Layer(Protocol):
    """One concern, for every operation of every contract.

    A layer with ``inside_transactions = False`` is left out there.
    """

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Answer the call, usually by passing it on to ``proceed``."""


class Pipeline(Generic[D]):
    """A driver under its layers.

    Args:
        driver: What answers in the end.
        layers: From the outside in.
        service: What the configuration calls this service.
        owned: Whether closing the pipeline closes the driver.
        grace: Seconds that calls in flight get when it is closed.
    """

    def __init__(
        self,
        driver: D,
        layers: Sequence[Layer] = (),
        *,
        service: ServiceInfo = ServiceInfo(),  # noqa: B008 - frozen
        owned: bool = True,
        grace: float = 5.0,
    ) -> None:
        self.driver = driver
        self.layers = tuple(layers)
        self.service = service
        self._owned = owned
        self._grace = grace
        self._gate = CallGate(grace)
        handler: Handler = _guarded(driver)
        for layer in reversed(self.layers):
            handler = _joined(layer, handler)
        self._handler = handler
        self._tenant: str | None = None
        self._is_view = False

    @property
    def closed(self) -> bool:
        """Whether calls are refused."""
        return self._gate.closed

    def check_open(self) -> None:
        """Refuse to begin what would end at once.

        Raises:
            ClosedError: Calls are refused.
        """
        if self._gate.closed:
            raise closed_error()

    async def send(self, op: Operation[D, R]) -> R:
        """Send a request through the layers.

        Raises:
            ClosedError: The pipeline is closed (not done) or was closed meanwhile (unknown).
            OmniCloudError: As the operation says.
        """
        token = self._gate.enter()
        try:
            ambient = current()
            if self._tenant is not None:
                ambient = replace(ambient, tenant=self._tenant)
            call = Call(op, ambient, self.service, ambient.deadline)
            answer: R = await self._handler(call)
        except OmniCloudError as error:
            self._locate(error, op)
            raise
        except asyncio.CancelledError as error:
            raise self._gate.closed_or(error, token) from None
        else:
            return answer
        finally:
            self._gate.leave(token)

    def _locate(self, error: OmniCloudError, op: Operation[Any, Any]) -> None:
        if error.operation is None:
            error.operation = op.name
            error.service = self.service.name or None
            error.provider = self.service.provider or None

    def around(self, driver: D, outermost: Layer | None = None) -> Pipeline[D]:
        """The layers around the same kind of driver inside a transaction.

        Without those that say ``inside_transactions = False``, and with ``outermost`` around
        them. Its closing does not close the driver.
        """
        layers = [layer for layer in self.layers if getattr(layer, "inside_transactions", True)]
        if outermost is not None:
            layers.insert(0, outermost)
        around = Pipeline(driver, layers, service=self.service, owned=False)
        around._tenant = self._tenant
        return around

    def for_tenant(self, tenant: str) -> Pipeline[D]:
        """The same way to the same driver, on which every call is this tenant's.

        Its closing closes nothing: it ends with the pipeline that it was made from.
        """
        view = copy(self)
        view._tenant = tenant  # noqa: SLF001 - one of its own
        view._is_view = True  # noqa: SLF001
        return view

    async def aclose(self) -> None:
        """Refuse new calls, give those in flight a grace, cancel the rest, close the driver.

        The driver is closed also when this is cancelled or fails meanwhile.
        """
        if self._gate.closed or self._is_view:
            return
        try:
            await self._gate.close()
        except BaseException:
            if self._owned:
                with anyio.move_on_after(self._grace, shield=True):
                    await self.driver.aclose()
            raise
        if self._owned:
            await self.driver.aclose()


def _joined(layer: Layer, proceed: Handler) -> Handler:
    handle = layer.handle

    def handler(call: Call[Any]) -> Awaitable[Any]:
        return handle(call, proceed)

    return handler


def _guarded(driver: Driver) -> Handler:
    """The guard, always on: refuse what the driver did not declare, before any I/O."""
    features = driver.features

    async def handler(call: Call[Any]) -> Any:
        op = call.op
        check_request(op, driver, features)
        try:
            return await op.run(driver)
        except OmniCloudError:
            raise
        except Exception as error:
            raise _unmapped(op, error) from error

    return handler


def check_request(op: Operation[Any, Any], driver: Driver, features: frozenset[Feature]) -> None:
    """Refuse what a driver with these features did not declare or does not take.

    Raises:
        UnsupportedError, InvalidArgumentError: Nothing was sent.
    """
    if not features.issuperset(op.needs()):
        raise _unsupported(op, driver)
    op.check(driver)


def _unmapped(op: Operation[Any, Any], error: Exception) -> InternalError:
    # The native message is left to the cause: it may quote a payload.
    return InternalError(
        f"{op.name}: the driver raised {type(error).__name__}, which its error table does not map",
        hint="the cause has the details; report it to the provider's author",
    )


def _unsupported(op: Operation[Any, Any], driver: Driver) -> UnsupportedError:
    missing = ", ".join(sorted(op.needs() - driver.features))
    have = ", ".join(sorted(driver.features)) or "none"
    return UnsupportedError(
        f"{op.name} needs the feature {missing}, which the provider does not declare",
        hint=f"it declares: {have}; put what you need into `requires` to see it at plan time",
    )
