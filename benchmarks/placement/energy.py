"""B7: energy of the nodes that each policy needs, freed nodes switched off and left idle.

Run ``python benchmarks/placement/energy.py --data DIR``, after ``density.py`` with the same data to
take its knobs from there. Every figure is an estimate: power by load from the SPECpower_ssj2008
results (www.spec.org) in DIR/power/, or from Cloud Carbon Footprint's coefficients where they
are missing. ``--smoke`` needs no data.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from _options import fleet_options, shape
from _packing import clairvoyant
from _playing import SLO, Played, play
from _policies import POLICIES, Bench, Remembered
from _traces import STEP_SECONDS, load, starts
from _writing import RESULTS, plot_bars, table, write

from omnicloud.placement.energy.power import ICE_LAKE_WATTS_PER_VCPU, PowerCurve
from omnicloud.placement.energy.site import assumed_pue, carbon, servers

SHAPES = "power/specpower_11points_619servers.csv.gz"
PEAK_WATTS_PER_THREAD = 3.81  # median of the 40 servers of 2021 in the same file
PUE = assumed_pue(1.135, "PUE of AWS by Cloud Carbon Footprint")
GRAMS = 415.755  # us-east-1, ccf-coefficients b0032d9, grid-emissions-factors-aws.csv, of the EPA
COMPARED = ("requests", "right_sizing", "rc_like", "omnicloud_still", "omnicloud")
SHOWN = {
    "kwh_off": ".1f",
    "saved_off": ".1%",
    "kwh_idle": ".1f",
    "saved_idle": ".1%",
    "of_oracles_saving": ".0%",
    "kg_co2e_off": ".1f",
}


def curves(folder: Path, cores: float, smoke: bool) -> tuple[dict[str, PowerCurve], dict[str, str]]:
    """By name the curves of a node, and hashes of the files they come from."""
    linear = PowerCurve.linear(cores, *ICE_LAKE_WATTS_PER_VCPU, "ccf coefficients, Ice Lake")
    path = folder / SHAPES
    if smoke or not path.exists():
        if not smoke:
            print(f"no {path}: a straight line by Cloud Carbon Footprint", file=sys.stderr)
        return {"ccf": linear}, {}
    import polars as pl

    servers_ = pl.read_csv(path).filter(pl.col("Hardware_Availability_Year") >= 2018)
    points = servers_.select("ActiveIdle", *(f"{p}_AvgPower" for p in range(10, 101, 10)))
    watts = points.to_numpy()
    shares = np.median(watts / watts[:, -1:], axis=0).tolist()
    source = f"median shape of {len(watts)} SPECpower servers since 2018"
    spec = PowerCurve.scaled(shares, PEAK_WATTS_PER_THREAD * cores, source)
    return {"spec": spec, "ccf": linear}, {SHAPES: hashlib.sha256(path.read_bytes()).hexdigest()}


def main() -> None:
    options = fleet_options(__doc__.splitlines()[0]).parse_args()
    fleet = load(options.data, options.smoke, options.seed, options.until_day)
    node = shape(options.node)
    bench = Bench(fleet, node, options.seed)
    known, hashes = curves(options.data, node.cores, options.smoke)
    orders = 1 if options.smoke else options.orders
    weeks = starts(fleet, 1 if options.smoke else options.weeks)
    played = everything(bench, weeks, orders, options.smoke)
    figures = {c: energies(played, node.cores, curve) for c, curve in known.items()}
    main_curve = next(iter(known))
    for name, curve in known.items():
        print(f"\nkWh of the servers a week, estimate: {curve.source}; CO2e with {PUE.how}")
        table(figures[name], SHOWN)
    name = "B7" + ("-smoke" if options.smoke else "")
    said = {k: str(v) for k, v in vars(options).items()} | {"workloads": fleet.name}
    more = {"curves": figures, "basis": "estimate", "pue": PUE.value}
    write(name, figures[main_curve], data=fleet.hashes | hashes, options=said, more=more)
    curve = known[main_curve]
    bars = {p: [kwh(one, node.cores, curve) for one in runs] for p, runs in played.items()}
    plot_bars(name, f"Energy of the servers, {curve.source}", "kWh a week, estimate", bars)


def everything(bench: Bench, weeks: list[int], orders: int, smoke: bool) -> dict[str, list[Played]]:
    """Each policy on each window and order, the oracle last."""
    past = Remembered(bench, RESULTS / "B1.json")
    runs: dict[str, list[Played]] = {}
    for policy in (one for one in POLICIES if one.name in COMPARED):
        for start in weeks:
            choice = bench.choose(policy, []) if smoke else past.choose(policy, start)
            played = [bench.play(policy, choice, start, order) for order in range(orders)]
            runs.setdefault(policy.name, []).extend(played)
    for start in weeks:
        there = bench.window(start)
        node_of = clairvoyant(there, bench.node, SLO, bench.strict)
        one = play(there, node_of, bench.node, False, bench.strict)
        runs.setdefault("oracle", []).extend([one] * orders)
    return runs


def kwh(one: Played, cores: float, curve: PowerCurve, idle: int = 0) -> float:
    return servers(one.loads, cores, curve, STEP_SECONDS, idle).value


def energies(
    played: Mapping[str, list[Played]], cores: float, curve: PowerCurve
) -> dict[str, dict[str, float]]:
    """Means over the windows; savings against placing by requests on the same nodes."""
    pool = [one.nodes for one in played["requests"]]
    off, idle = {}, {}
    for name, runs in played.items():
        off[name] = float(np.mean([kwh(one, cores, curve) for one in runs]))
        spare = [max(most - one.nodes, 0) for most, one in zip(pool, runs, strict=True)]
        both = zip(runs, spare, strict=True)
        idle[name] = float(np.mean([kwh(one, cores, curve, more) for one, more in both]))
    saved = {name: 1 - value / off["requests"] for name, value in off.items()}
    emitted = carbon(
        servers(played["oracle"][0].loads, cores, curve, STEP_SECONDS).times(PUE, "kWh"),
        GRAMS,
        "us-east-1, EPA",
    )
    per_kwh = emitted.value / kwh(played["oracle"][0], cores, curve) / 1000
    return {
        name: {
            "kwh_off": off[name],
            "saved_off": saved[name],
            "kwh_idle": idle[name],
            "saved_idle": 1 - idle[name] / idle["requests"],
            "kg_co2e_off": off[name] * per_kwh,
        }
        | ({"of_oracles_saving": saved[name] / saved["oracle"]} if saved["oracle"] > 0 else {})
        for name in played
    }


if __name__ == "__main__":
    main()
