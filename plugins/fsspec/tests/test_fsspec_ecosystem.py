"""What reads and writes paths of fsspec reads and writes ours: dask and zarr."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnicloud_fsspec import OmniFileSystem


@pytest.fixture
def options(tmp_path: Path) -> Iterator[dict[str, Any]]:
    service = {"contract": "objects", "provider": "local", "path": str(tmp_path)}
    options: dict[str, Any] = {"config": {"services": {"files": service}}}
    yield options
    OmniFileSystem(**options).close()
    OmniFileSystem.clear_instance_cache()


# dask asks pandas in a way that pandas 3.1 speaks of as one that will go.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_a_frame_of_dask_is_written_in_parts_side_by_side_and_comes_back(
    options: dict[str, Any],
) -> None:
    dask = pytest.importorskip("dask.dataframe", reason="dask is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"a": range(100), "b": [f"é{number}" for number in range(100)]})
    parts = dask.from_pandas(frame, npartitions=4)
    parts.to_csv("omni://files/csv/part-*.csv", index=False, storage_options=options)
    back = dask.read_csv("omni://files/csv/part-*.csv", storage_options=options)
    assert back.npartitions == 4
    assert back.compute().values.tolist() == frame.values.tolist()
    for _ in range(2):  # the second time over what the first left
        parts.to_parquet("omni://files/table", storage_options=options, overwrite=True)
        back = dask.read_parquet("omni://files/table", storage_options=options)
        assert back[back.a > 90].compute().values.tolist() == frame[91:].values.tolist()


def test_an_array_of_zarr_comes_back_whole_and_in_pieces(options: dict[str, Any]) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    data = numpy.arange(10_000, dtype="i4").reshape(100, 100)
    place, known = "omni://files/2026/all.zarr", {"storage_options": options}
    group = zarr.open_group(place, mode="w", **known)
    group.attrs["é"] = "ü"
    group.create_array("plain", data=data, chunks=(30, 30))
    group.create_array("sub/sharded", data=data, chunks=(10, 10), shards=(50, 50))
    again = zarr.open_group(place, mode="r+", **known)
    assert (sorted(again.keys()), again.attrs["é"]) == (["plain", "sub"], "ü")
    for name in ("plain", "sub/sharded"):
        assert (again[name][:] == data).all()
        assert (again[name][5:47, 44:66] == data[5:47, 44:66]).all()
    again["plain"].append(data)
    again["plain"][0, 0] = 7
    del again["sub"]
    last = zarr.open_group(place, mode="r", **known)
    assert list(last.keys()) == ["plain"]
    assert (last["plain"].shape, last["plain"][0, 0]) == ((200, 100), 7)
