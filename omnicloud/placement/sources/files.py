"""Usage out of a CSV or Parquet file: one row for each sample of each workload."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.placement.sources.recording import Recording

__all__ = ["COLUMNS", "read_file"]

COLUMNS = ("time", "workload", "cpu_cores", "memory_bytes", "cpu_request", "memory_request")
"""``time``: seconds since 1970-01-01 UTC or ISO 8601. Requests in cores and bytes; a row's hold
from then on. A cell of usage that is empty is not known, which is not zero."""

_SHOWN = 5  # mistakes told at once


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    workload: str
    cores: float
    memory_bytes: float
    cpu_request: float
    memory_request: float


class _Newest:
    """A clock that stands just after the newest sample, so that its slot is over."""

    def __init__(self, at: float) -> None:
        self._at = at

    def wall(self) -> float:
        return self._at

    def monotonic(self) -> float:
        return self._at

    async def sleep(self, seconds: float) -> None:
        await SYSTEM_CLOCK.sleep(seconds)


def read_file(
    path: Path, *, step: Seconds = 300.0, keep: Seconds = 14 * 86400.0, now: Clock | None = None
) -> Recording:
    """The samples of a file, by time; the last ``keep`` seconds before the newest one.

    Args:
        now: Where the present is; by default just after the newest sample.

    Raises:
        NotFoundError: There is no such file.
        InvalidArgumentError: A column is missing, or cells are no numbers or times; which lines.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    samples = sorted(_samples(path), key=lambda sample: sample.at)
    if not samples:
        raise InvalidArgumentError(f"{path} has no samples", hint=f"columns: {', '.join(COLUMNS)}")
    length = step if isinstance(step, int | float) else step.total_seconds()
    clock = now or _Newest((samples[-1].at // length + 1) * length)
    recording = Recording(step=step, keep=keep, clock=clock)
    for sample in samples:
        recording.watch(
            sample.workload, cores=sample.cpu_request, memory_bytes=sample.memory_request
        )
        if not math.isnan(sample.cores):
            recording.cpu.add(sample.workload, sample.at, sample.cores)
        if not math.isnan(sample.memory_bytes):
            recording.memory.add(sample.workload, sample.at, sample.memory_bytes)
    return recording


def _samples(path: Path) -> Iterator[_Sample]:
    rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    wrong: list[str] = []
    for number, row in enumerate(rows, start=2 if path.suffix != ".parquet" else 1):
        try:
            yield _sample(row)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
        if len(wrong) == _SHOWN:
            break
    if wrong:
        raise InvalidArgumentError(
            f"{path} cannot be read: " + "; ".join(wrong),
            hint=f"columns are {', '.join(COLUMNS)}; amounts are cores and bytes",
        )


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        _check_columns(path, reader.fieldnames or ())
        yield from reader


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise InvalidArgumentError(
            "reading Parquet needs pyarrow", hint="pip install pyarrow, or give a CSV file"
        ) from None
    file = parquet.ParquetFile(path)
    _check_columns(path, file.schema_arrow.names)
    for batch in file.iter_batches(columns=list(COLUMNS)):
        yield from batch.to_pylist()


def _check_columns(path: Path, found: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in set(found)]
    if missing:
        raise InvalidArgumentError(
            f"{path} lacks the columns {', '.join(missing)}", hint=f"needed: {', '.join(COLUMNS)}"
        )


def _sample(row: Mapping[str, Any]) -> _Sample:
    if not row["workload"]:
        raise ValueError("workload is empty")
    asked = [_amount(row, name) for name in ("cpu_request", "memory_request")]
    if not all(0 < one < math.inf for one in asked):
        raise ValueError("cpu_request and memory_request must be above 0")
    return _Sample(
        _time(row["time"]),
        str(row["workload"]),
        _amount(row, "cpu_cores"),
        _amount(row, "memory_bytes"),
        *asked,
    )


def _amount(row: Mapping[str, Any], name: str) -> float:
    value = row[name]
    if value is None or value == "":
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}, no number") from None


def _time(value: object) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    try:
        return float(str(value))
    except ValueError:
        pass
    try:
        told = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"time is {value!r}, neither seconds nor ISO 8601") from None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
