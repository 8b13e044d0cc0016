"""The layer that makes a span of each call with OpenTelemetry."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from omnicloud.core.pipeline import Call, Handler
from omnicloud.layers.recording import error_type
from omnicloud.layers.retry import Retried

__all__ = ["TracingLayer", "mark_retry"]


class TracingLayer:
    """A CLIENT span named after the operation, child of the running task's span.

    A failed call has the status ERROR with the error's class and words; a cancelled one has
    the attribute ``omnicloud.cancelled``. Spans never carry payloads.

    Args:
        provider: Where it records; the global one where none is given.
        names: Whether spans carry the names that calls are about. They may be personal data.
        tenant: The one the service is bound to, if it is.
    """

    def __init__(
        self,
        provider: TracerProvider | None = None,
        *,
        names: bool = False,
        tenant: str | None = None,
    ) -> None:
        self._tenant = tenant
        self._tracer = (provider or trace.get_tracer_provider()).get_tracer("omnicloud")
        self._names = names

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on inside its span."""
        span = self._tracer.start_span(
            call.op.name, kind=SpanKind.CLIENT, attributes=self._attributes(call)
        )
        token = context.attach(trace.set_span_in_context(span))
        try:
            return await proceed(call)
        except asyncio.CancelledError:
            span.set_attribute("omnicloud.cancelled", True)
            raise
        except Exception as error:
            _failed(span, error)
            raise
        finally:
            context.detach(token)
            span.end()

    def _attributes(self, call: Call[Any]) -> dict[str, str | tuple[str, ...]]:
        service = call.service
        attributes: dict[str, str | tuple[str, ...]] = {
            "omnicloud.operation": call.op.name,
            "omnicloud.service": service.name,
            "omnicloud.contract": service.contract,
            "omnicloud.provider": service.provider,
            "omnicloud.features": tuple(sorted(call.op.needs())),
        }
        if service.region is not None:
            attributes["cloud.region"] = service.region
        tenant = self._tenant or call.ambient.tenant
        if tenant is not None:
            attributes["omnicloud.tenant"] = tenant
        if self._names:
            attributes["omnicloud.resource"] = call.op.resource
        return attributes


def mark_retry(retried: Retried) -> None:
    """Note a further attempt as an event ``retry`` of the running task's span."""
    trace.get_current_span().add_event(
        "retry",
        {
            "omnicloud.attempt": retried.attempt,
            "omnicloud.pause": retried.pause,
            "error.type": error_type(retried.error),
        },
    )


def _failed(span: Span, error: Exception) -> None:
    span.set_attribute("error.type", error_type(error))
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
