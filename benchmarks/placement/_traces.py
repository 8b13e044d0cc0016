"""Fleets of workloads with requests and usage: the Bitbrains trace, or a small made-up one."""

from __future__ import annotations

import hashlib
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _forms import in_form

from omnicloud.placement.forecast.gaps import whole
from omnicloud.placement.forecast.usage import Floats, Usage

DAY = 288  # slots of five minutes
WEEK = 7 * DAY
STEP_SECONDS = 300.0
FIRST_SLOT = 1372629600 // 300  # 2013-06-30 22:00 UTC
FOLDER = "bitbrains_rnd"
COLUMNS = (
    *("vm", "slot", "cores", "cpu_prov_mhz", "cpu_used_mhz", "mem_prov_mib", "mem_used_mib"),
)
MOST_DAYS = 800
CHECKSUMS = {
    "rnd_2013-07.parquet": "e7460ee30f59f7dd38cbae6642d73e058a9d25ccc51df17414f9e9e7488ab7d6",
    "rnd_2013-08.parquet": "d369f4caeda3b7ec2ba6b2410cb2aba94592cffeff1a1949e7859edd91f1a2b0",
}
ORIGIN = """The trace is GWA-T-12 "rnd" of Bitbrains (Shen, van Beek, Iosup, CCGrid 2015), published
for research by the Grid Workloads Archive of TU Delft: 500 files of CSV for each month. Repack a
month as Parquet with the columns vm, slot, cores, cpu_prov_mhz, cpu_used_mhz, mem_prov_mib,
mem_used_mib (slot: five minutes since 2013-06-30 22:00 UTC) into DIR/bitbrains_rnd/."""


@dataclass(frozen=True)
class Fleet:
    """Cores and GiB, used and asked, of each workload in each slot; NaN where not known."""

    name: str
    first_slot: int
    cpu: Floats
    memory: Floats
    cpu_asked: Floats
    memory_asked: Floats
    hashes: dict[str, str]

    @property
    def slots(self) -> int:
        return int(self.cpu.shape[1])


@dataclass(frozen=True, eq=False)
class Window:
    """Workloads with a past and the week after it.

    ``cpu`` and ``memory`` reach over both; predictors are told ``now``. What came has no gaps.
    """

    now: int
    cpu: Usage
    memory: Usage
    cpu_came: Floats
    memory_came: Floats

    @property
    def count(self) -> int:
        return len(self.cpu.names)


def window(fleet: Fleet, start: int, node: tuple[float, float], past: int = 14 * DAY) -> Window:
    """The week from slot ``start`` of the fleet on; workloads of at most half a node.

    Those that are known in half of either time. A request is the most that was asked before.
    """
    before, after = slice(max(start - past, 0), start), slice(start, start + WEEK)
    asked = [_most(grid[:, before]) for grid in (fleet.cpu_asked, fleet.memory_asked)]
    rows = (asked[0] > 0) & (asked[1] > 0)
    rows &= (2 * asked[0] <= node[0]) & (2 * asked[1] <= node[1])
    rows &= (_share(fleet.cpu[:, before]) >= 0.5) & (_share(fleet.cpu[:, after]) > 0.5)
    if not rows.any():
        sys.exit(f"no workload of day {start // DAY} is known and fits onto half a node of {node}")
    now = fleet.first_slot + start
    both = slice(before.start, after.stop)
    cpu = _usage(fleet, both, np.flatnonzero(rows), fleet.cpu, asked[0])
    memory = _usage(fleet, both, np.flatnonzero(rows), fleet.memory, asked[1])
    came = [whole(one.between(now, now + WEEK)) for one in (cpu, memory)]
    return Window(now, cpu, memory, came[0], came[1])


def _usage(fleet: Fleet, slots: slice, rows: np.ndarray, used: Floats, asked: Floats) -> Usage:
    return Usage(
        names=tuple(f"vm-{row + 1:04d}" for row in rows),
        requests=asked[rows],
        values=used[rows, slots],
        step_seconds=STEP_SECONDS,
        first_slot=fleet.first_slot + slots.start,
    )


def _most(values: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(values, axis=1, initial=0.0), dtype=np.float32)


def starts(fleet: Fleet, weeks: int) -> list[int]:
    """First slots of the last so many whole weeks, each with two weeks before it."""
    every = range(2 * WEEK, fleet.slots - WEEK + 1, WEEK)
    if not every:
        sys.exit(f"{fleet.name} has {fleet.slots // DAY} days, three weeks are needed")
    return list(every)[-weeks:]


def rehearsals(before: int) -> list[int]:
    """First slots of past windows to learn from: every half week, whole by ``before``.

    The last dozen, which is six weeks and a half.
    """
    return list(range(WEEK, before - WEEK + 1, WEEK // 2))[-12:]


def _share(values: Floats) -> np.ndarray:
    """Of each workload, how much is known of the slots in which the fleet is known."""
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    together = (counts > 0) & (2 * counts >= counts.max(initial=0))
    return known[:, together].mean(axis=1) if together.any() else np.zeros(len(values))


def load(folder: Path, smoke: bool, seed: int, until_day: int | None = None) -> Fleet:
    """The trace in the folder, up to a day where told; for a smoke run one made of the seed."""
    fleet = made_up(seed) if smoke else bitbrains(folder / FOLDER)
    if until_day is None:
        return fleet
    grids = ("cpu", "memory", "cpu_asked", "memory_asked")
    return replace(fleet, **{name: getattr(fleet, name)[:, : until_day * DAY] for name in grids})


def bitbrains(folder: Path) -> Fleet:
    """All months that are in the folder, at least one."""
    import polars as pl

    files = sorted(folder.glob("rnd_*.parquet"))
    if not files:
        listed = "\n".join(f"  {name} sha256 {digest}" for name, digest in CHECKSUMS.items())
        sys.exit(f"no rnd_*.parquet in {folder}; --smoke needs none.\n{ORIGIN}\nOurs:\n{listed}")
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    with in_form(files[0] if len(files) == 1 else folder, f"Parquet with {', '.join(COLUMNS)}"):
        try:
            table = pl.concat([pl.read_parquet(file, columns=list(COLUMNS)) for file in files])
            workloads, rows = np.unique(table["vm"].to_numpy(), return_inverse=True)
            column = {name: table[name].to_numpy().astype(np.float64) for name in COLUMNS[1:]}
        except pl.exceptions.PolarsError as error:
            raise ValueError(error) from None
        slots = column["slot"]
        if not np.isfinite(slots).all() or np.ptp(slots) > MOST_DAYS * DAY:
            raise ValueError(f"slot counts five minutes, over {MOST_DAYS} days at most")
    first = int(slots.min()) // DAY * DAY
    cell = rows, slots.astype(int) - first
    shape = len(workloads), int(cell[1].max()) + 1
    ours = set(hashes.values()) <= set(CHECKSUMS.values())
    cores, provisioned = column["cores"], column["cpu_prov_mhz"]
    used = np.where(provisioned > 0, column["cpu_used_mhz"] / np.maximum(provisioned, 1), 0) * cores
    amounts = used, column["mem_used_mib"] / 1024, cores, column["mem_prov_mib"] / 1024
    grids = [_grid(shape, cell, values) for values in amounts]
    return Fleet("bitbrains rnd" if ours else "own data", FIRST_SLOT + first, *grids, hashes)


def _grid(
    shape: tuple[int, int], cell: tuple[np.ndarray, np.ndarray], values: np.ndarray
) -> Floats:
    grid = np.full(shape, np.nan, dtype=np.float32)
    grid[cell] = values
    return grid


def made_up(seed: int, workloads: int = 60, weeks: int = 4) -> Fleet:
    """A small fleet of our own: daily shapes, batch jobs that start together, gaps."""
    random = np.random.default_rng(seed)
    slots = np.arange(weeks * WEEK)
    cores = random.choice([1, 2, 4, 8], size=workloads, p=[0.4, 0.3, 0.2, 0.1]).astype(float)
    phase = random.uniform(0, DAY, size=(workloads, 1))
    daily = 0.06 + 0.05 * np.sin(2 * math.pi * (slots + phase) / DAY)
    noise = random.gamma(0.4, 0.05, size=(workloads, len(slots)))
    jobs = np.repeat(random.random((3, len(slots) // 72)) < 0.15, 72, axis=1)
    batch = (cores >= 8)[:, None] * jobs[random.integers(0, 3, size=workloads)]
    used = (np.minimum(daily + noise + batch, 1.05) * cores[:, None]).astype(np.float32)
    used[random.random(used.shape) < 0.01] = np.nan
    sizes = 4 * cores * random.uniform(1, 2, size=workloads)
    memory = sizes * random.uniform(0.05, 0.2, size=workloads)
    level = np.ones_like(used)
    flat = [(one[:, None] * level).astype(np.float32) for one in (memory, cores, sizes)]
    digest = hashlib.sha256(used.tobytes()).hexdigest()
    return Fleet(f"made up, seed {seed}", FIRST_SLOT, used, *flat, {"made up": digest})
