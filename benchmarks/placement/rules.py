"""B3: machines for 68,000 containers with curves of use and 33,000 rules of anti-affinity.

Run ``python benchmarks/placement/rules.py --data DIR``. The containers of a scheduling contest
(Alibaba, 2018, preliminary set B) go onto equal machines of 92 cores and 288 GB. Each has a curve
of CPU and one of memory over a day, which are exact; disk and three counts are bounded
too. Every packing is checked by a second, plain program. What first fit finds in the order of
the file is shown beside; the search begins with it and has to do better. ``--smoke`` takes
made-up containers.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import zipfile
from pathlib import Path

import numpy as np
from _writing import plot_bars, table, write

from omnicloud.placement.search.first_fit import first_fit
from omnicloud.placement.search.pack import pack
from omnicloud.placement.search.problem import Bound, Problem

FILE = "preliminary_dataB_20180726.zip"
ORIGIN = "github konnase/tianchi, data/"
SHA256 = "f61662c07796103388c7e9df8fdfd0dd21492a02df9045516ec5fbaabe5912af"
POINTS = 98
MACHINE = np.r_[np.full(POINTS, 92.0), np.full(POINTS, 288.0), 2457.0, 7.0, 7.0, 9.0]
MEASURED_BEFORE = {"first fit, curves": {"machines": 2873}, "first fit, peaks": {"machines": 2970}}
SHOWN = {"machines": ".0f", "over_bound": ".1%", "cpu_seconds": ".0f", "broken_rules": ".0f"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = Path(__file__).parents[2].parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data, help="folder with tianchi_b/")
    parser.add_argument("--seconds", type=float, default=600, help="of one processor")
    parser.add_argument(
        "--start", type=float, default=1.0275, help="machines to begin with, by bound"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--smoke", action="store_true", help="made-up containers, two seconds")
    said = parser.parse_args()
    hashes: dict[str, str] = {}
    problem = made_up(said.seed) if said.smoke else load(said.data, hashes)
    said.seconds = min(said.seconds, 2) if said.smoke else said.seconds
    begin = time.process_time()
    packed = pack(
        problem,
        machines=int(said.start * problem.least) + 1,
        steps=10**9,
        seed=said.seed,
        enough=lambda: time.process_time() - begin > said.seconds,
    )
    spent = time.process_time() - begin
    broken = problem.broken(packed.at)
    if broken:
        raise SystemExit(f"the packing breaks a rule: {broken}")
    figures: dict[str, dict[str, float]] = {} if said.smoke else dict(MEASURED_BEFORE)
    figures["first fit, order of the file"] = {"machines": int(first_fit(problem).max()) + 1}
    figures["omnicloud"] = {
        "machines": packed.machines,
        "cpu_seconds": spent,
        "broken_rules": 0,
        "steps": packed.steps,
    }
    figures["bound"] = {"machines": problem.least}
    for found in figures.values():
        found["over_bound"] = found["machines"] / problem.least - 1
    table(figures, SHOWN)
    name = "B3-rules" + ("-smoke" if said.smoke else "")
    more = {"measured_beforehand": list(MEASURED_BEFORE)}
    options = {k: str(v) for k, v in vars(said).items()}
    write(name, figures, data=hashes, options=options, more=more)
    bars = {policy: [found["machines"]] for policy, found in figures.items()}
    plot_bars(name, "Machines for all containers, every rule kept", "machines", bars)


def load(data: Path, hashes: dict[str, str]) -> Problem:
    path = data / "tianchi_b" / FILE
    if not path.exists():
        raise SystemExit(f"{path} is missing; from {ORIGIN}{FILE}; SHA-256 {SHA256}; or --smoke")
    hashes[FILE] = hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile(path) as packed:
        apps, deployed, apart = (
            [line.split(",") for line in packed.read(name).decode().split()]
            for key in ("app_resources", "instance_deploy", "app_interference")
            for name in packed.namelist()
            if key in name
        )
    number = {row[0]: index for index, row in enumerate(apps)}
    demands = np.array([_demand(row) for row in apps]) / MACHINE
    items = np.array([number[row[1]] for row in deployed])
    bounds = tuple(_bound(number[a], number[b], int(k)) for a, b, k in apart)
    return Problem(demands, items, bounds)


def _demand(row: list[str]) -> list[float]:
    curves = [float(value) for curve in row[1:3] for value in curve.split("|")]
    return [*curves, *(float(value) for value in row[3:7])]


def _bound(kind: int, other: int, most: int) -> Bound:
    return Bound(kind, other, most + 1 if kind == other else most)


def made_up(seed: int) -> Problem:
    dice = np.random.default_rng(seed)
    base = dice.choice([0.02, 0.04, 0.08, 0.15], (60, 1))
    demands = np.minimum(base * dice.uniform(0.5, 1.5, (60, 24)), 1.0)
    pairs = dice.integers(0, 60, (120, 2))
    bounds = [Bound(int(a), int(b), 0) for a, b in pairs if a != b]
    bounds += [Bound(kind, kind, 3) for kind in range(60)]
    return Problem(demands, dice.integers(0, 60, 400), tuple(bounds))


if __name__ == "__main__":
    main()
