"""The one list of layers: in which order a call passes them, and why in that order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.operation import Seal
from omnicloud.core.pipeline import Layer
from omnicloud.errors import ConfigurationError
from omnicloud.layers.authorization import AuthorizationLayer, Authorizer
from omnicloud.layers.breaker import BreakerLayer
from omnicloud.layers.deadline import DeadlineLayer
from omnicloud.layers.limits import BulkheadLayer, RateLayer
from omnicloud.layers.logs import LoggingLayer
from omnicloud.layers.recording import records
from omnicloud.layers.retry import RetryLayer
from omnicloud.layers.sealing import SealingLayer
from omnicloud.layers.tenancy import TenancyLayer
from omnicloud.layers.timeout import TimeoutLayer

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["ORDER", "RECORD_USE", "LayerSettings", "Place", "stack"]

RECORD_USE = "OMNICLOUD_RECORD_USE"
"""The variable that names the record of use where the configuration names none."""


@dataclass(frozen=True, slots=True)
class Place:
    """A layer's name, as ``layers.disable`` says it, and why it stands where it stands."""

    name: str
    why: str


ORDER: tuple[Place, ...] = (
    Place("audit", "sees every call, also the refused ones, with who asked"),
    Place("tracing", "a span covers all that a caller waits for, refusals and retries included"),
    Place("metrics", "counts what the caller sees: one call, however many attempts"),
    Place(
        "usage", "sees what the caller asks for, refused or not; only where a record is asked for"
    ),
    Place("logging", "inside the span, so that a line carries its trace"),
    Place("deadline", "one budget for all that follows, policies and attempts alike"),
    Place("authorization", "sees the caller's own names; a refused call costs nothing further"),
    Place("residency", "forbids a region before names or payloads are made ready for it"),
    Place("tenancy", "names get their namespace before payloads are bound to them"),
    Place("encryption", "binds a payload to its stored name; every target gets the same bytes"),
    Place("failover", "a driver made of drivers; what follows is once for each target"),
    Place("breaker", "one verdict per call, so that retries do not hammer an open circuit"),
    Place("retry", "each attempt takes its own turn and has its own time"),
    Place("rate", "every attempt costs the service, so every attempt takes a token"),
    Place("limits", "a pause between attempts holds no turn"),
    Place("timeout", "counts the service's time, not the time in our queue"),
)
"""From the outside in; the feature guard and the driver come after the last.

``audit``, ``residency``, ``encryption`` and ``failover`` are places for policies, which a
configuration of this version cannot ask for.
"""

_NAMES = frozenset(place.name for place in ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSettings:
    """How the layers of one service are set. Durations are in seconds."""

    disabled: frozenset[str] = frozenset()
    """Names of :data:`ORDER` that are left out."""
    tenant: str | None = None
    """The one tenant whose data the service holds; ``None``: the caller's."""
    timeout: float | None = 30.0
    """Budget of a call with all its attempts; ``None``: only the caller's own deadline."""
    attempt_timeout: float | None = 10.0
    """Budget of one attempt; ``None``: none of its own."""
    attempts: int = 4
    """Attempts in all; 1 is no retry."""
    backoff: float = 0.1
    """Longest first pause between attempts; each further one may be twice as long."""
    max_backoff: float = 5.0
    """Longest pause between attempts."""
    failures: int = 5
    """Failed calls in a row that open the breaker."""
    reset: float = 10.0
    """How long an open breaker waits until it lets a trial through."""
    concurrency: int = 256
    """Attempts in flight at most."""
    queue: int = 4096
    """Calls that may wait for their turn; more are refused."""
    rate: float | None = None
    """Attempts per second at most; ``None``: any."""
    burst: int | None = None
    """Attempts at once after a quiet time; ``None``: one second's worth."""
    slow: float = 1.0
    """A call that takes longer is logged."""
    record_use: str | None = None
    """The file that is told which operations and features are used; ``None``: none is."""
    requires: frozenset[str] = frozenset()
    """Features that the service must have, for that record."""

    def __post_init__(self) -> None:
        unknown = sorted(self.disabled - _NAMES)
        if unknown:
            raise ConfigurationError(
                f"there is no layer {', '.join(unknown)}",
                hint=f"the layers are: {', '.join(place.name for place in ORDER)}",
            )


def stack(
    settings: LayerSettings = LayerSettings(),  # noqa: B008 - frozen
    *,
    clock: Clock = SYSTEM_CLOCK,
    authorizer: Authorizer | None = None,
    seal: Seal | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> tuple[Layer, ...]:
    """New layers for one service, in their order.

    Layers keep their state, so two services never share a stack. Tracing and metrics are left
    out where no OpenTelemetry SDK is set up yet: set it up before services are opened.

    Args:
        settings: What each layer is set to.
        clock: Where layers read the time.
        authorizer: Who decides what is allowed; without one there is no such layer.
        seal: How payloads are closed; without one they stay as they are.
        tracer_provider: Instead of the global one.
        meter_provider: Instead of the global one.
    """
    tracing = _tracing(tracer_provider, settings.tenant)
    seen = tracing is not None and "tracing" not in settings.disabled
    made: dict[str, Callable[[], Layer | None]] = {
        "tracing": lambda: tracing,
        "metrics": lambda: _metrics(meter_provider, clock),
        "usage": lambda: _usage(settings),
        "logging": lambda: LoggingLayer(slow=settings.slow, clock=clock, tenant=settings.tenant),
        "deadline": lambda: DeadlineLayer(settings.timeout, clock=clock),
        "authorization": lambda: AuthorizationLayer(authorizer) if authorizer else None,
        "tenancy": lambda: TenancyLayer(settings.tenant),
        "encryption": lambda: SealingLayer(seal) if seal else None,
        "breaker": lambda: BreakerLayer(settings.failures, settings.reset, clock=clock),
        "retry": lambda: _retry(settings, clock, seen),
        "rate": lambda: _rate(settings, clock),
        "limits": lambda: BulkheadLayer(settings.concurrency, settings.queue),
        "timeout": lambda: _timeout(settings),
    }
    wanted = (p.name for p in ORDER if p.name in made and p.name not in settings.disabled)
    layers = (made[name]() for name in wanted)
    return tuple(layer for layer in layers if layer is not None)


def _tracing(provider: TracerProvider | None, tenant: str | None) -> Layer | None:
    from opentelemetry import trace

    provider = provider or trace.get_tracer_provider()
    if not records(provider):
        return None
    from omnicloud.layers.tracing import TracingLayer

    return TracingLayer(provider, tenant=tenant)


def _metrics(provider: MeterProvider | None, clock: Clock) -> Layer | None:
    from opentelemetry import metrics

    provider = provider or metrics.get_meter_provider()
    if not records(provider):
        return None
    from omnicloud.layers.metrics import MetricsLayer

    return MetricsLayer(provider, clock=clock)


def _usage(settings: LayerSettings) -> Layer | None:
    path = settings.record_use or os.environ.get(RECORD_USE)
    if not path:
        return None
    from omnicloud.layers.usage import UsageLayer

    return UsageLayer(Path(path), settings.requires)


def _retry(settings: LayerSettings, clock: Clock, traced: bool) -> Layer | None:
    if settings.attempts == 1:
        return None
    from omnicloud.layers.tracing import mark_retry

    return RetryLayer(
        attempts=settings.attempts,
        backoff=settings.backoff,
        max_backoff=settings.max_backoff,
        clock=clock,
        on_retry=mark_retry if traced else None,
    )


def _timeout(settings: LayerSettings) -> Layer | None:
    seconds = settings.attempt_timeout
    return None if seconds is None else TimeoutLayer(seconds)


def _rate(settings: LayerSettings, clock: Clock) -> Layer | None:
    if settings.rate is None:
        return None
    return RateLayer(settings.rate, settings.burst, queue=settings.queue, clock=clock)
