"""``omnicloud secrets``: values that are never an argument and never printed unasked."""

from __future__ import annotations

import sys
from typing import Any

import click

from omnicloud.cli.context import Context, json_flag
from omnicloud.cli.data import (
    data_options,
    first,
    list_names,
    payload_as_json,
    served,
    show,
)
from omnicloud.contracts.secrets import Secret, Secrets
from omnicloud.core.pipeline import Pipeline

__all__ = ["secrets"]

Pipe = Pipeline[Any]


@click.group()
@json_flag
def secrets() -> None:
    """Keep and read secrets."""


@secrets.command()
@data_options
@click.argument("name")
@click.option("--reveal", is_flag=True, help="Print the value.")
@click.option("--version", "wanted", help="Not the current version but this one.")
def get(
    context: Context, service: str, name: str, reveal: bool, wanted: str | None, of: str | None
) -> None:
    """Show that NAME is there; its value only with --reveal."""

    async def work(pipeline: Pipe) -> Secret:
        return await Secrets(pipeline).get(name, version=wanted)

    secret = served(context, service, "secrets", of, work)
    told: dict[str, object] = {"name": name, "version": secret.version}
    if reveal and not context.as_json:
        show(secret.reveal_bytes())
    else:
        shown = payload_as_json(secret.reveal_bytes()) if reveal else {}
        text = f"{name} is there, version {secret.version}; --reveal prints it"
        context.answer({**told, **shown}, text)


def _no_value(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> None:
    """Refuse a value on the command line, without repeating it."""
    if given:
        raise click.UsageError(
            "a secret is no argument, where other users and the shell's history see it; "
            "give it on standard input: omnicloud secrets set SERVICE NAME < FILE"
        )


@secrets.command("set")
@data_options
@click.argument("name")
@click.option("--raw", is_flag=True, help="Take what is read as it is, also nothing.")
@click.argument("value", nargs=-1, metavar="", expose_value=False, callback=_no_value)
def set_(context: Context, service: str, name: str, raw: bool, of: str | None) -> None:
    """Give NAME the value on standard input; print its version."""
    value = _read(raw)
    if not value and not raw:
        raise click.UsageError("nothing was read, and nothing stored; an empty secret needs --raw")

    async def work(pipeline: Pipe) -> str:
        return await Secrets(pipeline).set(name, value)

    version = served(context, service, "secrets", of, work)
    context.answer({"name": name, "version": version}, version)


@secrets.command()
@data_options
@click.argument("name")
def delete(context: Context, service: str, name: str, of: str | None) -> None:
    """Delete NAME with all its versions. One that is not there is no error."""

    async def work(pipeline: Pipe) -> bool:
        return await Secrets(pipeline).delete(name)

    was_there = served(context, service, "secrets", of, work)
    text = "deleted" if was_there else "there was none"
    context.answer({"name": name, "deleted": was_there}, text)


@secrets.command("list")
@data_options
@click.argument("prefix", default="")
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many."
)
def list_(context: Context, service: str, prefix: str, limit: int, of: str | None) -> None:
    """List the names that start with PREFIX; never values."""

    async def work(pipeline: Pipe) -> list[str]:
        return await first(Secrets(pipeline).list(prefix), limit + 1)

    list_names(context, "names", served(context, service, "secrets", of, work), limit)


def _read(raw: bool) -> bytes:
    """The value: typed twice without echo at a terminal, else all of standard input."""
    if sys.stdin.isatty():
        typed: str = click.prompt("value", hide_input=True, confirmation_prompt=True)
        return typed.encode(errors="surrogateescape")
    value = sys.stdin.buffer.read()
    return value if raw else value.removesuffix(b"\n").removesuffix(b"\r")
