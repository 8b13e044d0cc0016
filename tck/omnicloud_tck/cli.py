"""``omnicloud certify``: try a provider, show how far it is, and write what came out."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from omnicloud.registry.discovery import Registry
from omnicloud.registry.provider import Provider
from omnicloud_tck.certificate import Certificate, ContractReport
from omnicloud_tck.certify import Trial, certify_contract, trials_of
from omnicloud_tck.runner import Result, Verdict

__all__ = ["certify"]


@click.command()
@click.argument("providers", nargs=-1, required=True)
@click.option("--contract", "contracts", multiple=True, help="Try only this one. Repeatable.")
@click.option("--seed", default=0, show_default=True, help="Repeats the random cases.")
@click.option("--examples", default=40, show_default=True, help="Random cases of each machine.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("certificates"),
    show_default=True,
    help="Folder for the JSON and HTML reports.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON.")
@click.pass_context
def certify(
    ctx: click.Context,
    providers: Sequence[str],
    contracts: Sequence[str],
    seed: int,
    examples: int,
    out: Path,
    as_json: bool,
) -> None:
    """Hold PROVIDERS against the laws of the contracts they offer.

    A provider is a name out of `omnicloud providers`, or `package.module:ATTRIBUTE` of a
    Provider. Exit codes: 0 certified, 1 not certified, 2 nothing could be tried.
    """
    as_json = as_json or bool(getattr(ctx.obj, "as_json", False))
    console = Console(stderr=as_json)
    made = [_one(console, name, contracts, seed, examples) for name in providers]
    out.mkdir(parents=True, exist_ok=True)
    for certificate in made:
        (out / f"{certificate.provider}.json").write_text(certificate.as_json())
        (out / f"{certificate.provider}.html").write_text(certificate.as_html())
        if as_json:
            click.echo(certificate.as_json())
        else:
            _show(console, certificate, out)
    ctx.exit(0 if all(certificate.certified for certificate in made) else 1)


def _one(
    console: Console, name: str, contracts: Sequence[str], seed: int, examples: int
) -> Certificate:
    provider = _found(name)
    try:
        trials = trials_of(provider, contracts)
    except LookupError as error:
        raise click.UsageError(str(error)) from error
    if not trials:
        offers = ", ".join(provider.offers)
        raise click.UsageError(f"nothing to try: {name} offers {offers}")
    reports = tuple(_with_progress(console, provider, trials, seed, examples))
    distribution = provider.distribution or name.partition(".")[0]
    return Certificate(provider.name, distribution, _version(distribution), reports, seed)


def _found(name: str) -> Provider:
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return cast("Provider", getattr(importlib.import_module(module), attribute))
        except (ImportError, AttributeError) as error:
            raise click.UsageError(f"{name}: {error}") from error
    registry = Registry.discover()
    if name not in registry.providers:
        known = ", ".join(sorted(registry.providers))
        raise click.UsageError(f"no provider {name!r}; installed are: {known}")
    return registry.providers[name].provider


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def _with_progress(
    console: Console, provider: Provider, trials: Sequence[Trial], seed: int, examples: int
) -> list[ContractReport]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        rows = [_Row(progress, f"{provider.name} {trial.contract}", trial) for trial in trials]
        return [
            certify_contract(row.trial, seed=seed, examples=examples, told=row.told) for row in rows
        ]


class _Row:
    """A contract's progress bar, which hears the results."""

    def __init__(self, progress: Progress, title: str, trial: Trial) -> None:
        self.trial = trial
        self._progress = progress
        self._bar = progress.add_task(title, total=len(trial.laws))

    def told(self, result: Result) -> None:
        self._progress.advance(self._bar)
        if result.verdict is Verdict.BROKEN:
            self._progress.console.print(f"[red]{result.law.id} broken:[/] {result.reason}")


def _show(console: Console, certificate: Certificate, out: Path) -> None:
    table = Table(title=f"{certificate.provider} {certificate.distribution_version}")
    for heading in ("contract", "held", "broken", "not applicable", "not tried", "seconds", ""):
        table.add_column(heading, justify="left" if heading in ("contract", "") else "right")
    for report in certificate.reports:
        counts = [str(report.count(verdict)) for verdict in Verdict]
        word = "[green]certified[/]" if report.certified else "[red]not certified[/]"
        table.add_row(report.contract, *counts, f"{report.seconds:.1f}", word)
    console.print(table)
    console.print(f"written: {out / certificate.provider}.json and .html")
