"""Trace context in the headers of messages, as W3C ``traceparent`` and ``tracestate``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from omnicloud.contracts.messaging.models import Message

__all__ = ["carried", "consuming"]

_tracer = trace.get_tracer("omnicloud.messaging")


def carried(headers: dict[str, str]) -> dict[str, str]:
    """The headers with the running span's context, where a span runs and they have none."""
    if trace.get_current_span().get_span_context().is_valid and "traceparent" not in headers:
        propagate.inject(headers)
    return headers


@contextmanager
def consuming(message: Message) -> Iterator[None]:
    """Run a handler inside a span that continues the publisher's trace.

    What a handler raises is told by its type only: its words may hold payload.
    """
    with _tracer.start_as_current_span(
        "messaging.process",
        context=propagate.extract(message.headers),
        kind=SpanKind.CONSUMER,
        attributes={"messaging.operation.type": "process"},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
