"""Usage out of Parquet files: read as CSV is, and what is wrong with them named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.sources import read_file


def parquet(folder: Path, **columns: list[object] | pa.Array) -> Path:
    """Three samples of a workload, with other columns where told."""
    made: dict[str, object] = {
        "time": [1763596800.0 + 300 * slot for slot in range(3)],
        "workload": ["w"] * 3,
        "cpu_cores": [0.5, None, 0.25],
        "memory_bytes": [1000.0] * 3,
        "cpu_request": [2.0] * 3,
        "memory_request": [4000.0] * 3,
    }
    file = folder / "usage.parquet"
    write_table(pa.table(made | columns), file)
    return file


def test_parquet_is_read_with_times_of_any_kind_and_workloads_that_are_numbers(
    tmp_path: Path,
) -> None:
    whole = [1763596800 + 300 * slot for slot in range(3)]
    for unit, size in (("s", 1), ("us", 10**6), ("ns", 10**9)):
        times = pa.array([at * size for at in whole], pa.timestamp(unit))
        usage = read_file(parquet(tmp_path, time=times, workload=[0, 0, 0])).cpu.usage()
        assert usage.names == ("0",)
        np.testing.assert_array_equal(usage.values[0][-3:], [0.5, np.nan, 0.25])


def test_parquet_that_is_none_or_cut_short_or_without_columns_is_named(tmp_path: Path) -> None:
    file = parquet(tmp_path)
    whole = file.read_bytes()
    for content in (b"", b"PAR1", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(InvalidArgumentError, match="cannot be read"):
            read_file(file)
    write_table(pa.table({"time": [1.0]}), file)
    with pytest.raises(InvalidArgumentError, match="lacks the columns workload"):
        read_file(file)


def test_cells_of_parquet_that_cannot_be_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="line 1: cpu_cores is"):
        read_file(parquet(tmp_path, cpu_cores=[[1.0]] * 3))
    with pytest.raises(InvalidArgumentError, match="line 1: time is None"):
        read_file(parquet(tmp_path, time=pa.array([None] * 3, pa.float64())))
    far = pa.array([2**62] * 3, pa.timestamp("us"))
    with pytest.raises(InvalidArgumentError, match="out of range"):
        read_file(parquet(tmp_path, time=far))
