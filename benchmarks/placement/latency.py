"""B9: replicas over regions, near to users, against every choice there is.

``python benchmarks/placement/latency.py --data DIR``; ``--smoke`` needs none.

Round trips between 13 regions (IBM Cloud's, means of 30 days, told every week), prices of one
machine type in the nearest Azure region, grid intensity of the nearest Google region; users are
drawn from a seed. Policies: the cheapest regions, the greedy choice, ours, and the best of all
choices, found by looking at each of them; ``within budgets`` is ours and the best where price and
carbon are at most the median of all choices.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from _forms import in_form
from _options import count, options_of
from _writing import plot_bars, table, write

from omnicloud.placement.regions import Region, RegionQuestion, choose_regions

MACHINE = "Standard_D4s_v5"
WATTS = 4 * 3.81  # four threads, the median of 40 servers of 2021 (SPECpower), with nothing off
NEAREST = {  # city of the round trips: region of the prices, region of the grid
    "Chennai": ("southindia", "asia-south1"),
    "Dallas": ("southcentralus", "us-south1"),
    "Frankfurt": ("germanywestcentral", "europe-west3"),
    "London": ("uksouth", "europe-west2"),
    "Madrid": ("spaincentral", "europe-southwest1"),
    "Montreal": ("canadaeast", "northamerica-northeast1"),
    "Mumbai": ("westindia", "asia-south1"),
    "Osaka": ("japanwest", "asia-northeast2"),
    "Sao Paulo": ("brazilsouth", "southamerica-east1"),
    "Sydney": ("australiaeast", "australia-southeast1"),
    "Tokyo": ("japaneast", "asia-northeast1"),
    "Toronto": ("canadacentral", "northamerica-northeast2"),
    "Washington DC": ("eastus", "us-east4"),
}
FILES = {
    "latency/ibm_rtt.csv.gz": "round trips, from IBM Cloud's documentation of VPC network latency",
    "prices/azure_all_regions_2026-06-18.csv.gz": "prices, from Azure/karpenter-provider-azure",
    "carbon/gcp_region_carbon_2024.csv": "intensity, from GoogleCloudPlatform/region-carbon-info",
}
OWN_MS = 1.0  # from users of a city to a region in it


@dataclass(frozen=True)
class Map:
    """Regions, and milliseconds between the places of users and them."""

    regions: tuple[Region, ...]
    latency: Mapping[str, Mapping[str, float]]
    hashes: Mapping[str, str]


def read(folder: Path, weeks: int) -> list[Map]:
    """The maps of the data folder, one for each of the last weeks; the newest first."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        lines = [f"  {folder / name}: {FILES[name]}" for name in missing]
        sys.exit("the data is not there:\n" + "\n".join(lines) + "\n--smoke needs none")
    with in_form(folder, "round trips, prices and carbon of 13 regions"):
        return _maps(folder, weeks)


def _maps(folder: Path, weeks: int) -> list[Map]:
    prices = {
        row["region"]: float(row["usd_per_hour"])
        for row in _rows(folder / "prices/azure_all_regions_2026-06-18.csv.gz")
        if row["sku"] == MACHINE
    }
    grid = {
        row["Google Cloud Region"]: float(row["Grid carbon intensity (gCO2eq / kWh)"])
        for row in _rows(folder / "carbon/gcp_region_carbon_2024.csv")
    }
    regions = tuple(
        Region(city, prices[dear], grid[clean] * WATTS / 1000)
        for city, (dear, clean) in NEAREST.items()
    )
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    trips = list(_rows(folder / "latency/ibm_rtt.csv.gz"))
    newest_first = list(dict.fromkeys(row["snapshot"] for row in trips))
    if weeks > len(newest_first):
        sys.exit(f"--weeks: there are round trips of {len(newest_first)} weeks")
    return [Map(regions, _latency(trips, week), hashes) for week in newest_first[:weeks]]


def made_up(seed: int) -> Map:
    """Points on a sphere's worth of milliseconds, where there is no data."""
    draw = np.random.default_rng(seed)
    places = draw.uniform(0, 150, (9, 2))
    names = [f"place-{number}" for number in range(len(places))]
    latency = {
        one: {
            other: OWN_MS + float(np.hypot(*(places[a] - places[b])))
            for b, other in enumerate(names)
        }
        for a, one in enumerate(names)
    }
    regions = tuple(Region(one, *map(float, draw.uniform(0.2, 0.4, 2))) for one in names)
    return Map(regions, latency, {"made up from seed": str(seed)})


def _rows(path: Path) -> Iterable[dict[str, str]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return csv.DictReader(io.StringIO(text.decode()))


def _latency(rows: Iterable[dict[str, str]], week: str) -> dict[str, dict[str, float]]:
    """The snapshot of a week; each pair is the worse of its two directions."""
    rows = [row for row in rows if row["src"] in NEAREST and row["dst"] in NEAREST]
    found = {one: {one: OWN_MS} for one in NEAREST}
    for row in (row for row in rows if row["snapshot"] == week):
        for one, other in ((row["src"], row["dst"]), (row["dst"], row["src"])):
            if one != other:
                found[one][other] = max(found[one].get(other, 0.0), float(row["rtt_ms"]))
    return found


def mean_ms(asked: RegionQuestion, names: Iterable[str]) -> float:
    """From a user to the nearest of these regions."""
    names = list(names)
    total = sum(asked.users.values())
    return (
        sum(
            share * min(asked.latency[place][name] for name in names)
            for place, share in asked.users.items()
        )
        / total
    )


def best_of_all(asked: RegionQuestion) -> float:
    """Every choice looked at."""
    return min(
        mean_ms(asked, (one.name for one in some))
        for some in combinations(asked.regions, asked.replicas)
        if math.fsum(one.price for one in some) <= asked.price_at_most
        and math.fsum(one.carbon for one in some) <= asked.carbon_at_most
    )


def greedy(asked: RegionQuestion) -> list[str]:
    """One region after another, each the best beside those before."""
    taken: list[str] = []
    while len(taken) < asked.replicas:
        left = [one.name for one in asked.regions if one.name not in taken]
        taken.append(min(left, key=lambda name: mean_ms(asked, [*taken, name])))
    return taken


def budgets(asked: RegionQuestion) -> RegionQuestion:
    """The same, with price and carbon at most the median of all choices."""
    every = list(combinations(asked.regions, asked.replicas))
    price = float(np.median([math.fsum(one.price for one in some) for some in every]))
    carbon = float(np.median([math.fsum(one.carbon for one in some) for some in every]))
    return replace(asked, price_at_most=price, carbon_at_most=carbon)


def questions(world: Map, draws: int, seed: int) -> Iterable[RegionQuestion]:
    """Users drawn over the places, for one replica to six."""
    draw = np.random.default_rng(seed)
    places = sorted(world.latency)
    for replicas in range(1, 7):
        for _ in range(draws):
            shares = draw.dirichlet(np.full(len(places), 0.7)) + 1e-6
            users = dict(zip(places, map(float, shares), strict=True))
            yield RegionQuestion(world.regions, users, world.latency, replicas)


@dataclass
class Played:
    """Means by policy, the seconds that ours took, and how often it was not the best of all."""

    means: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    missed: int = 0

    def ask(self, asked: RegionQuestion) -> None:
        """Put one question to every policy."""
        cheapest = sorted(asked.regions, key=lambda one: one.price)[: asked.replicas]
        self._keep("cheapest", mean_ms(asked, (one.name for one in cheapest)))
        self._keep("greedy", mean_ms(asked, greedy(asked)))
        self._ask_ours(asked, "")
        self._ask_ours(budgets(asked), " within budgets")

    def _ask_ours(self, asked: RegionQuestion, name: str) -> None:
        start = time.perf_counter()
        chosen = choose_regions(asked)
        self.seconds.append(time.perf_counter() - start)
        best = best_of_all(asked)
        self.missed += chosen.mean_ms > best + 1e-6 or not chosen.exact
        self._keep(f"omnicloud{name}", chosen.mean_ms)
        self._keep(f"best of all{name}", best)

    def _keep(self, policy: str, mean: float) -> None:
        self.means.setdefault(policy, []).append(mean)


def tell(played: Played, world: Map, options: Mapping[str, object]) -> None:
    """Table, JSON and plot."""
    policies = {
        name: {"mean_ms": float(np.mean(all_)), "worst_ms": float(np.max(all_))}
        for name, all_ in played.means.items()
    }
    asked, most = len(played.seconds), max(played.seconds)
    table(policies, {"mean_ms": ".2f", "worst_ms": ".2f"})
    print(f"questions where ours is not the best of all: {played.missed} of {asked}")
    print(f"seconds for a choice: median {np.median(played.seconds):.4f}, most {most:.4f}")
    more = {"not_the_best": played.missed, "questions": asked}
    name = "B9-smoke" if options["smoke"] == "True" else "B9"
    write(name, policies, data=world.hashes, options=options, more=more)
    plot_bars(name, "Users to the nearest replica", "ms", played.means)


def main() -> int:
    parser = options_of(
        __doc__.splitlines()[0],
        "latency/, prices/ and carbon/",
        weeks=1,
        seed=1,
        unused={
            "node": "regions are chosen, not nodes",
            "orders": "all users are known at once; see --draws",
        },
    )
    parser.add_argument("--draws", type=count, default=30, help="of users for each replica count")
    args = parser.parse_args()
    worlds = [made_up(args.seed)] if args.smoke else read(args.data, args.weeks)
    args.draws = 2 if args.smoke else args.draws
    played = Played()
    for number, world in enumerate(worlds):
        for asked in questions(world, args.draws, args.seed + number):
            played.ask(asked)
    tell(played, worlds[0], {key: str(value) for key, value in vars(args).items()})
    return 1 if played.missed else 0


if __name__ == "__main__":
    sys.exit(main())
