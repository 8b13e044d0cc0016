"""Trace context travels with messages."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from omnicloud.contracts.messaging import Message, Messaging, ProcessingOutcome, tracing
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.store import MemoryStore


async def _published_and_handled(
    messaging: Messaging, tracer: trace.Tracer | None, *, fails: bool = False
) -> Message:
    got: asyncio.Queue[Message] = asyncio.Queue()

    async def handler(message: Message) -> ProcessingOutcome:
        got.put_nowait(message)
        if fails:
            raise ValueError("secret words")
        return ProcessingOutcome.SUCCESS

    task = asyncio.create_task(messaging.consume("t", handler, max_attempts=1))
    if tracer is None:
        await messaging.publish("t", b"x")
    else:
        with tracer.start_as_current_span("publisher"):
            await messaging.publish("t", b"x")
    message = await asyncio.wait_for(got.get(), 5)
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    return message


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    return exporter


async def test_the_handler_continues_the_publishers_trace(exporter: InMemorySpanExporter) -> None:
    messaging = Messaging(Pipeline(MemoryMessaging(MemoryStore())))
    message = await _published_and_handled(messaging, tracing._tracer)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    handled, publisher = spans["messaging.process"], spans["publisher"]
    assert handled.parent is not None
    assert handled.parent.span_id == publisher.context.span_id
    assert f"{publisher.context.trace_id:032x}" in message.headers["traceparent"]


async def test_a_failed_handler_is_an_error_without_its_words(
    exporter: InMemorySpanExporter,
) -> None:
    messaging = Messaging(Pipeline(MemoryMessaging(MemoryStore())))
    await _published_and_handled(messaging, None, fails=True)
    (span,) = exporter.get_finished_spans()
    assert span.status.description == "ValueError"
    assert not span.events


async def test_without_a_span_headers_stay_as_they_are() -> None:
    messaging = Messaging(Pipeline(MemoryMessaging(MemoryStore())))
    assert (await _published_and_handled(messaging, None)).headers == {}
