"""Usage out of a CSV or Parquet file: one row for each sample of each workload."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.placement.sources.recording import Recording

__all__ = ["COLUMNS", "read_file"]

COLUMNS = ("time", "workload", "cpu_cores", "memory_bytes", "cpu_request", "memory_request")
"""``time``: seconds since 1970-01-01 UTC or ISO 8601. Requests in cores and bytes; a row's hold
from then on. A cell of usage that is empty is not known, which is not zero."""

_SHOWN = 5  # mistakes told at once
_ROWS = 4096  # of Parquet that are in memory at once
_YEAR_10000 = 253_402_300_800.0


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

    def __init__(self, step: float) -> None:
        self._step = step
        self._known_until = SYSTEM_CLOCK.wall() + step
        self._at = self._ahead = -math.inf

    def see(self, at: float) -> None:
        """A sample is of that time. One from the future must not make all others too old."""
        if at <= self._known_until:
            self._at = max(self._at, at)
        else:
            self._ahead = max(self._ahead, at)

    def wall(self) -> float:
        newest = self._at if math.isfinite(self._at) else self._ahead
        return (newest // self._step + 1) * self._step

    def monotonic(self) -> float:
        return self.wall()

    async def sleep(self, seconds: float) -> None:
        await SYSTEM_CLOCK.sleep(seconds)


def read_file(
    path: Path, *, step: Seconds = 300.0, keep: Seconds = 14 * 86400.0, now: Clock | None = None
) -> Recording:
    """The samples of a file, in any order; the last ``keep`` seconds before the newest one.

    The file is read twice, row by row: memory is bounded by the histories, whatever its size.

    Args:
        now: Where the present is; by default just after the newest sample that is not ahead of
            this machine's clock.

    Raises:
        NotFoundError: There is no such file.
        InvalidArgumentError: It is no such file, a column is missing, or cells are no numbers or
            times; which lines.
        ResourceExhaustedError: More workloads than a history may keep.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    newest = _Newest(positive(step, "step"))
    recording = Recording(step=step, keep=keep, clock=now or newest)
    count = _watched(path, recording, newest)
    if not count:
        raise InvalidArgumentError(f"{path} has no samples", hint=f"columns: {', '.join(COLUMNS)}")
    try:
        _filled(recording, islice(_samples(path), count))  # not what was added since
    except NotFoundError:
        raise InvalidArgumentError(
            f"{path} changed while it was read", hint="read it again"
        ) from None
    return recording


def _watched(path: Path, recording: Recording, newest: _Newest) -> int:
    """Note every workload with its newest requests, and the newest time; how many samples."""
    asked: dict[str, float] = {}
    count = 0
    for sample in _samples(path):
        count += 1
        newest.see(sample.at)
        if sample.at >= asked.get(sample.workload, -math.inf):
            asked[sample.workload] = sample.at
            recording.watch(
                sample.workload, cores=sample.cpu_request, memory_bytes=sample.memory_request
            )
    return count


def _filled(recording: Recording, samples: Iterable[_Sample]) -> None:
    for sample in samples:
        if not math.isnan(sample.cores):
            recording.cpu.fill(sample.workload, sample.at, sample.cores)
        if not math.isnan(sample.memory_bytes):
            recording.memory.fill(sample.workload, sample.at, sample.memory_bytes)


def _samples(path: Path) -> Iterator[_Sample]:
    wrong: list[str] = []
    for number, row in _rows(path):
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


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows and their numbers; of a CSV file those of lines, where no cell goes over two."""
    try:
        if path.suffix == ".parquet":
            yield from enumerate(_parquet(path), start=1)
        else:
            yield from enumerate(_csv(path), start=2)
    except InvalidArgumentError:
        raise
    except (ValueError, OverflowError, OSError, csv.Error) as error:
        raise InvalidArgumentError(
            f"{path} cannot be read: {error}", hint="give CSV in UTF-8, or Parquet as *.parquet"
        ) from None


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        _check_columns(path, reader.fieldnames or ())
        yield from reader


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise InvalidArgumentError(
            "reading Parquet needs pyarrow", hint="pip install pyarrow, or give a CSV file"
        ) from None
    try:
        file = parquet.ParquetFile(path)
        _check_columns(path, file.schema_arrow.names)
        for batch in file.iter_batches(_ROWS, columns=list(COLUMNS)):
            yield from batch.to_pylist()
    except (ArrowException, EOFError) as error:
        raise ValueError(error) from None


def _check_columns(path: Path, found: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in set(found)]
    if missing:
        raise InvalidArgumentError(
            f"{path} lacks the columns {', '.join(missing)}", hint=f"needed: {', '.join(COLUMNS)}"
        )


def _sample(row: Mapping[str, Any]) -> _Sample:
    if row["workload"] in (None, ""):
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
    try:
        at = _seconds(value)
    except (ValueError, OverflowError):
        raise ValueError(f"time is {value!r}, neither seconds nor ISO 8601") from None
    if not abs(at) < _YEAR_10000:
        raise ValueError(f"time is {value!r}, seconds since 1970 are wanted, not thousandths")
    return at


def _seconds(value: object) -> float:
    if not isinstance(value, datetime):
        try:
            return float(str(value))
        except ValueError:
            value = datetime.fromisoformat(str(value))
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
