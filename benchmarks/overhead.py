"""What the pipeline adds to a call: the driver called directly against the same call through it.

Run ``python benchmarks/overhead.py``; the table goes to standard error, JSON to
standard output. Each figure is the median over rounds, in which the variants take turns, of
the mean time of a call; "added" is the median of a round's difference from the direct call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind

from omnicloud.core.context import ServiceInfo
from omnicloud.core.operation import NO_FEATURES, Feature, Limits, Operation
from omnicloud.core.pipeline import Layer, Pipeline
from omnicloud.layers.order import stack

ROUNDS = int(os.environ.get("ROUNDS", "60"))
CALLS = 500
BUDGETS = {"no layers": 3.0, "default stack": 8.0, "tracing and metrics in memory": 25.0}


class Trivial:
    """A driver that answers at once."""

    features: frozenset[Feature] = NO_FEATURES
    limits = Limits()

    async def get(self, _: Get) -> int:
        return 1

    async def aclose(self) -> None:
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Get(Operation[Trivial, int]):
    """The least a request can be."""

    name: ClassVar[str] = "bench.get"
    key: str

    def run(self, driver: Trivial) -> Awaitable[int]:
        return driver.get(self)


Send = Callable[[Get], Awaitable[int]]


async def mean_us(send: Send, op: Get) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        await send(op)
    return (time.perf_counter() - start) / CALLS * 1e6


def through(*layers: Layer) -> Send:
    service = ServiceInfo("orders", "bench", "trivial")
    return Pipeline(Trivial(), layers, service=service).send


class ByHand:
    """What an application does without the library: the same telemetry, straight to the SDK."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._driver = Trivial()
        self._tracer = tracers.get_tracer("by hand")
        meter = meters.get_meter("by hand")
        self._counter = meter.create_counter("operations")
        self._histogram = meter.create_histogram("duration")
        self._labels = {"operation": "bench.get", "service": "orders"}
        self._about = {**self._labels, "contract": "bench", "provider": "trivial"}

    def _span(self) -> AbstractContextManager[Span]:
        return self._tracer.start_as_current_span(
            "bench.get", kind=SpanKind.CLIENT, attributes=self._about
        )

    async def span(self, op: Get) -> int:
        with self._span():
            return await self._driver.get(op)

    async def span_and_histogram(self, op: Get) -> int:
        with self._span():
            start = time.monotonic()
            answer = await self._driver.get(op)
            self._histogram.record(time.monotonic() - start, self._labels)
            return answer

    async def all_three(self, op: Get) -> int:
        with self._span():
            start = time.monotonic()
            answer = await self._driver.get(op)
            self._counter.add(1, self._labels)
            self._histogram.record(time.monotonic() - start, self._labels)
            return answer


def variants(exporter: InMemorySpanExporter) -> dict[str, Send]:
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider([InMemoryMetricReader()])
    recorded = stack(tracer_provider=tracers, meter_provider=meters)
    by_hand = ByHand(tracers, meters)
    found = {
        "direct": Trivial().get,
        "no layers": through(),
        "default stack": through(*stack()),
        "tracing and metrics in memory": through(*recorded),
        "the SDK by hand: span": by_hand.span,
        "the SDK by hand: span, histogram": by_hand.span_and_histogram,
        "the SDK by hand: all three": by_hand.all_three,
    }
    alone = {f"only {type(layer).__name__}": through(layer) for layer in recorded}
    return found | alone


async def measure(rounds: int) -> dict[str, list[float]]:
    exporter = InMemorySpanExporter()
    sends = variants(exporter)
    op = Get("key")
    times: dict[str, list[float]] = {name: [] for name in sends}
    for round_ in range(rounds + 5):
        for name, send in sends.items():
            mean = await mean_us(send, op)
            exporter.clear()
            if round_ >= 5:
                times[name].append(mean)
    return times


def machine() -> dict[str, object]:
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": model[0] if model else platform.processor(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def result(times: dict[str, list[float]]) -> list[dict[str, object]]:
    direct = times["direct"]
    rows: list[dict[str, object]] = []
    for name, values in times.items():
        added = [value - base for value, base in zip(values, direct, strict=True)]
        row = {
            "variant": name,
            "median_us": round(statistics.median(values), 3),
            "added_us": round(statistics.median(added), 3),
            "budget_us": BUDGETS.get(name),
        }
        rows.append(row)
    return rows


def table(rows: list[dict[str, object]]) -> str:
    lines = [f"{'variant':32} {'µs a call':>10} {'added µs':>10} {'budget µs':>10}"]
    lines += [
        f"{row['variant']:32} {row['median_us']:>10} {row['added_us']:>10} "
        f"{row['budget_us'] or '':>10}"
        for row in rows
    ]
    return "\n".join(lines)


def import_ms(runs: int) -> float:
    """Median milliseconds that ``import omnicloud`` adds to the start of Python."""

    def started(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (time.perf_counter() - start) * 1e3

    added = [started("import omnicloud") - started("pass") for _ in range(runs)]
    return round(statistics.median(added), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few rounds; budgets are not judged")
    smoke = parser.parse_args().smoke
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rounds = 3 if smoke else ROUNDS
    rows = result(asyncio.run(measure(rounds)))
    about = machine() | {"import_ms": import_ms(3 if smoke else 15)}
    print(table(rows), file=sys.stderr)
    print(", ".join(f"{key}: {value}" for key, value in about.items()), file=sys.stderr)
    print(json.dumps({"machine": about, "rounds": rounds, "calls": CALLS, "results": rows}))
    return 1 if not smoke and any(map(over_budget, rows)) else 0


def over_budget(row: dict[str, object]) -> bool:
    budget, added = row["budget_us"], row["added_us"]
    return isinstance(budget, int | float) and isinstance(added, int | float) and added > budget


if __name__ == "__main__":
    sys.exit(main())
