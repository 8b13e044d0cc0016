"""What the commands about data share: one open service, payloads in and out, their options."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from omnicloud.cli.context import Context, json_flag
from omnicloud.cli.plan import planned
from omnicloud.core.context import tenant
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud.resolver.build import Services
from omnicloud.resolver.plan import Plan, ServicePlan

__all__ = [
    "data_options",
    "first",
    "list_names",
    "payload_as_json",
    "read_payload",
    "served",
    "served_together",
    "show",
]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def data_options(command: F) -> Callable[..., Any]:
    """Give a command ``--json``, ``--tenant`` and, as its first arguments, context and service."""
    with_service = click.argument("service")(click.pass_obj(command))
    with_tenant = click.option("--tenant", "of", help="Whose data; default: nobody's.")
    return json_flag(with_tenant(with_service))


def served(
    context: Context,
    service: str,
    contract: str,
    of: str | None,
    work: Callable[[Pipeline[Any]], Awaitable[T]],
) -> T:
    """Open one service, work with it for a tenant, and close it.

    An error of the library ends the command: it is told, and the exit code is 1, or 2 for a
    wrong configuration.
    """
    return served_together(
        context,
        planned(context),
        (service,),
        of,
        lambda services: work(services.pipeline(service, contract)),
    )


def served_together(
    context: Context,
    plan: Plan,
    names: Sequence[str],
    of: str | None,
    work: Callable[[Services], Awaitable[T]],
) -> T:
    """As :func:`served`, for several services."""
    try:
        return asyncio.run(_worked(plan, names, of, work))
    except OmniCloudError as error:
        context.fail(error)


async def _worked(
    plan: Plan,
    names: Sequence[str],
    of: str | None,
    work: Callable[[Services], Awaitable[T]],
) -> T:
    services = Services(plan)
    try:
        for one in _needed(plan, names):
            await services.start_one(one)
        with tenant(of):
            done = await work(services)
    except BaseException:
        await services.aclose(quietly=True)
        raise
    await services.aclose()
    return done


def _needed(plan: Plan, services: Sequence[str]) -> list[ServicePlan]:
    """The services and the keepers of their secrets, in the order of the plan, no others."""
    names = set(services)
    for one in reversed(plan.services):
        if one.info.name in names:
            names |= one.after
    if plan.default is not None:
        names |= {ref.service for _, ref in plan.default.secrets if ref.service}
    return [one for one in plan.services if one.info.name in names]


async def first(items: AsyncIterator[T], most: int) -> list[T]:
    """The first items of what may be endless."""
    found: list[T] = []
    async for item in items:
        found.append(item)
        if len(found) == most:
            break
    return found


def list_names(context: Context, what: str, names: Sequence[str], limit: int) -> None:
    """Answer with at most ``limit`` names, and whether there are more."""
    shown, more = names[:limit], len(names) > limit
    text = "\n".join(shown) if shown else f"no {what}"
    context.answer({what: shown, "more": more}, text)
    if more and not context.as_json:
        click.echo(f"there are more {what}; see --limit", err=True)


def read_payload(argument: str) -> bytes:
    """An argument's bytes, or all of standard input where it is ``-``."""
    if argument == "-":
        return sys.stdin.buffer.read()
    return argument.encode(errors="surrogateescape")


def payload_as_json(payload: bytes) -> dict[str, str | bool]:
    """A payload as JSON values: its text, or base64 where it is none."""
    try:
        return {"value": payload.decode(), "base64": False}
    except UnicodeDecodeError:
        return {"value": base64.b64encode(payload).decode("ascii"), "base64": True}


def show(payload: bytes) -> None:
    """Print a payload: as a line at a terminal, to the byte anywhere else."""
    stream = sys.stdout.buffer
    stream.write(payload)
    if sys.stdout.isatty():
        stream.write(b"\n")
    stream.flush()
