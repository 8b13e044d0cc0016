"""Opens what a plan says, in its order; closes everything, in reverse, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from omnicloud.config.problems import ConfigurationProblems, Problem, did_you_mean, dotted
from omnicloud.contracts import CONTRACTS
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.core.names import check_name
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Driver
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ClosedError,
    InternalError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
    ResourceExhaustedError,
    UnavailableError,
)
from omnicloud.layers.authorization import Authorizer
from omnicloud.registry.provider import load
from omnicloud.resolver.layering import layers_of
from omnicloud.resolver.lazy import LazyDriver, usual_limits
from omnicloud.resolver.options import validated
from omnicloud.resolver.plan import Plan, ServicePlan
from omnicloud.resolver.sharing import OpeningOf, Shelf

__all__ = ["MAX_UNLISTED", "OPEN_SECONDS", "Services"]

MAX_UNLISTED = 1000
"""How many services may be open whose names are not configured."""

OPEN_SECONDS = 30.0
"""How long the opening of one service may take."""

_ALWAYS_ASKED = ("aclose", "features", "limits")

Opener = Callable[[object, Opening], Awaitable[Driver]]


class Services:
    """The running services of a plan.

    Args:
        plan: What to open.
        clock: Where drivers and layers read the time.
        open_seconds: How long the opening of one service may take.
    """

    def __init__(
        self, plan: Plan, *, clock: Clock = SYSTEM_CLOCK, open_seconds: float = OPEN_SECONDS
    ) -> None:
        self.plan = plan
        self._clock = clock
        self._open_seconds = open_seconds
        self._shelf = Shelf()
        self._pipelines: dict[str, Pipeline[Any]] = {}
        self._planned: dict[str, ServicePlan] = {one.info.name: one for one in plan.services}
        self._closed = False

    async def start(self) -> None:
        """Open every planned service.

        Raises:
            ConfigurationProblems: A secret is missing, an option that came from one is wrong,
                or a driver lacks what is required.
            OmniCloudError: A service could not be opened. What was opened is closed again; the
                first error is the one that is raised.
        """
        try:
            for service in self.plan.services:
                await self.start_one(service)
        except BaseException:
            await self.aclose(quietly=True)
            raise

    async def start_one(self, service: ServicePlan) -> None:
        """Open one planned service; those before it in the plan must be open."""
        self._pipelines[service.info.name] = self._piped(service, await self.open(service))

    def pipeline(self, name: str, contract: str) -> Pipeline[Any]:
        """The pipeline of a service; one that is not configured is opened at its first call.

        Raises:
            InvalidArgumentError: The name belongs to another contract, or the default provider
                does not serve the contract.
        """
        pipeline = self._pipelines.get(name)
        if pipeline is None:
            pipeline = self._pipelines[name] = self._lazy(name, contract)
        elif pipeline.service.contract != contract:
            raise _other_contract(name, contract, pipeline.service)
        return pipeline

    def running(self) -> dict[str, Pipeline[Any]]:
        """The services that were opened or asked for, by name."""
        return dict(self._pipelines)

    def planned(self, name: str) -> ServicePlan:
        """The plan of a service that was opened or asked for."""
        return self._planned[name]

    async def open(self, service: ServicePlan) -> Driver:
        """A driver for a service, closed when everything is."""
        opening = OpeningOf(self._clock, service.info, self._shelf)
        try:
            options = await validated(service, self._pipelines, self.plan.tree)
            driver = await self._opened(service, options, opening)
            _check_shape(service, driver)
            self._shelf.put(driver)
        finally:
            if self._closed:
                await self._shelf.aclose()
        if self._closed:
            raise ClosedError("the cloud was closed while a service was being opened")
        _check_features(service, driver)
        return driver

    async def aclose(self, *, quietly: bool = False) -> None:
        """Refuse new calls, give those in flight a grace, close in reverse order of opening.

        Everything is closed also when something fails or this call is cancelled. Twice is
        silent.

        Args:
            quietly: Do not raise what closing raised.

        Raises:
            Exception: The first error of closing, after everything is closed.
        """
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.TaskGroup() as group:
                for pipeline in self._pipelines.values():
                    group.create_task(pipeline.aclose())
        finally:
            errors = await self._shelf.aclose()
        if errors and not quietly:
            raise errors[0]

    async def _opened(self, service: ServicePlan, options: object, opening: Opening) -> Driver:
        opener = cast("Opener", load(service.offer.opens))
        try:
            async with asyncio.timeout(self._open_seconds):
                return await opener(options, opening)
        except OmniCloudError as error:
            raise _located(error, service.info) from error.__cause__
        except TimeoutError as error:
            late = UnavailableError(
                f"opening took longer than {self._open_seconds} s", outcome=Outcome.NOT_DONE
            )
            raise _located(late, service.info) from error
        except Exception as error:
            kind = type(error).__name__
            unmapped = InternalError(f"opening failed with {kind}", outcome=Outcome.NOT_DONE)
            raise _located(unmapped, service.info) from error

    def _piped(self, service: ServicePlan, driver: Driver) -> Pipeline[Any]:
        authorizer = self._authorizer(service)
        layers = layers_of(
            service, self.plan.disabled, self._clock, authorizer, self.plan.record_use
        )
        return Pipeline(driver, layers, service=service.info, owned=False)

    def _authorizer(self, service: ServicePlan) -> Authorizer | None:
        if service.authorization is None:
            return None
        from omnicloud.contracts.iam import IAM

        return IAM(pipeline=self._pipelines[service.authorization], clock=self._clock)

    def _lazy(self, name: str, contract: str) -> Pipeline[Any]:
        if self.plan.default is None:
            raise _unknown(name, self._planned)
        if len(self._pipelines) - len(self.plan.services) >= MAX_UNLISTED:
            raise ResourceExhaustedError(
                f"more than {MAX_UNLISTED} names that are not configured were asked for",
                hint="a service is a store, not a record: use few services and many keys",
            )
        check_name(name, "service")
        service = self.plan.default.service(name, contract)
        self._planned[name] = service
        driver = LazyDriver(
            service.offer.declares, usual_limits(contract), lambda: self.open(service)
        )
        return self._piped(service, driver)


def _unknown(name: str, planned: Mapping[str, ServicePlan]) -> InvalidArgumentError:
    known = ", ".join(f"{one.info.name} ({one.info.contract})" for one in planned.values())
    near = f"{did_you_mean(name, planned)} Else " if planned else ""
    return InvalidArgumentError(
        f"no service {name!r} is configured; configured: {known or 'none'}",
        hint=f'{near}add [services.{name}], or [defaults] provider = "local" for all other names',
    )


def _other_contract(name: str, contract: str, info: ServiceInfo) -> InvalidArgumentError:
    portable = CONTRACTS[info.contract].portable
    return InvalidArgumentError(
        f"the service {name!r} is a {info.contract} service, not {contract}",
        hint=f"use the accessor of {portable}, or another name",
    )


def _located(error: OmniCloudError, info: ServiceInfo) -> OmniCloudError:
    error.operation = error.operation or f"{info.contract}.open"
    error.service = error.service or info.name
    error.provider = error.provider or info.provider
    return error


def _check_shape(service: ServicePlan, driver: object) -> None:
    """Refuse a driver that could not even be asked what it can, or not be closed."""
    spec = CONTRACTS[service.info.contract]
    asked = [
        one for one in ("aclose", "features", "limits") if hasattr(spec.load(spec.driver), one)
    ]
    lacking = [name for name in asked if not hasattr(driver, name)]
    if lacking:
        raise _located(
            InternalError(
                f"the driver {type(driver).__name__} has no {', '.join(lacking)}",
                hint=f"its provider is to be mended: omnicloud.contracts.{spec.name}.driver."
                f"{spec.driver} says what a driver has",
                outcome=Outcome.NOT_DONE,
            ),
            service.info,
        )


def _check_features(service: ServicePlan, driver: Driver) -> None:
    lacking = sorted(service.requires - driver.features)
    if lacking:
        path = (*service.path, "requires")
        message = (
            f"the server behind {service.info.provider!r} does not have the feature "
            f"{', '.join(lacking)}, though the provider can have it"
        )
        hint = "use a server or a version that has it"
        raise ConfigurationProblems([Problem(dotted(path), message, hint, service.origin)])
