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

__all__ = ["DURATION", "OPERATIONS", "MetricsLayer"]

OPERATIONS = "omnicloud.client.operations"
"""Counter of calls by ``operation``, ``status`` (success, error, cancelled), ``service``,
``provider`` and, for errors, ``error.type``."""

DURATION = "omnicloud.client.operation.duration"
"""Histogram of seconds, failed and cancelled calls included, by ``operation``, ``service`` and
``provider``."""

# The advice of the semantic conventions for client durations.
_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_Labels = dict[str, str]


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
        meter = (provider or metrics.get_meter_provider()).get_meter("omnicloud")
        self._add = meter.create_counter(
            OPERATIONS, unit="{operation}", description="Calls that ended, by how they ended."
        ).add
        self._record = meter.create_histogram(
            DURATION,
            unit="s",
            description="How long calls took, retries and waits included.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        ).record
        self._monotonic = clock.monotonic
        self._labels: dict[tuple[str, ServiceInfo], tuple[_Labels, _Labels]] = {}

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on."""
        start = self._monotonic()
        status, error_kind = "cancelled", None
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

    def _count(self, call: Call[Any], status: str, kind: str | None, duration: float) -> None:
        done, where = self._labels_of(call)
        if status != "success":
            done = {**done, "status": status}
            if kind is not None:
                done["error.type"] = kind
        self._add(1, done)
        self._record(duration, where)

    def _labels_of(self, call: Call[Any]) -> tuple[_Labels, _Labels]:
        key = (call.op.name, call.service)
        labels = self._labels.get(key)
        if labels is None:
            where = {
                "operation": call.op.name,
                "service": call.service.name,
                "provider": call.service.provider,
            }
            labels = self._labels[key] = ({**where, "status": "success"}, where)
        return labels
