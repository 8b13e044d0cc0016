"""``python -m omnicloud_tck.differential``: compare installed providers with the models."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.progress import Progress

from omnicloud.registry.discovery import Registry
from omnicloud_tck.certify import world_maker
from omnicloud_tck.differential.pairs import pairs
from omnicloud_tck.differential.running import Run, compare
from omnicloud_tck.differential.subjects import SUBJECTS
from omnicloud_tck.finding import NotFound
from omnicloud_tck.progress import progress_of
from omnicloud_tck.servers import heed_sigterm

__all__ = ["main"]


@click.command()
@click.argument("providers", nargs=-1)
@click.option("--contract", "contracts", multiple=True, type=click.Choice(list(SUBJECTS)))
@click.option("--operations", default=2000, show_default=True, help="Of each contract.")
@click.option("--seed", default=0, show_default=True, help="Repeats the operations.")
@click.option("--list", "only", type=int, help="Play this list of the seed and no other.")
@click.option("--json", "as_json", is_flag=True, help="Print what came out as JSON.")
def main(
    providers: Sequence[str],
    contracts: Sequence[str],
    operations: int,
    seed: int,
    only: int | None,
    as_json: bool,
) -> None:
    """Play the same random operations on PROVIDERS, or all, and on a model of each contract.

    Exit codes: 0 no provider differs, 1 one does.
    """
    heed_sigterm()
    console = Console(stderr=as_json)
    try:
        wanted = list(pairs(providers, contracts))
    except NotFound as error:
        raise click.UsageError(str(error)) from error
    with progress_of(console) as progress:
        runs = [
            _compared(progress, console, pair, operations=operations, seed=seed, only=only)
            for pair in wanted
        ]
    if as_json:
        click.echo(json.dumps([asdict(run) for run in runs], default=repr))
    sys.exit(any(run.differences for run in runs))


def _compared(
    progress: Progress,
    console: Console,
    pair: tuple[str, str],
    *,
    operations: int,
    seed: int,
    only: int | None,
) -> Run:
    provider, contract = pair
    bar = progress.add_task(" ".join(pair), total=operations, left="", running="")
    run = compare(
        provider,
        SUBJECTS[contract],
        world_maker(Registry.discover().providers[provider].provider, contract),
        operations=operations,
        seed=seed,
        only=only,
        told=lambda count: progress.advance(bar, count),
    )
    progress.remove_task(bar)
    _show(console, run)
    return run


def _show(console: Console, run: Run) -> None:
    rate = run.operations / run.seconds if run.seconds else 0.0
    console.print(
        f"{run.provider} {run.contract}: {run.operations} operations in {run.seconds:.1f} s "
        f"({rate:.0f}/s), {sum(run.refused.values())} refused, {run.disturbed} lists disturbed, "
        f"{len(run.differences)} differences",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for difference in run.differences:
        console.print(difference.told(run), highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
