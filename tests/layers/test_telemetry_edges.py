"""What spans and log lines say of calls that are cancelled, come one after another, or quote."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from probe import READ, pipeline

from omnicloud.errors import NotFoundError
from omnicloud.layers.logs import json_handler
from omnicloud.layers.tracing import TracingLayer
from omnicloud.testing import run_virtual


class Spans:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def ended(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()


@pytest.fixture
def spans() -> Spans:
    return Spans()


def test_a_cancelled_call_is_no_error_of_the_service(spans: Spans) -> None:
    pipe = pipeline(TracingLayer(spans.provider), steps=[60.0])

    async def main() -> None:
        task = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])

    run_virtual(main())
    (span,) = spans.ended()
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes is not None
    assert span.attributes["omnicloud.cancelled"] is True
    assert "error.type" not in span.attributes


def test_calls_after_one_another_are_siblings_whatever_came_of_the_first(spans: Spans) -> None:
    pipe = pipeline(TracingLayer(spans.provider), steps=[NotFoundError("gone"), "answer"])
    currents: list[object] = []

    async def main() -> None:
        with spans.provider.get_tracer("app").start_as_current_span("request"):
            with pytest.raises(NotFoundError):
                await pipe.send(READ)
            currents.append(trace.get_current_span().get_span_context())
            await pipe.send(READ)
            currents.append(trace.get_current_span().get_span_context())

    run_virtual(main())
    first, second, request = spans.ended()
    assert currents == [request.context, request.context]
    assert first.parent is not None
    assert second.parent is not None
    assert first.parent.span_id == second.parent.span_id == request.context.span_id


def test_the_span_of_a_failed_call_names_the_class_of_its_error(spans: Spans) -> None:
    pipe = pipeline(TracingLayer(spans.provider), steps=[NotFoundError("gone")])

    async def main() -> None:
        with pytest.raises(NotFoundError):
            await pipe.send(READ)

    run_virtual(main())
    (span,) = spans.ended()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "NotFoundError"


@pytest.mark.parametrize(
    "said",
    [
        "two\nlines",
        'a "quoted" word',
        "back\\slash",
        "tab\t, return\r",
        "\u2028 ends a line",
        "é🦀",
    ],
)
def test_whatever_a_message_holds_is_one_line_of_json_and_comes_back(said: str) -> None:
    stream = io.StringIO()
    log = logging.getLogger("omnicloud.test.lines")
    handler = json_handler(stream)
    log.addHandler(handler)
    try:
        log.warning("said: %s", said)
    finally:
        log.removeHandler(handler)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert json.loads(text)["message"] == f"said: {said}"
