"""Providers beside the raw clients of their services and what a user would pick instead.

``python benchmarks/providers.py``: a table on standard error and JSON on standard output. Real
servers on this machine, everything in one run; peers take turns in rounds and a figure is the
median of the rounds. A ratio above 1 says how many times faster ours is; beside the raw client it
cannot be much above, and what it lacks is our share.

``--full`` also watches memory over many calls and streams an object of 1 GiB, and writes what it
found to ``results/`` and, with the tables that the page about speed shows, to ``docs/results/``. It
takes about seven minutes on two quiet cores. ``--smoke`` shows that it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from _provider_figures import Plan, measured, streamed
from provider_peers import KINDS

STREAMS = "s3 streams"
STREAMERS = ["omnicloud-s3", "obstore", "aiobotocore", "s3fs", "cloudpathlib"]
RESULTS = Path(__file__).with_name("results")
SHOWN = Path(__file__).parents[1] / "docs" / "results"
NAMED = [
    "redis", "hiredis", "py-key-value-aio", "aiocache", "cashews", "faststream", "asyncpg",
    "nats-py", "obstore", "aiobotocore", "s3fs", "cloudpathlib",
]  # fmt: skip
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--smoke", action="store_true", help="one kind, few calls")
    parser.add_argument("--full", action="store_true", help="everything, written to results/")
    parser.add_argument("--only", choices=[*sorted(KINDS), STREAMS], help="one kind of service")
    parser.add_argument("--calls", type=int, help="at most, in each round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--grown", type=int, help="calls over which memory is watched")
    parser.add_argument("--mib", type=int, default=1024, help="size of the object streamed")
    args = parser.parse_args()
    # Servers on disk: a sync costs here what it costs.
    os.environ.setdefault("OMNICLOUD_TCK_FOLDER", tempfile.gettempdir())
    plan = Plan(rounds=args.rounds, grown=200_000 if args.full else 0, mib=args.mib)
    plan = plan if args.calls is None else replace(plan, most=args.calls)
    plan = plan if args.grown is None else replace(plan, grown=args.grown)
    if args.smoke:
        plan = replace(plan, rounds=2, most=5, grown=800)
    told = report(plan, args.only or ("redis kv" if args.smoke else None), args.full)
    print(json.dumps(told))
    if args.full and told["results"]:
        written = json.dumps(told, indent=1) + "\n"
        for folder in (RESULTS, SHOWN):
            folder.mkdir(exist_ok=True)
            folder.joinpath("providers.json").write_text(written)
        SHOWN.joinpath("providers-tables.txt").write_text("\n".join(page(told)) + "\n")
    return 1 if told["failed"] else 0


def report(plan: Plan, only: str | None, full: bool) -> Row:
    """Measure and tell as it comes."""
    began = os.getloadavg()[0]
    rows: list[Row] = []
    grown: list[Row] = []
    streams: list[Row] = []
    failed: dict[str, str] = {}
    for kind in [only] if only in KINDS else [] if only else list(KINDS):
        try:
            some, growth = asyncio.run(measured(kind, plan))
        except Exception as error:  # the other kinds are told all the same
            failed[kind] = f"{type(error).__name__}: {error}"[:300]
            print(f"{kind:18} failed: {failed[kind]}", file=sys.stderr, flush=True)
            continue
        rows, grown = rows + some, grown + growth
        for line in (*map(shown, some), *map(shown_growth, growth)):
            print(line, file=sys.stderr, flush=True)
    if only == STREAMS or (full and not only):
        streams = asyncio.run(streamed(plan, STREAMERS))
        for stream in streams:
            print(shown_stream(stream), file=sys.stderr, flush=True)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "load_before": round(began, 2),
            "load_after": round(os.getloadavg()[0], 2),
        },
        "versions": dict(_versions()),
        "results": rows,
        "memory": grown,
        "streams": streams,
        "failed": failed,
    }


def shown(row: Row) -> str:
    """A row as a line."""
    peer = row["peer"] + (" (raw)" if row["raw"] else "")
    return (
        f"{row['kind']:18} {row['operation']:20} {row['ours_us']:>9} µs  "
        f"{peer:22} {row['peer_us']:>9} µs  x{row['ratio']}"
    )


def shown_growth(row: Row) -> str:
    """Growth of memory as a line."""
    return (
        f"{row['kind']:18} {row['operation']:20} {row['mib_per_million']:>9} MiB a million calls "
        f"(over {row['calls']})"
    )


def shown_stream(row: Row) -> str:
    """A transfer as a line."""
    if row["failed"]:
        return f"{row['mib']} MiB {row['direction']:4} {row['peer']:14} failed: {row['failed']}"
    return (
        f"{row['mib']} MiB {row['direction']:4} {row['peer']:14} {row['mib_per_second']:>6} MiB/s, "
        f"{row['peak_mib']} MiB of memory, {row['cpu_seconds']} s of processor"
    )


def page(told: Row) -> Iterator[str]:
    """The tables of the page about speed."""
    machine = told["machine"]
    yield (
        f"Measured {told['at'][:10]}, Python {machine['python']}, {machine['cpus']} processors, "
        f"load {machine['load_before']} before and {machine['load_after']} at the end; "
        + ", ".join(f"{name} {number}" for name, number in told["versions"].items())
        + "."
    )
    yield ""
    yield "| service | operation | ours, µs | beside | µs | times as fast | in the rounds |"
    yield "|---|---|---|---|---|---|---|"
    for kind, why in told["failed"].items():
        yield f"| {kind} | failed: {why} | | | | | |"
    for row in told["results"]:
        peer = f"**{row['peer']}** (raw)" if row["raw"] else row["peer"]
        yield (
            f"| {row['kind']} | {row['operation']} | {row['ours_us']} | {peer} | {row['peer_us']} "
            f"| {row['ratio']} | {row['ratio_low']} to {row['ratio_high']} |"
        )
    yield ""
    yield "| service | operation | MiB a million calls | calls |"
    yield "|---|---|---|---|"
    for row in told["memory"]:
        yield (
            f"| {row['kind']} | {row['operation']} | {row['mib_per_million']} | {row['calls']:,} |"
        )
    yield ""
    yield "| object | client | MiB/s | peak memory, MiB | processor, s |"
    yield "|---|---|---|---|---|"
    for row in told["streams"]:
        yield (
            f"| {row['mib']} MiB {row['direction']} | {row['peer']} "
            f"| {row['mib_per_second'] or 'failed'} | {row['peak_mib']} | {row['cpu_seconds']} |"
        )


def _versions() -> Iterator[tuple[str, str]]:
    for name in NAMED:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


if __name__ == "__main__":
    sys.exit(main())
