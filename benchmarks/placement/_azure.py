"""Arrivals and lifetimes of the virtual machines of a large cloud (Azure, 2017)."""

from __future__ import annotations

import hashlib
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from _forms import in_form

from omnicloud.placement.forecast.survival import Kinds, Survival

TICK_SECONDS = 300
FILES = {
    "dev": ("v1.dev.txt.xz", "v1.dev.c2100000.txt.xz"),
    "test": ("v1.test.txt.xz", "v1.test.c2591400.txt.xz"),
}
ORIGIN = "github huaweicloud/trace_generation_rnn, resources/{traces,maps}, xz-packed"
OPEN_ENDED = 10 * 86_400.0  # longer than either part is


@dataclass(frozen=True)
class Machine:
    """A virtual machine: what it asks, with how many it came, how long it stays."""

    kind: str
    cores: float
    gib: float
    batch: int
    seconds: float


Trace = list[list[Machine]]  # by tick


def load(data: Path, part: str, hashes: dict[str, str]) -> Trace:
    folder = data / "azure_v1_arrivals"
    with in_form(folder / FILES[part][0], "arrivals and lifetimes"):
        return _trace(folder, part, hashes)


def _trace(folder: Path, part: str, hashes: dict[str, str]) -> Trace:
    kinds, lifetimes = (_lines(folder / name, hashes) for name in FILES[part])
    sizes = {row[1]: row[0] for row in _pairs(folder / "flav_map.txt", hashes)}
    starts: dict[int, int] = {}
    for second, number in _pairs(folder / "v1.interval_map.txt", hashes):
        starts.setdefault(int(number), int(second))
    middle = {n: (at + starts.get(n + 1, at + 86_400)) / 2 for n, at in starts.items()}
    trace: Trace = []
    for (_, first), (_, second) in zip(kinds, lifetimes, strict=True):
        tick: list[Machine] = []
        for kinds_of_batch, bins in zip(_batches(first), _batches(second), strict=True):
            for kind, number in zip(kinds_of_batch, bins, strict=True):
                cores, gib = sizes[kind].split(",")
                stays = OPEN_ENDED if number[0] == "C" else middle[int(number[1:])]
                tick.append(Machine(kind, float(cores), float(gib), len(bins), stays))
        trace.append(tick)
    return trace


def made_up(seed: int, ticks: int = 40) -> Trace:
    """Short-lived batches and a few that stay, drawn from the seed."""
    dice = random.Random(seed)
    trace: Trace = []
    for _ in range(ticks):
        tick: list[Machine] = []
        for _ in range(dice.randrange(1, 5)):
            cores, batch = dice.choice((1, 2, 4, 8)), dice.choice((1, 1, 2, 8))
            stays = 86_400.0 if cores == 8 else dice.expovariate(1 / 1200)
            tick += [Machine(f"k{cores}", cores, cores * 3.5, batch, stays)] * batch
        trace.append(tick)
    return trace


def shuffled(trace: Trace, seed: int, number: int) -> Trace:
    """An order of arrival: the trace's own is 0, others draw that of batches within a tick."""
    if number == 0:
        return trace
    dice = random.Random(seed * 1000 + number)
    drawn: Trace = []
    for tick in trace:
        together = list(batches(tick))
        dice.shuffle(together)
        drawn.append([machine for batch in together for machine in batch])
    return drawn


def fitting(trace: Trace, cores: float, gib: float) -> Trace:
    """Without machines that are larger than a host, which no policy can place."""
    return [
        [one for batch in batches(tick) for one in _fitting(batch, cores, gib)] for tick in trace
    ]


def _fitting(batch: list[Machine], cores: float, gib: float) -> list[Machine]:
    left = [one for one in batch if one.cores <= cores and one.gib <= gib]
    return left if len(left) == len(batch) else [replace(one, batch=len(left)) for one in left]


def batches(tick: list[Machine]) -> Iterator[list[Machine]]:
    """Those that came together."""
    while tick:
        yield tick[: tick[0].batch]
        tick = tick[tick[0].batch :]


def learnt(seen: Trace) -> Survival:
    """Lifetimes of another, earlier trace: of those that had left by its end, and of the others.

    By kind and size of the batch, or by size of the batch.
    """
    left: list[tuple[Kinds, float]] = []
    there: list[tuple[Kinds, float]] = []
    for number, tick in enumerate(seen):
        age = (len(seen) - number) * TICK_SECONDS
        for one in tick:
            what = kinds(one.kind, grade(one.batch))
            (left if one.seconds <= age else there).append((what, min(one.seconds, age)))
    return Survival(left, there)


def kinds(kind: str, grade: str) -> Kinds:
    """What a machine is like, the narrowest first."""
    return (kind, grade), grade


def grade(batch: int) -> str:
    """The size of the batch: up to 1, 2, 4, 8, and so on."""
    return str(1 << (batch - 1).bit_length())


def _batches(line: str) -> list[list[str]]:
    parts = line.strip().strip(",").split("|")
    return [batch for part in parts if (batch := [one for one in part.split(",") if one])]


def _lines(path: Path, hashes: dict[str, str]) -> list[tuple[str, str]]:
    rows = lzma.decompress(_read(path, hashes)).decode().splitlines()
    return [(row.partition(" ")[0], row.partition(" ")[2]) for row in rows]


def _pairs(path: Path, hashes: dict[str, str]) -> list[list[str]]:
    return [row.split() for row in _read(path, hashes).decode().splitlines() if row.strip()]


def _read(path: Path, hashes: dict[str, str]) -> bytes:
    if not path.exists():
        raise SystemExit(f"{path} is missing; from {ORIGIN}; or --smoke")
    hashes[path.name] = hashlib.sha256(found := path.read_bytes()).hexdigest()
    return found
