"""Usage out of a Prometheus server, or another that answers its HTTP API.

See https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries, read 2026-11. The
queries by default are those of cAdvisor and kube-state-metrics in a Kubernetes cluster.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from omnicloud.core.durations import Seconds, positive
from omnicloud.core.http import Answer, Bounds, Wire
from omnicloud.errors import (
    InternalError,
    InvalidArgumentError,
    OmniCloudError,
    PermissionDeniedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud.placement.sources.recording import Recording

__all__ = ["Queries", "read_prometheus"]

T = TypeVar("T")

_POINTS = 10_000  # of a series in one answer; the server refuses more than 11,000
_SAMPLES = 1_000_000  # of all workloads in one answer, so that it can be held and is not refused


@dataclass(frozen=True, slots=True)
class Queries:
    """PromQL expressions; each gives one series for a workload.

    Attributes:
        cpu_cores: What was used, in cores.
        memory_bytes: What was used, in bytes.
        cpu_request: What is asked for, in cores; the last value counts.
        memory_request: What is asked for, in bytes; the last value counts.
        workload: Labels that name a workload together, joined by ``/``.
    """

    cpu_cores: str = (
        'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!=""}[5m]))'
    )
    memory_bytes: str = (
        'sum by (namespace, pod) (container_memory_working_set_bytes{container!=""})'
    )
    cpu_request: str = (
        'sum by (namespace, pod) (kube_pod_container_resource_requests{resource="cpu"})'
    )
    memory_request: str = (
        'sum by (namespace, pod) (kube_pod_container_resource_requests{resource="memory"})'
    )
    workload: Sequence[str] = ("namespace", "pod")


async def read_prometheus(
    url: str,
    *,
    keep: Seconds = 14 * 86400.0,
    step: Seconds = 300.0,
    queries: Queries = Queries(),  # noqa: B008 - frozen
    token: str | None = None,
    bounds: Bounds = Bounds(timeout=60.0),  # noqa: B008 - frozen
) -> Recording:
    """What workloads used up to now, as far back as ``keep`` seconds.

    Workloads without a request are left out: there is nothing to compare them with.

    Args:
        url: ``http://HOST:PORT``, with a path where the server has a prefix.
        token: Sent as a bearer token.

    Raises:
        InvalidArgumentError: The server does not understand a query, with what it says of it; or
            a series lacks a label that names workloads, or two name the same one.
        UnauthenticatedError, PermissionDeniedError: It does not let us in.
        UnavailableError: It cannot be reached, or does not answer in time.
    """
    length, pause = positive(keep, "keep"), positive(step, "step")
    recording = Recording(step=pause, keep=length)
    wire = Wire(bounds)
    try:
        server = _Server(wire, url.rstrip("/"), token, queries.workload)
        until = time.time() // pause * pause
        asked = await _requests(server, queries, until)
        for name, (cores, memory) in asked.items():
            recording.watch(name, cores=cores, memory_bytes=memory)
        points = max(1, min(_POINTS, _SAMPLES // max(len(asked), 1)))
        for query, history in (
            (queries.cpu_cores, recording.cpu),
            (queries.memory_bytes, recording.memory),
        ):
            for start, end in _stretches(until - length, until, pause, points):
                for name, samples in (await server.ranged(query, start, end, pause)).items():
                    if name in asked:
                        for at, value in samples:
                            history.add(name, at, value)
    finally:
        await wire.aclose()
    return recording


async def _requests(
    server: _Server, queries: Queries, now: float
) -> Mapping[str, tuple[float, float]]:
    cores = await server.instant(queries.cpu_request, now)
    memory = await server.instant(queries.memory_request, now)
    known = sorted(cores.keys() & memory.keys())
    sound = (name for name in known if 0 < cores[name] < math.inf and 0 < memory[name] < math.inf)
    return {name: (cores[name], memory[name]) for name in sound}


def _stretches(start: float, end: float, step: float, points: int) -> Iterator[tuple[float, float]]:
    """Ranges, one after another, of which each has so many points."""
    longest = points * step
    while start < end:
        yield start, min(start + longest - step, end)
        start += longest


@dataclass(frozen=True)
class _Server:
    wire: Wire
    url: str
    token: str | None
    labels: Sequence[str]

    async def instant(self, query: str, at: float) -> Mapping[str, float]:
        """The value of each workload at a moment."""
        found = await self._ask("query", "vector", {"query": query, "time": f"{at:.3f}"})
        return self._by_name(query, found, lambda one: float(one["value"][1]))

    async def ranged(
        self, query: str, start: float, end: float, step: float
    ) -> Mapping[str, list[tuple[float, float]]]:
        """Moments and values of each workload."""
        between = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        found = await self._ask("query_range", "matrix", {"query": query, **between})
        return self._by_name(
            query, found, lambda one: [(float(at), float(value)) for at, value in one["values"]]
        )

    def _by_name(
        self, query: str, found: list[dict[str, Any]], read: Callable[[dict[str, Any]], T]
    ) -> Mapping[str, T]:
        told: dict[str, T] = {}
        for one in found:
            metric = one.get("metric")
            name = self._name(metric if isinstance(metric, dict) else {}, query)
            if name in told:
                raise InvalidArgumentError(
                    f"{query!r} gives more than one series for {name!r}",
                    hint="sum them in the query, or name workloads by more labels",
                )
            try:
                told[name] = read(one)
            except (KeyError, IndexError, TypeError, ValueError):
                raise InternalError(
                    f"what answers {query!r} tells no numbers of {name!r}",
                    hint="check the url; histograms are no numbers",
                ) from None
        return told

    async def _ask(self, what: str, kind: str, fields: Mapping[str, str]) -> list[dict[str, Any]]:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token}"
        body = urlencode(fields).encode()
        answer = await self.wire.ask("POST", f"{self.url}/api/v1/{what}", headers, body)
        said = _said(answer)
        if answer.status != 200:
            raise _refused(answer.status, said, fields["query"])
        data = said.get("data")
        result = data.get("result") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(result, list):
            raise InternalError("what answers is no Prometheus", hint="check the url")
        if data.get("resultType") != kind or not all(isinstance(one, dict) for one in result):
            raise InvalidArgumentError(
                f"{fields['query']!r} gives no series of numbers",
                hint="a query gives one series for a workload, and no range of it",
            )
        return result

    def _name(self, metric: Mapping[str, object], query: str) -> str:
        missing = [label for label in self.labels if label not in metric]
        if missing:
            raise InvalidArgumentError(
                f"a series of {query!r} has no label {', '.join(missing)}",
                hint="keep these labels in the query, or name workloads by others",
            )
        return "/".join(str(metric[label]) for label in self.labels)


def _said(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _refused(status: int, said: Mapping[str, Any], query: str) -> OmniCloudError:
    told = str(said.get("error", "no reason is given"))[:500]
    if status in (400, 422):
        return InvalidArgumentError(f"the server refuses {query!r}: {told}")
    if status == 401:
        return UnauthenticatedError("the server wants other credentials", hint="give a token")
    if status == 403:
        return PermissionDeniedError("the server does not let us query")
    if status == 429:
        return ThrottledError("the server is asked too much")
    if status >= 500:
        return UnavailableError(f"the server answers {status}: {told}")
    return InternalError(f"the server answers {status}", hint="check the url")
