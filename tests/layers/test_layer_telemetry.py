"""Spans, metrics and log lines: what they say, and what they must not."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from datetime import datetime

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from probe import READ, SERVICE, Ask, pipeline

from omnicloud.core.context import Ambient, tenant
from omnicloud.core.pipeline import Call
from omnicloud.errors import NotFoundError, UnavailableError
from omnicloud.layers.logs import LoggingLayer, json_handler
from omnicloud.layers.metrics import DURATION, OPERATIONS, MetricsLayer
from omnicloud.layers.order import stack
from omnicloud.layers.recording import records
from omnicloud.layers.retry import RetryLayer
from omnicloud.layers.tracing import TracingLayer, mark_retry
from omnicloud.testing import LoopClock, run_virtual


class Telemetry:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def points(self, name: str):
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def seen() -> Telemetry:
    return Telemetry()


async def cancelled(pipe) -> None:
    task = asyncio.create_task(pipe.send(READ))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])


def test_a_call_is_a_client_span_under_the_callers_own(seen: Telemetry) -> None:
    pipe = pipeline(TracingLayer(seen.tracers))

    async def main() -> None:
        with seen.tracers.get_tracer("app").start_as_current_span("request"), tenant("acme"):
            await pipe.send(Ask("private", b"payload"))

    run_virtual(main())
    span, parent = seen.spans
    assert (span.name, span.kind, span.status.status_code) == (
        "probe.ask",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.parent is not None
    assert span.parent.span_id == parent.context.span_id
    assert span.attributes is not None
    assert span.attributes["omnicloud.service"] == "orders"
    assert span.attributes["omnicloud.tenant"] == "acme"
    assert "private" not in span.to_json()
    assert "payload" not in span.to_json()


def test_names_are_on_spans_only_where_that_was_asked_for(seen: Telemetry) -> None:
    run_virtual(pipeline(TracingLayer(seen.tracers, names=True)).send(Ask("private")))
    assert seen.spans[0].attributes["omnicloud.resource"] == "private"


def test_concurrent_calls_do_not_parent_each_other(seen: Telemetry) -> None:
    pipe = pipeline(TracingLayer(seen.tracers), steps=[1.0])
    tracer = seen.tracers.get_tracer("app")

    async def one(n: int) -> None:
        with tracer.start_as_current_span(f"request {n}"):
            await asyncio.sleep(n / 100)
            await pipe.send(READ)

    async def main() -> None:
        await asyncio.gather(*(one(n) for n in range(20)))

    run_virtual(main())
    requests = {s.context.span_id for s in seen.spans if s.name != "probe.ask"}
    parents = [s.parent.span_id for s in seen.spans if s.name == "probe.ask" and s.parent]
    assert len(parents) == 20
    assert set(parents) == requests


@pytest.mark.parametrize("error", [UnavailableError("down"), ValueError("boom")], ids=repr)
async def test_a_failed_call_is_an_error_in_span_and_metrics_and_passes_unchanged(
    seen: Telemetry, error: Exception
) -> None:
    async def fails(_: object) -> None:
        await asyncio.sleep(0)
        raise error

    call = Call(READ, Ambient(), SERVICE)
    for layer in (TracingLayer(seen.tracers), MetricsLayer(seen.meters)):
        with pytest.raises(type(error)) as caught:
            await layer.handle(call, fails)
        assert caught.value is error
    status = seen.spans[0].status
    assert status.status_code is StatusCode.ERROR
    assert status.description == f"{type(error).__name__}: {error}"
    (point,) = seen.points(OPERATIONS)
    assert point.attributes["status"] == "error"
    assert point.attributes["error.type"] == type(error).__name__


def test_a_cancelled_call_ends_its_span_and_is_counted(seen: Telemetry) -> None:
    layers = TracingLayer(seen.tracers), MetricsLayer(seen.meters, clock=LoopClock())
    run_virtual(cancelled(pipeline(*layers, steps=[60.0])))
    assert seen.spans[0].attributes["omnicloud.cancelled"] is True
    assert seen.points(OPERATIONS)[0].attributes["status"] == "cancelled"
    assert seen.points(DURATION)[0].sum == pytest.approx(1.0)


def test_each_call_is_counted_once_and_timed(seen: Telemetry) -> None:
    layer = MetricsLayer(seen.meters, clock=LoopClock())
    pipe = pipeline(layer, steps=[2.0, NotFoundError("x"), 3.0])

    async def main() -> None:
        await asyncio.gather(*(pipe.send(READ) for _ in range(30)), return_exceptions=True)

    run_virtual(main())
    counts = {p.attributes["status"]: p.value for p in seen.points(OPERATIONS)}
    assert counts == {"success": 29, "error": 1}
    (timed,) = seen.points(DURATION)
    assert (timed.count, timed.sum) == (30, pytest.approx(2.0 + 28 * 3.0))


def test_labels_hold_neither_names_nor_tenants(seen: Telemetry) -> None:
    pipe = pipeline(MetricsLayer(seen.meters))

    async def main() -> None:
        for n in range(50):
            with tenant(f"t{n}"):
                await pipe.send(Ask(f"k{n}"))

    run_virtual(main())
    assert len(seen.points(OPERATIONS)) == len(seen.points(DURATION)) == 1


def test_retries_are_events_of_the_calls_span(seen: Telemetry) -> None:
    retry = RetryLayer(clock=LoopClock(), on_retry=mark_retry)
    pipe = pipeline(TracingLayer(seen.tracers), retry, steps=[UnavailableError("x"), "ok"])
    run_virtual(pipe.send(READ))
    (event,) = seen.spans[0].events
    assert event.name == "retry"
    assert event.attributes["omnicloud.attempt"] == 1
    assert event.attributes["error.type"] == "UnavailableError"


def test_without_an_sdk_there_are_no_such_layers(seen: Telemetry) -> None:
    assert not records(NoOpMeterProvider())
    kinds = {type(layer) for layer in stack()}
    assert not kinds & {TracingLayer, MetricsLayer}
    made = stack(tracer_provider=seen.tracers, meter_provider=seen.meters)
    assert [type(layer) for layer in made[:2]] == [TracingLayer, MetricsLayer]


@pytest.fixture
def lines():
    stream = io.StringIO()
    handler = json_handler(stream)
    logger = logging.getLogger("omnicloud")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_line_says_when_what_where_and_for_whom(seen: Telemetry, lines) -> None:
    log = logging.getLogger("omnicloud.app")
    with seen.tracers.get_tracer("app").start_as_current_span("x") as span, tenant("größe"):
        log.info("Straße %s 日本", "№5")
    (line,) = lines()
    assert line["message"] == "Straße №5 日本"
    assert (line["level"], line["logger"], line["tenant_id"]) == ("INFO", "omnicloud.app", "größe")
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert datetime.fromisoformat(line["timestamp"]).utcoffset().total_seconds() == 0


def test_a_foreign_exceptions_message_is_not_logged(lines) -> None:
    try:
        raise ValueError("payload-4711")
    except ValueError:
        logging.getLogger("omnicloud.app").exception("failed")
    (line,) = lines()
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["frames"]
    assert "4711" not in json.dumps(line)


@pytest.mark.parametrize(
    ("step", "level"),
    [(UnavailableError("x"), "WARNING"), (NotFoundError("x"), "DEBUG"), (5.0, "INFO")],
    ids=["failure", "callers error", "slow"],
)
def test_failed_and_slow_calls_are_logged_without_names(lines, step: object, level: str) -> None:
    layer = LoggingLayer(slow=1.0, clock=LoopClock(), tenant="acme")
    pipe = pipeline(layer, steps=[step])

    async def main() -> None:
        await asyncio.gather(pipe.send(Ask("private", b"payload")), return_exceptions=True)

    run_virtual(main())
    (line,) = lines()
    assert (line["level"], line["operation"], line["tenant_id"]) == (level, "probe.ask", "acme")
    assert "private" not in json.dumps(line)


def test_a_quick_call_logs_nothing(lines) -> None:
    run_virtual(pipeline(LoggingLayer(clock=LoopClock())).send(READ))
    assert lines() == []
