"""What the Open Omni-Cloud standard asks of traces, metrics and log lines, restated."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from omnicloud import InvalidArgumentError, OmniCloud, tenant
from omnicloud.contracts.kv import KV
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.layers.logs import json_handler
from omnicloud.layers.metrics import DURATION, OPERATIONS
from omnicloud.layers.order import stack


class Telemetry:
    """An SDK of a test's own, so that no test sees what another one recorded."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def points(self, name: str) -> Sequence[Any]:
        """The data points of a metric."""
        data = self.reader.get_metrics_data()
        scopes = [s for r in (data.resource_metrics if data else []) for s in r.scope_metrics]
        (metric,) = [m for scope in scopes for m in scope.metrics if m.name == name]
        return metric.data.data_points


@pytest.fixture
def seen() -> Telemetry:
    return Telemetry()


@pytest.fixture
def kv(cloud: OmniCloud, seen: Telemetry) -> KV[str]:
    """The provider's own driver under the usual layers, which record in ``seen``."""
    bare = cloud.kv("orders").pipeline
    layers = stack(tracer_provider=seen.tracers, meter_provider=seen.meters)
    return KV(Pipeline(bare.driver, layers, service=bare.service), TEXT)


async def fails(kv: KV[str]) -> None:
    """A call that the pipeline refuses, as what it is: an error of the value."""
    await kv.set("k", "v")  # what the driver allows is known once it is open
    too_long = "x" * (kv.pipeline.driver.limits.value_max_bytes + 1)
    with pytest.raises(ValueError, match="value_max_bytes") as caught:
        await kv.set("k", too_long)
    assert isinstance(caught.value, InvalidArgumentError)


async def test_a_call_is_a_span_under_the_callers_with_what_it_was(
    kv: KV[str], seen: Telemetry, provider: str
) -> None:
    with seen.tracers.get_tracer("app").start_as_current_span("request") as parent:
        await kv.get("k")
    span = seen.exporter.get_finished_spans()[0]
    assert span.name == "kv.get"
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id
    expected = {
        "omnicloud.operation": "kv.get",
        "omnicloud.service": "orders",
        "omnicloud.contract": "kv",
        "omnicloud.provider": provider,
    }
    assert expected.items() <= dict(span.attributes or {}).items()


async def test_a_failed_calls_span_is_an_error_with_a_description(
    kv: KV[str], seen: Telemetry
) -> None:
    await fails(kv)
    status = seen.exporter.get_finished_spans()[-1].status
    assert status.status_code is StatusCode.ERROR
    assert status.description


async def test_calls_are_counted_by_operation_and_status_and_timed(
    kv: KV[str], seen: Telemetry
) -> None:
    await fails(kv)
    await kv.get("k")
    counted = {
        (point.attributes["operation"], point.attributes["status"]): point.value
        for point in seen.points(OPERATIONS)
    }
    assert counted == {("kv.set", "success"): 1, ("kv.set", "error"): 1, ("kv.get", "success"): 1}
    timed = {point.attributes["operation"]: point for point in seen.points(DURATION)}
    assert {name: point.count for name, point in timed.items()} == {"kv.set": 2, "kv.get": 1}
    assert all(point.sum > 0 for point in timed.values())


@pytest.fixture
def lines() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of an application, and what it wrote."""
    stream = io.StringIO()
    logger, handler = logging.getLogger("app"), json_handler(stream)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger, stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_log_line_is_json_with_the_trace_and_the_tenant_it_belongs_to(
    lines: tuple[logging.Logger, io.StringIO], seen: Telemetry
) -> None:
    logger, stream = lines
    with seen.tracers.get_tracer("app").start_as_current_span("request") as span, tenant("acme"):
        logger.info("order %s", "é")
    line = json.loads(stream.getvalue())
    assert line["timestamp"]
    assert (line["level"], line["message"], line["tenant_id"]) == ("INFO", "order é", "acme")
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"


async def test_what_a_provider_logs_of_a_failed_call_carries_the_same(
    kv: KV[str], seen: Telemetry
) -> None:
    stream = io.StringIO()
    logger, handler = logging.getLogger("omnicloud.calls"), json_handler(stream)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    request = seen.tracers.get_tracer("app").start_as_current_span("request")
    try:
        with request as span, tenant("acme"):
            await fails(kv)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    line = json.loads(stream.getvalue())
    assert (line["operation"], line["tenant_id"]) == ("kv.set", "acme")
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
