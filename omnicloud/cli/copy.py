"""``omnicloud copy``: everything a service holds, to another service of the same contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from omnicloud.cli.context import Context, json_flag
from omnicloud.cli.data import served_together
from omnicloud.cli.plan import planned
from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV
from omnicloud.contracts.objects import Objects
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.codec import BYTES
from omnicloud.core.names import escape
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConfigurationError
from omnicloud.migration import Loss, Report, copy, losses_of
from omnicloud.resolver.build import Services
from omnicloud.resolver.plan import Plan

__all__ = ["copy_"]

Store = KV[bytes] | Objects | Documents | Secrets
F = TypeVar("F", bound=Callable[..., Any])

_OPENED: dict[str, Callable[[Pipeline[Any]], Store]] = {
    "kv": lambda pipeline: KV(pipeline, BYTES),
    "objects": Objects,
    "documents": Documents,
    "secrets": Secrets,
}


def _options(command: F) -> F:
    for option in (
        click.option("--tenant", "of", help="Whose data; default: nobody's."),
        click.option("--prefix", default="", help="Copy only names that start with it."),
        click.option("--collection", "collections", multiple=True, help="Of documents; each."),
        click.option("--contract", type=click.Choice(list(_OPENED)), help="Where none is planned."),
        click.option(
            "--journal",
            type=click.Path(path_type=Path, dir_okay=False),
            help="To go on from; default: SERVICE-to-SERVICE.journal, here.",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(1, 256),
            default=8,
            show_default=True,
            help="Items under way at once.",
        ),
        click.option("--accept-loss", "accept", multiple=True, help="A loss that may be."),
        click.option("--dry-run", is_flag=True, help="Tell what cannot be carried, and end."),
    ):
        command = option(command)
    return command


@click.command("copy")
@json_flag
@click.argument("service")
@click.option("--to", "target", required=True, help="The service that is written.")
@_options
@click.pass_obj
def copy_(
    context: Context,
    service: str,
    target: str,
    of: str | None,
    prefix: str,
    collections: Sequence[str],
    contract: str | None,
    journal: Path | None,
    concurrency: int,
    accept: Sequence[str],
    dry_run: bool,
) -> None:
    """Copy what SERVICE holds to another, and read it back.

    The other is of the same contract. Stopped, even killed, it goes on where it was when it is
    run again; once done, it copies what has changed since. Exit codes: 0 the target has
    everything, 1 it has not, 2 something cannot be carried that is not accepted, or the command
    is wrong.
    """
    plan = planned(context)
    kind = contract or _contract(context, plan, service)
    file = journal or Path(f"{escape(service)}-to-{escape(target)}.journal")

    async def work(services: Services) -> Report | None:
        stores = [_OPENED[kind](services.pipeline(name, kind)) for name in (service, target)]
        losses = losses_of(*stores, prefix=prefix, collections=collections)
        _tell(context, losses, dry_run=dry_run)
        if dry_run:
            return None
        with _Bar(context) as bar:
            return await copy(
                *stores,
                journal=file,
                prefix=prefix,
                collections=collections,
                concurrency=concurrency,
                accept=accept,
                told=bar.told,
            )

    report = served_together(context, plan, (service, target), of, work)
    if report is not None:
        _answer(context, report, file)


def _contract(context: Context, plan: Plan, service: str) -> str:
    found = {one.info.name: one.info.contract for one in plan.services}.get(service, "")
    if found not in _OPENED:
        context.fail(
            ConfigurationError(
                f"the service {service!r} is a {found} service, which cannot be copied"
                if found
                else f"the service {service!r} is not configured, so its contract is not known",
                hint=f"can be copied: {', '.join(_OPENED)}; name one with --contract",
            )
        )
    return found


def _tell(context: Context, losses: Sequence[Loss], *, dry_run: bool) -> None:
    text = "\n".join(f"not carried: {one.what} ({one.why})" for one in losses)
    if dry_run:
        context.answer({"losses": [asdict(one) for one in losses]}, text)
    else:
        click.echo(text, err=True)


def _answer(context: Context, report: Report, file: Path) -> None:
    text = (
        f"{report.copied} copied ({report.size_bytes} bytes), {report.unchanged} unchanged, "
        f"{report.vanished} vanished, {len(report.failures)} failed; journal: {file}"
    )
    lines = [f"{'/'.join(one.place)}: {one.error}: {one.message}" for one in report.failures]
    context.answer({**report.as_json(), "journal": str(file)}, "\n".join([*lines, text]))
    raise SystemExit(0 if report.well else 1)


class _Bar:
    """A progress bar at a terminal, nothing elsewhere. Its end moves while names are listed."""

    def __init__(self, context: Context) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=context.as_json or not console.is_terminal,
        )
        self._task = self._bar.add_task("copy", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def told(self, report: Report) -> None:
        """Show how far it is."""
        self._bar.update(self._task, completed=report.done, total=report.found)
