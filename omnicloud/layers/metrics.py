"""The layer that counts and times calls with OpenTelemetry metrics."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Call, Handler
from omnicloud.layers.recording import error_type
from omnicloud.layers.tallies import OPERATIONS, Ended, tally_of

__all__ = ["DURATION", "OPERATIONS", "MetricsLayer"]

DURATION = "omnicloud.client.operation.duration"
"""Histogram of seconds, failed and cancelled calls included, by ``operation`` and ``service``."""

# The advice of the semantic conventions for client durations.
_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class MetricsLayer:
    """Counts every call once, whatever came of it.

    Labels are names of operations, services, providers and error classes: a closed set.
    Tenants and names are no labels, for their number has no bound.

    Args:
        provider: Where it records; the global one where none is given.
        clock: With whose monotonic seconds calls are timed.
    """

    def __init__(
        self, provider: MeterProvider | None = None, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        provider = provider or metrics.get_meter_provider()
        self._ended = tally_of(provider).add
        self._record = (
            provider.get_meter("omnicloud")
            .create_histogram(
                DURATION,
                unit="s",
                description="How long calls took, retries and waits included.",
                explicit_bucket_boundaries_advisory=_BOUNDS,
            )
            .record
        )
        self._monotonic = clock.monotonic
        self._labels: dict[tuple[str, ServiceInfo], dict[str, str]] = {}

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on."""
        start = self._monotonic()
        status, error_kind = "cancelled", ""
        try:
            answer = await proceed(call)
            status = "success"
        except asyncio.CancelledError:
            raise
        except Exception as error:
            status, error_kind = "error", error_type(error)
            raise
        finally:
            self._count(call, status, error_kind, self._monotonic() - start)
        return answer

    def _count(self, call: Call[Any], status: str, kind: str, duration: float) -> None:
        service = call.service
        self._ended(Ended(call.op.name, service.name, service.provider, status, kind))
        self._record(duration, self._labels_of(call.op.name, service))

    def _labels_of(self, operation: str, service: ServiceInfo) -> dict[str, str]:
        labels = self._labels.get((operation, service))
        if labels is None:
            labels = {"operation": operation, "service": service.name}
            self._labels[operation, service] = labels
        return labels
