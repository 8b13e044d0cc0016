"""Recommendations from files and from running containers, with the reasons for them."""

from __future__ import annotations

import math
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from omnicloud.cli.app import cli
from omnicloud.contracts.containers import Containers, ContainerSpec
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.forecast.forecast import Forecast, sizes_alone
from omnicloud.placement.forecast.troubles import Trouble
from omnicloud.placement.forecast.usage import Usage
from omnicloud.placement.recommend import Policy, advise
from omnicloud.placement.sources import COLUMNS, Recording, observe, read_file
from omnicloud.testing import LoopClock, run_virtual

HEAD = ",".join(COLUMNS)
DAY_SLOTS = 288


def usage(values: list[float], request: float) -> Usage:
    matrix = np.array([values], dtype=np.float32)
    asked = np.array([request], dtype=np.float32)
    return Usage(names=("w",), requests=asked, values=matrix, step_seconds=300.0)


def written(folder: Path, *rows: str) -> Path:
    file = folder / "usage.csv"
    file.write_text("\n".join([HEAD, *rows]) + "\n", encoding="latin-1")
    return file


def test_a_steady_workload_is_advised_its_use_and_a_margin() -> None:
    (one,) = advise(usage([0.5] * 2 * DAY_SLOTS, 4.0), Policy.cpu())
    assert one.recommended == pytest.approx(0.575)
    assert one.saving == pytest.approx(3.425)
    assert one.reason == "asks too much: p99 is 12% of the request, the peak 12%"


def test_one_that_uses_more_than_it_asks_is_advised_more() -> None:
    (one,) = advise(usage([2.0] * DAY_SLOTS, 1.0), Policy.cpu())
    assert one.recommended == pytest.approx(2.3)
    assert one.reason.startswith("asks too little")


def test_one_that_fits_is_left_alone() -> None:
    (one,) = advise(usage([1.0] * DAY_SLOTS, 1.15), Policy.cpu())
    assert one.recommended == one.request
    assert one.reason.startswith("fits")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1.0] * 12, "1.0 h of it are known, 24 h are needed"),
        ([], "0.0 h of it are known"),
        ([1.0, math.nan, math.nan, math.nan] * DAY_SLOTS, "only 25% of its time is known"),
    ],
)
def test_one_that_is_not_known_keeps_its_request(values: list[float], why: str) -> None:
    (one,) = advise(usage(values, 3.0), Policy.cpu())
    assert one.recommended == 3.0
    assert why in one.reason


@pytest.mark.parametrize("values", [[], [math.nan] * 3])
def test_one_of_which_nothing_is_known_keeps_its_request_however_young_it_may_be(
    values: list[float],
) -> None:
    (one,) = advise(usage(values, 3.0), replace(Policy.cpu(), least_seconds=0.0))
    assert (one.recommended, one.reason) == (3.0, "keeps its request: nothing of it is known")


def test_a_predictor_that_tells_no_amount_changes_no_request() -> None:
    class Wild:
        name = "wild"

        def fit(self, usage: Usage, now: int) -> Forecast:
            return sizes_alone(usage.names, np.full(len(usage.names), np.nan))

    wild = replace(Policy.cpu(), predictor=Wild())
    (one,) = advise(usage([0.5] * DAY_SLOTS, 4.0), wild)
    assert (one.recommended, one.saving) == (4.0, 0.0)
    assert "wild says nan" in one.reason


@pytest.mark.parametrize("wrong", ["margin", "least_seconds", "least_known", "worthwhile"])
def test_a_policy_of_no_numbers_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidArgumentError):
        replace(Policy.cpu(), **{wrong: math.nan})


def test_the_future_is_not_looked_at() -> None:
    past = [0.5] * DAY_SLOTS
    (one,) = advise(usage([*past, 100.0], 4.0), Policy.cpu(), now=DAY_SLOTS)
    (other,) = advise(usage([*past, 0.0], 4.0), Policy.cpu(), now=DAY_SLOTS)
    assert one == other


def test_an_idle_workload_is_advised_the_least_there_is() -> None:
    (one,) = advise(usage([0.0] * DAY_SLOTS, 4.0), Policy.cpu())
    assert one.recommended == 0.01
    assert "the least that is advised" in one.reason


def test_a_file_is_read_by_time_and_its_lies_are_counted(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "2026-11-20T00:10:00Z,w,0.5,1000,2,4000",
        "1763596800,w,0.25,,2,4000",
        "2026-11-20T00:05:00+00:00,w,-3,1000,2,4000",
    )
    recording = read_file(file, keep=600)
    assert recording.troubles() == {Trouble.NEGATIVE: 1, Trouble.TOO_OLD: 1}
    (values,) = recording.cpu.usage().values
    assert values[-1] == 0.5
    assert math.isnan(values[0])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("soon,w,1,1,1,1", "line 2: time is 'soon'"),
        ("1,,1,1,1,1", "line 2: workload is empty"),
        ("1,w,lots,1,1,1", "line 2: cpu_cores is 'lots'"),
        ("1,w,1,1,0,1", "must be above 0"),
        ("1,w,1,1,,1", "must be above 0"),
        ("nan,w,1,1,1,1", "line 2: time is 'nan'"),
        ("1763596800000,w,1,1,1,1", "not thousandths"),
        ("1,w,1,1,1e39,1", "the request of 'w' is 1e"),
        ("1,w,1,1,1e-50,1", "the request of 'w' is 1e-50"),
        ("1,w\xfc,1,1,1,1", "cannot be read: 'utf-8' codec"),
    ],
)
def test_a_cell_that_cannot_be_is_named_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        read_file(written(tmp_path, row))


def test_a_cell_that_never_ends_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be read: field larger than"):
        read_file(written(tmp_path, f"1,{'w' * 200_000},1,1,1,1"))


def test_one_sample_from_the_future_does_not_make_all_others_too_old(tmp_path: Path) -> None:
    rows = [f"{1372629600 + 300 * n},w,0.5,1000,2,4000" for n in range(3)]
    file = written(tmp_path, *rows, "2999-01-01,w,0.5,1000,2,4000")
    recording = read_file(file)
    assert recording.troubles() == {Trouble.FROM_THE_FUTURE: 2}
    assert list(recording.cpu.usage().values[0][-3:]) == [0.5] * 3


def test_amounts_that_no_machine_has_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = "1763596800,w,0.5,1000,2,4000", "1763596801,w,1e300,1e30,2,4000"
    recording = read_file(written(tmp_path, *rows))
    assert recording.troubles() == {Trouble.IMPLAUSIBLE: 2}


def test_a_history_that_no_memory_could_hold_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "1763596800,w,0.5,1000,2,4000")
    with pytest.raises(InvalidArgumentError, match="1209600000 slots"):
        read_file(file, step=0.001)
    with pytest.raises(InvalidArgumentError, match=r"step is 0 s|step is 0\.0 s"):
        read_file(file, step=0)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_file(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("time,workload\n")
    with pytest.raises(InvalidArgumentError, match="lacks the columns cpu_cores"):
        read_file(tmp_path / "other.csv")
    with pytest.raises(InvalidArgumentError, match="no samples"):
        read_file(written(tmp_path))


def test_running_containers_are_recorded() -> None:
    clock = LoopClock()

    async def main() -> tuple[tuple[str, ...], Usage]:
        containers = Containers(Pipeline(MemoryContainers(MemoryStore(clock), "c")), clock)
        limited = ContainerSpec(name="a", command=("sleep", "600"), cpu=0.5, memory_bytes=64 << 20)
        await containers.run(limited)
        await containers.run(ContainerSpec(name="free", command=("sleep", "600")))
        recording = Recording(step=1.0, keep=30.0, clock=clock)
        names = await observe(containers, recording, seconds=20.0)
        await containers.aclose()
        return names, recording.memory.usage()

    names, memory = run_virtual(main())
    assert names == ("a",)
    assert np.count_nonzero(~np.isnan(memory.values)) >= 15
    assert memory.requests[0] == 64 << 20


def test_the_command_tells_what_can_be_freed_and_changes_nothing(tmp_path: Path) -> None:
    rows = [f"{1763596800 + 300 * n},w,0.5,1073741824,4,4294967296" for n in range(DAY_SLOTS)]
    file = written(tmp_path, *rows)
    done = CliRunner().invoke(cli, ["recommend", str(file)])
    assert done.exit_code == 0, done.output
    assert "cores: 4 asked, 3.425 could be freed (86%)" in done.output
    done = CliRunner().invoke(cli, ["recommend", str(file), "--json"])
    assert '"recommended": 0.575' in done.output
    service = ["--service", "x"]
    for wrong in (
        *([], [str(file), "--undo"], [str(file), "--apply", "5"], [str(file), "--step", "0"]),
        *([*service, "--apply", "-1"], [*service, "--for", "nan"]),
        [*service, "--least-hours", "-1"],
    ):
        assert CliRunner().invoke(cli, ["recommend", *wrong]).exit_code == 2


def test_rows_in_any_order_are_the_same_usage(tmp_path: Path) -> None:
    rows = [
        f"{1763596800 + 100 * number},{name},{number / 8},{1000 + number},{2 + number // 6},4000"
        for number in range(12)
        for name in ("a", "b")
    ]
    plain = read_file(written(tmp_path, *rows), keep=900)
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        drawn = read_file(written(tmp_path, *rows), keep=900)
        assert drawn.troubles() == plain.troubles()
        for one, other in ((drawn.cpu, plain.cpu), (drawn.memory, plain.memory)):
            np.testing.assert_array_equal(one.usage().values, other.usage().values)
            np.testing.assert_array_equal(one.usage().requests, other.usage().requests)
    assert list(plain.cpu.usage().requests) == [3, 3]


def test_a_file_takes_no_more_memory_than_the_history_that_it_fills(tmp_path: Path) -> None:
    def needed(rows: int) -> int:
        file = tmp_path / "usage.csv"
        with file.open("w") as stream:
            stream.write(",".join(COLUMNS) + "\n")
            for number in range(rows):
                stream.write(f"{1763596800 + number},w{number % 5},0.5,1000,2,4000\n")
        tracemalloc.start()
        try:
            read_file(file, keep=3600)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    needed(100)  # what is loaded once is not counted
    assert needed(4000) < needed(400) + 200_000
