"""Whether the services answer: one cheap read of each, and a write where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from omnicloud.core.circuit import CircuitSettings
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import NotFoundError, OmniCloudError, PermissionDeniedError
from omnicloud.resolver.lazy import LazyDriver

__all__ = ["PING_SECONDS", "Health", "check", "told_briefly"]

PING_SECONDS = 5.0
"""How long a service has to answer."""

_NAME = "omnicloud.health"

_PROBES: Mapping[str, Callable[[ModuleType], Operation[Any, Any]]] = {
    "breaker": lambda driver: driver.Look(_NAME, CircuitSettings()),
    "cache": lambda driver: driver.Get(_NAME),
    "containers": lambda driver: driver.Inspect(_NAME),
    "documents": lambda driver: driver.Count(_NAME),
    "iam": lambda driver: driver.Decide(driver.Access(_NAME, _NAME, _NAME)),
    "kv": lambda driver: driver.Get(_NAME),
    "locks": lambda driver: driver.Renew(_NAME, _NAME, 1.0),  # of an owner that holds nothing
    "messaging": lambda driver: driver.Measure(_NAME, _NAME),
    "objects": lambda driver: driver.Stat(_NAME),
    "outbox": lambda driver: driver.Lag(_NAME),
    "sagas": lambda driver: driver.Get(_NAME, _NAME),
    "secrets": lambda driver: driver.Get(_NAME),
}
"""By contract, the request about one name that changes nothing, out of its room's requests."""

_WRITES: Mapping[str, Callable[[ModuleType], tuple[Operation[Any, Any], ...]]] = {
    "cache": lambda driver: (driver.Set(_NAME, b"well", 60.0), driver.Delete(_NAME)),
    "kv": lambda driver: (driver.Set(_NAME, b"well"), driver.Delete(_NAME)),
    "locks": lambda driver: (driver.Acquire(_NAME, _NAME, 5.0), driver.Release(_NAME, _NAME)),
    "objects": lambda driver: (driver.Put(_NAME, b"well"), driver.Delete(_NAME)),
}
"""By contract, the requests that write something and remove it; of the others what is written
stays, or is paid for."""


@dataclass(frozen=True, slots=True)
class Health:
    """What became of one ping.

    Attributes:
        seconds: How long it took.
        pinged: Whether the service was asked; a contract without a read that is free of
            effects is only known to be open.
        detail: The error, where it is not well.
    """

    service: str
    contract: str
    provider: str
    healthy: bool
    pinged: bool
    seconds: float
    detail: str = ""

    def as_json(self) -> dict[str, str | bool | float]:
        """The result as JSON values."""
        return {
            "service": self.service,
            "contract": self.contract,
            "provider": self.provider,
            "healthy": self.healthy,
            "pinged": self.pinged,
            "seconds": round(self.seconds, 6),
            "detail": self.detail,
        }


async def check(
    pipelines: Mapping[str, Pipeline[Any]], clock: Clock, *, writes: bool = False
) -> tuple[Health, ...]:
    """The health of every service, asked at the same time, in the order of their names.

    Args:
        writes: Whether to write something too where it can be removed, under a name of its own,
            ``omnicloud.health``: a disk that is full, or a replica, is read as ever.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_ping(pipelines[name], clock, writes=writes))
            for name in sorted(pipelines)
        ]
    return tuple(task.result() for task in tasks)


def told_briefly(error: OmniCloudError) -> str:
    """An error's words and hint, where service and provider stand beside it."""
    words = error.message or type(error).__name__
    return f"{words}; {error.hint}" if error.hint else words


async def _ping(pipeline: Pipeline[Any], clock: Clock, *, writes: bool) -> Health:
    begun = clock.monotonic()
    probe = _probe(pipeline.service.contract)
    detail = ""
    try:
        async with asyncio.timeout(PING_SECONDS):
            if isinstance(pipeline.driver, LazyDriver):
                await pipeline.driver.opened()
            if probe is not None:
                await _send(pipeline, probe)
            for written in _written(pipeline.service.contract) if writes else ():
                await pipeline.send(written)
    except OmniCloudError as error:
        detail = told_briefly(error)
    except TimeoutError:
        detail = f"no answer within {PING_SECONDS:.0f} s"
    info = pipeline.service
    took = clock.monotonic() - begun
    return Health(
        info.name, info.contract, info.provider, not detail, probe is not None, took, detail
    )


async def _send(pipeline: Pipeline[Any], probe: Operation[Any, Any]) -> None:
    try:
        await pipeline.send(probe)
    except (NotFoundError, PermissionDeniedError):
        return  # an answer of a service that was opened


def _probe(contract: str) -> Operation[Any, Any] | None:
    if contract not in _PROBES:
        return None
    return _PROBES[contract](import_module(f"omnicloud.contracts.{contract}.driver"))


def _written(contract: str) -> tuple[Operation[Any, Any], ...]:
    if contract not in _WRITES:
        return ()
    return _WRITES[contract](import_module(f"omnicloud.contracts.{contract}.driver"))
