"""``omnicloud plan``: what the configuration comes to; ``plan placement``: where a fleet's go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.config.load import load
from omnicloud.errors import OmniCloudError
from omnicloud.registry.discovery import Registry
from omnicloud.resolver.plan import Plan
from omnicloud.resolver.planner import make_plan

if TYPE_CHECKING:
    from omnicloud.placement.model.decision import Decision, Placement

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
@json_flag
@click.pass_obj
def placement(context: Context, fleet: Path) -> None:
    """Decide where the workloads of FLEET go, and what should move. Changes nothing.

    FLEET is a TOML or JSON file of nodes, workloads and options.
    """
    from omnicloud.placement.engine.decide import decide
    from omnicloud.placement.sources.fleet import read_fleet

    try:
        snapshot, options = read_fleet(fleet)
        decision = decide(snapshot, options)
    except OmniCloudError as error:
        context.fail(error)
    context.answer(json.loads(decision.to_bytes()), "\n".join(_told(decision)))


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
