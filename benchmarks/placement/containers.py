"""B6: how many real services one core carries at the p99 that placing by requests gives.

Run ``python benchmarks/placement/containers.py --data DIR``. It starts a Docker Engine of its own
(root, Debian's docker.io and busybox-static) and small HTTP services, all on core 1; clients
and engine are on core 0. The arms replay the same hours of a trace, in random order, some times:
``requests`` (as many services as their requests fit, each limited to its request),
``requests_unlimited`` (the same without limits, which bounds what any limit can reach),
``omnicloud`` (as many as the forecast fits, their limits steered while they run),
``right_sized_limits`` (as many, each limited to the request that the past advises) and
``over_dense`` (a control that must fail). ``--smoke`` replays a moment of a made-up fleet; where no
engine can be started it says so and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from _arms import ARMS, SMOKE_ARMS, Run, judged, summed
from _node import NODE_CORE, WORK_SECONDS, Node, busy_seconds, node_of
from _options import count, fleet_options, named
from _replay import FULL, SCALE, SLOT_SECONDS, Draw, draw, plan_of
from _traces import Fleet, load
from _writing import plot_bars, table, write

from omnicloud.placement.recommend.steer import Steerer, Steering
from omnicloud_tck.servers import NoServerError

SHOWN = {
    "services": ".1f",
    "p50_ms": ".1f",
    "p99_ms": ".1f",
    "worst_service_p99_ms": ".1f",
    "over_100_ms": ".2%",
    "throttled_share": ".1%",
    "cores_used": ".2f",
    "updates": ".0f",
}
STEER_SECONDS = 1.0
_SETTLE_SECONDS = 0.5


async def play(draws: list[Draw], arms: list[str], services: int, seed: int) -> list[Run]:
    """Every arm on every draw, in random order."""
    runs = []
    async with node_of(services) as node:
        print(f"{services} services run on core {NODE_CORE}", file=sys.stderr, flush=True)
        for number, there in enumerate(draws):
            for arm in np.random.default_rng([seed, number]).permutation(arms):
                runs.append(await played(node, str(arm), there, number, seed))
                one = runs[-1].figures()
                print(
                    f"round {number} {arm}: {one['services']:.0f} services, "
                    f"p99 {one['p99_ms']:.0f} ms, others took {one['foreign_share']:.1%}",
                    file=sys.stderr,
                    flush=True,
                )
    return runs


async def played(node: Node, name: str, there: Draw, number: int, seed: int) -> Run:
    """Let an arm have the node, and the clients send what its services are asked."""
    arm = ARMS[name]
    cores = arm.cores(there, len(node.ports))
    services = list(node.ports)[: len(cores)]
    await node.limit(dict(zip(services, arm.limits(there, len(services)), strict=True)))
    plan = plan_of(cores, [node.ports[one] for one in services], [seed, number])
    await asyncio.sleep(_SETTLE_SECONDS)
    before, busy, began = await node.counters(services), busy_seconds(), time.perf_counter()
    updates = [0]
    async with steering(node, services if arm.steered else [], updates):
        took = await clients(plan)
    after, passed = await node.counters(services), time.perf_counter() - began
    to = np.array([port for _, port in plan])
    busy = busy_seconds() - busy
    return Run(name, number, len(cores), took, to, before, after, busy, passed, updates[0])


@asynccontextmanager
async def steering(node: Node, names: list[str], updates: list[int]) -> AsyncIterator[None]:
    """Steer the limits of these services meanwhile, and count the updates."""
    if not names:
        yield
        return
    steerer = Steerer(node.containers, Steering(capacity=1.0, interval=STEER_SECONDS))
    await steerer.begin(names)
    task = asyncio.create_task(_steered(steerer, updates))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def _steered(steerer: Steerer, updates: list[int]) -> None:
    while True:
        began = time.perf_counter()
        updates[0] += len(await steerer.step())
        await asyncio.sleep(max(0.1, STEER_SECONDS - (time.perf_counter() - began)))


async def clients(plan: list[tuple[float, int]]) -> np.ndarray:
    """How long each request of the plan took."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder) / "plan.json", Path(folder) / "took.json"
        asked.write_text(json.dumps(plan))
        program = str(Path(__file__).with_name("_load.py"))
        child = await asyncio.create_subprocess_exec(sys.executable, program, asked, told)
        try:
            if await child.wait() != 0:
                raise RuntimeError("the clients failed")
        finally:
            if child.returncode is None:
                child.kill()
        return np.array(json.loads(told.read_text()))


def options() -> argparse.Namespace:
    parser = fleet_options(
        __doc__.splitlines()[0],
        {
            "node": "the node is one core of this machine",
            "weeks": "hours are drawn from all weeks with two before them; see --hours",
            "orders": "each of the --rounds draws its workloads, in a random order",
        },
    )
    parser.add_argument("--policies", default="", help="only these arms, by comma")
    parser.add_argument("--rounds", type=count, default=3, help="draws of workloads and of a day")
    parser.add_argument("--hours", type=float, default=6.0, help="of the trace, each round")
    parser.add_argument("--services", type=count, default=48, help="containers at most")
    parser.add_argument("--made-up", action="store_true", help="no trace, a made-up fleet")
    chosen = parser.parse_args()
    if chosen.smoke:
        chosen.rounds, chosen.hours, chosen.services = 1, 0.25, 3
        chosen.policies = ",".join(SMOKE_ARMS)
    return chosen


def main() -> None:
    chosen = options()
    fleet = load(chosen.data, chosen.smoke or chosen.made_up, chosen.seed, chosen.until_day)
    slots = round(chosen.hours * 12)
    draws = [draw(fleet, chosen.seed, number, slots) for number in range(chosen.rounds)]
    arms = list(named(ARMS, chosen.policies))
    try:
        runs = asyncio.run(play(draws, arms, chosen.services, chosen.seed))
    except NoServerError as error:
        print(f"B6 NOT MEASURED: no Docker Engine starts here: {error}", file=sys.stderr)
        sys.exit(0 if chosen.smoke else 1)
    verdict = tell(chosen, fleet, draws, runs)
    if not chosen.smoke and not verdict.get("the_control_failed", True):
        sys.exit("NOT VALID: the over-dense control kept the p99")


def tell(
    chosen: argparse.Namespace, fleet: Fleet, draws: list[Draw], runs: list[Run]
) -> dict[str, float | bool]:
    """Print the table, write JSON and plot; the verdict."""
    figures, verdict = summed(runs), judged(runs)
    table(figures, SHOWN)
    if chosen.smoke:
        print("a smoke run: it shows that all of it runs, and measures nothing")
    else:
        print("\n".join(f"{what}: {one}" for what, one in verdict.items()))
    said = {key: str(value) for key, value in vars(chosen).items()} | {
        "workloads": fleet.name,
        "first_slots": [there.first_slot for there in draws],
        "slot_seconds": SLOT_SECONDS,
        "work_seconds": WORK_SECONDS,
        "scale": SCALE,
        "full": FULL,
    }
    rounds = [{"arm": run.arm, "round": run.round, **run.figures()} for run in runs]
    name = "B6-smoke" if chosen.smoke else "B6"
    more = {"verdict": verdict, "rounds": rounds}
    write(name, figures, data=fleet.hashes, options=said, more=more)
    bars = {
        f"{arm}, {figures[arm]['services']:.0f} services": [
            run.figures()["p99_ms"] for run in runs if run.arm == arm
        ]
        for arm in figures
    }
    if not chosen.smoke:
        plot_bars(name, f"p99 on one core, {fleet.name}", "ms", bars, log=True)
    return verdict


if __name__ == "__main__":
    main()
