"""B3: machines for 68,000 containers with curves of use and 33,000 rules of anti-affinity.

Run ``python benchmarks/placement/rules.py --data DIR``. The containers of a scheduling contest
(Alibaba, 2018, preliminary set B) go onto equal machines of 92 cores and 288 GB. Each has a curve
of CPU and one of memory over a day, which are exact; disk and three counts are bounded
too. Every packing is checked by a second, plain program. What first fit finds in the order of
the file is shown beside; the search begins with it and has to do better. ``--smoke`` takes
made-up containers.
"""

from __future__ import annotations

import hashlib
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from _forms import in_form
from _options import options_of, shape
from _packing import Node
from _writing import plot_bars, table, write

from omnicloud.placement.search.first_fit import first_fit
from omnicloud.placement.search.pack import pack
from omnicloud.placement.search.problem import FULL, Bound, Problem

FILE = "preliminary_dataB_20180726.zip"
ORIGIN = "github konnase/tianchi, data/"
SHA256 = "f61662c07796103388c7e9df8fdfd0dd21492a02df9045516ec5fbaabe5912af"
POINTS = 98
MACHINE = "92x288"
COUNTS = (2457.0, 7.0, 7.0, 9.0)  # disk and three others of a machine, whatever its --node
FIRST_FIT = "first fit"
MEASURED_BEFORE = {"first fit, curves": {"machines": 2873}, "first fit, peaks": {"machines": 2970}}
SHOWN = {"machines": ".0f", "over_bound": ".1%", "cpu_seconds": ".0f", "broken_rules": ".0f"}


def main() -> None:
    parser = options_of(
        __doc__.splitlines()[0],
        f"tianchi_b/{FILE}, or another zip with its three tables",
        node=MACHINE,
        orders=1,
        unused={"weeks": "the curves are of one day"},
    )
    parser.add_argument("--seconds", type=float, default=600, help="of one processor")
    parser.add_argument(
        "--start", type=float, default=1.0275, help="machines to begin with, by bound"
    )
    said = parser.parse_args()
    hashes: dict[str, str] = {}
    problem = made_up(said.seed) if said.smoke else load(said.data, shape(said.node), hashes)
    said.seconds = min(said.seconds, 2) if said.smoke else said.seconds
    runs: dict[str, list[dict[str, float]]] = {FIRST_FIT: [], "omnicloud": []}
    for order in range(said.orders):
        drawn = ordered(problem, said.seed, order)
        runs[FIRST_FIT].append({"machines": int(first_fit(drawn).max()) + 1})
        runs["omnicloud"].append(packed(drawn, said.start, said.seconds, said.seed + order))
    known = MEASURED_BEFORE if hashes.get(FILE) == SHA256 and said.node == MACHINE else {}
    figures = dict(known) | {name: _mean(found) for name, found in runs.items()}
    figures["bound"] = {"machines": problem.least}
    for found in figures.values():
        found["over_bound"] = found["machines"] / problem.least - 1
    table(figures, SHOWN)
    name = "B3" + ("-smoke" if said.smoke else "")
    more = {"measured_beforehand": list(known)}
    options = {k: str(v) for k, v in vars(said).items()}
    write(name, figures, data=hashes, options=options, more=more)
    bars = {policy: [found["machines"]] for policy, found in figures.items()}
    bars |= {policy: [one["machines"] for one in found] for policy, found in runs.items()}
    plot_bars(name, "Machines for all containers, every rule kept", "machines", bars)


def packed(problem: Problem, start: float, seconds: float, seed: int) -> dict[str, float]:
    """The search, its packing checked."""
    begin = time.process_time()
    found = pack(
        problem,
        machines=int(start * problem.least) + 1,
        steps=10**9,
        seed=seed,
        enough=lambda: time.process_time() - begin > seconds,
    )
    spent = time.process_time() - begin
    if broken := problem.broken(found.at):
        raise SystemExit(f"the packing breaks a rule: {broken}")
    return {
        "machines": found.machines,
        "cpu_seconds": spent,
        "broken_rules": 0,
        "steps": found.steps,
    }


def ordered(problem: Problem, seed: int, order: int) -> Problem:
    """The order of the file first, then random ones."""
    if order == 0:
        return problem
    drawn = np.random.default_rng([seed, order]).permutation(problem.items)
    return replace(problem, items=drawn)


def _mean(runs: list[dict[str, float]]) -> dict[str, float]:
    return {figure: float(np.mean([run[figure] for run in runs])) for figure in runs[0]} | {
        "most": max(run["machines"] for run in runs)
    }


def load(data: Path, machine: Node, hashes: dict[str, str]) -> Problem:
    path = _zip(data / "tianchi_b")
    hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    with in_form(path, "three tables of app_resources, instance_deploy and app_interference"):
        return _problem(path, machine)


def _problem(path: Path, machine: Node) -> Problem:
    with zipfile.ZipFile(path) as packed:
        apps, deployed, apart = (
            [line.split(",") for line in packed.read(name).decode().split()]
            for key in ("app_resources", "instance_deploy", "app_interference")
            for name in packed.namelist()
            if key in name
        )
    number = {row[0]: index for index, row in enumerate(apps)}
    points = len(apps[0][1].split("|"))
    room = np.r_[np.full(points, machine.cores), np.full(points, machine.gib), COUNTS]
    demands = np.array([_demand(row) for row in apps]) / room
    items = np.array([number[row[1]] for row in deployed])
    items = _fitting(items, demands, machine)
    bounds = tuple(_bound(number[a], number[b], int(k)) for a, b, k in apart)
    return Problem(demands, items, bounds)


def _zip(folder: Path) -> Path:
    """Ours, or the one that a user brought."""
    found = [folder / FILE] if (folder / FILE).exists() else sorted(folder.glob("*.zip"))
    if len(found) != 1:
        what = f"{folder / FILE} is missing" if not found else f"{folder} has {len(found)} zips"
        raise SystemExit(f"{what}; ours is {ORIGIN}{FILE}; SHA-256 {SHA256}; or --smoke")
    return found[0]


def _fitting(items: np.ndarray, demands: np.ndarray, machine: Node) -> np.ndarray:
    """Without containers that no machine takes, not even an empty one."""
    fit = (demands <= FULL).all(axis=1)[items]
    if not fit.any():
        sys.exit(f"no container fits onto a machine of {machine.cores:g} cores, {machine.gib:g} GB")
    if not fit.all():
        print(f"left out: {(~fit).sum()} containers larger than a machine", file=sys.stderr)
    return items[fit]


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
