"""``omnicloud plan``: what the configuration comes to; ``plan placement``: where a fleet's go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.cli.limits import applied, check_memory, journal_of, outcomes, undone
from omnicloud.config.load import load
from omnicloud.core.durations import positive
from omnicloud.errors import InvalidArgumentError, OmniCloudError
from omnicloud.registry.discovery import Registry
from omnicloud.resolver.plan import Plan
from omnicloud.resolver.planner import make_plan

if TYPE_CHECKING:
    from omnicloud.contracts.containers import Containers
    from omnicloud.placement.model.decision import Decision, Placement
    from omnicloud.placement.model.snapshot import Snapshot
    from omnicloud.placement.recommend import Advice, Applied, Limited

__all__ = ["plan", "planned"]


def planned(context: Context) -> Plan:
    """The plan of the chosen configuration; ends the command with 2 where it is wrong."""
    try:
        config = load(context.config)
        return make_plan(config, Registry.discover(blocked=config.blocked))
    except OmniCloudError as error:
        context.fail(error)


@click.group(invoke_without_command=True)
@json_flag
@click.pass_context
def plan(ctx: click.Context) -> None:
    """Show what would be opened, or every mistake at once. Opens nothing."""
    if ctx.invoked_subcommand is None:
        context: Context = ctx.obj
        made = planned(context)
        context.answer(made.as_json(), made.render())


@plan.command()
@click.argument("fleet", type=click.Path(path_type=Path))
@click.option("--service", help="Of containers named as the workloads; what --apply changes.")
@click.option(
    "--apply",
    "watch",
    type=float,
    metavar="SECONDS",
    help="Give the running containers the CPU that FLEET plans, watch them so long, take back "
    "what hurts.",
)
@click.option(
    "--memory",
    is_flag=True,
    help="--apply changes memory limits, too; a program that outgrows its own is killed.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="Where --apply notes what limits were; .omnicloud/limits-SERVICE.jsonl by default.",
)
@json_flag
@click.pass_obj
def placement(
    context: Context,
    fleet: Path,
    service: str | None,
    watch: float | None,
    memory: bool,
    journal: Path | None,
) -> None:
    """Decide where the workloads of FLEET go, and what should move.

    FLEET is a TOML or JSON file of nodes, workloads and options. Nothing is changed without
    --apply, which takes back first what an earlier one had changed that was killed. It moves
    nothing, and memory limits stay as they are without --memory.
    """
    from omnicloud.placement.engine.decide import decide
    from omnicloud.placement.sources.fleet import read_fleet

    done: Sequence[Applied] = ()
    try:
        _check(service, watch)
        check_memory(memory, watch)
        notes = journal_of(service, journal)
        if service is not None:  # whatever becomes of this plan
            done = asyncio.run(undone(context, service, notes))
        snapshot, options = read_fleet(fleet)
        decision = decide(snapshot, options)
        if service is not None and watch is not None:
            planned = snapshot, decision
            limits = _applied(context, service, watch, notes, planned, memory=memory)
            done = [*done, *asyncio.run(limits)]
    except OmniCloudError as error:
        click.echo(outcomes(done), err=True, nl=bool(done))
        context.fail(error)
    told = json.loads(decision.to_bytes())
    if watch is not None:
        told["applied"] = [asdict(one) for one in done]
    text = "\n".join(_told(decision))
    context.answer(told, f"{text}\n{outcomes(done)}".rstrip())


def _check(service: str | None, watch: float | None) -> None:
    if (service is None) != (watch is None):
        raise InvalidArgumentError(
            "--apply changes the running containers of a --service", hint="give both or none"
        )
    positive(1.0 if watch is None else watch, "--apply")


async def _applied(
    context: Context,
    service: str,
    watch: float,
    notes: Path,
    planned: tuple[Snapshot, Decision],
    *,
    memory: bool,
) -> Sequence[Applied]:
    from omnicloud.placement.recommend import planned_limits

    async def advised(containers: Containers, of: Limited) -> Sequence[Advice]:
        return await planned_limits(containers, *planned, of)

    return await applied(context, service, advised, watch, notes, memory=memory)


def _told(decision: Decision) -> Iterator[str]:
    placed = [
        (one.workload, one.node, f"{one.score:.2f}", _scores(one)) for one in decision.placements
    ]
    yield table(("workload", "goes to", "score", "by"), placed) if placed else "nothing to place"
    for gone in decision.evictions:
        yield f"{gone.workload} leaves {gone.node} for {gone.by}"
    for move in decision.moves:
        yield (
            f"move {move.workload} from {move.source} to {move.target}: "
            f"saves {move.gain:.3g} an hour, costs {move.cost:.3g}"
        )
    for refused in decision.refusals:
        yield f"no place for {refused.workload}: {refused.words}"
    price = f" for {decision.price_per_hour:.4g} an hour" if decision.price_per_hour else ""
    yield f"{decision.nodes_used} nodes in use{price}"


def _scores(one: Placement) -> str:
    return ", ".join(f"{name} {score:.2f}" for name, score in one.scores)
