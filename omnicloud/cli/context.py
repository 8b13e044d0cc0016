"""What every command has: the options of the group, and how answers and errors are told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from omnicloud.config.problems import ConfigurationProblems
from omnicloud.errors import ConfigurationError, InvalidArgumentError, OmniCloudError

__all__ = ["Context", "config_option", "json_flag", "table"]

_OURS = (ConfigurationError, InvalidArgumentError)
"""What was said is wrong; nothing was sent."""


@dataclass(slots=True)
class Context:
    """The options that stand before the command's name."""

    config: Path | None = None
    as_json: bool = False

    def answer(self, value: object, text: str) -> None:
        """Print an answer: the value as JSON, or the text."""
        click.echo(json.dumps(value, indent=2, ensure_ascii=False) if self.as_json else text)

    def fail(self, error: OmniCloudError) -> NoReturn:
        """Tell an error and end: 2 for a wrong configuration or command, 1 for all else."""
        problems = error.problems if isinstance(error, ConfigurationProblems) else ()
        if self.as_json:
            told = {
                "error": type(error).__name__,
                "message": str(error),
                "problems": [problem.as_json() for problem in problems],
            }
            click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        else:
            click.echo(str(error), err=True)
        raise SystemExit(2 if isinstance(error, _OURS) else 1)


def _take_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    context = ctx.find_object(Context)
    if value and context is not None:
        context.as_json = True
    return value


json_flag = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    callback=_take_json,
    is_eager=True,
    help="Answer in JSON, for programs.",
)
"""``--json`` behind a command's name: the same as before it."""


def config_option(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    """The callback of ``--config`` behind a command's name: the same as before it."""
    context = ctx.find_object(Context)
    if value is not None and context is not None:
        context.config = value


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under headings, as text as wide as they need."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*headings, box=SIMPLE, pad_edge=False)
    for row in rows:
        drawn.add_row(*row)
    console = Console(width=10_000, markup=False, highlight=False, no_color=True)
    with console.capture() as capture:
        console.print(drawn)
    lines = capture.get().splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())
