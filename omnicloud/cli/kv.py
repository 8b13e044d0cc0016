"""``omnicloud kv``: a look into a key-value store, and a change by hand."""

from __future__ import annotations

from typing import Any

import click

from omnicloud.cli.context import Context, json_flag
from omnicloud.cli.data import (
    data_options,
    first,
    list_names,
    payload_as_json,
    read_payload,
    served,
    show,
)
from omnicloud.contracts.kv import KV, Entry
from omnicloud.core.codec import BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import NotFoundError

__all__ = ["kv"]

Pipe = Pipeline[Any]


@click.group()
@json_flag
def kv() -> None:
    """Read and write a key-value store."""


@kv.command()
@data_options
@click.argument("key")
def get(context: Context, service: str, key: str, of: str | None) -> None:
    """Print the value of KEY. Exit code 1: there is none."""

    async def work(pipeline: Pipe) -> Entry[bytes]:
        entry = await KV(pipeline, BYTES).get_entry(key)
        if entry is None:
            raise NotFoundError(
                f"there is no key {key!r}", hint=f"list them: omnicloud kv list {service}"
            )
        return entry

    entry = served(context, service, "kv", of, work)
    if context.as_json:
        told = {"version": entry.version, "expires_in": entry.expires_in}
        context.answer({"key": key, **payload_as_json(entry.value), **told}, "")
    else:
        show(entry.value)


@kv.command("set")
@data_options
@click.argument("key")
@click.argument("value")
@click.option("--ttl", type=float, help="Seconds to live; default: for ever.")
@click.option("--if-version", help="Write only over this version.")
@click.option("--if-absent", is_flag=True, help="Write only where there is no such key.")
def set_(
    context: Context,
    service: str,
    key: str,
    value: str,
    ttl: float | None,
    if_version: str | None,
    if_absent: bool,
    of: str | None,
) -> None:
    """Write VALUE (`-`: standard input) under KEY and print its version."""
    payload = read_payload(value)

    async def work(pipeline: Pipe) -> str:
        store = KV(pipeline, BYTES)
        return await store.set(key, payload, ttl=ttl, if_version=if_version, if_absent=if_absent)

    version = served(context, service, "kv", of, work)
    context.answer({"key": key, "version": version}, version)


@kv.command()
@data_options
@click.argument("key")
def delete(context: Context, service: str, key: str, of: str | None) -> None:
    """Delete KEY. One that is not there is no error."""

    async def work(pipeline: Pipe) -> bool:
        return await KV(pipeline, BYTES).delete(key)

    was_there = served(context, service, "kv", of, work)
    text = "deleted" if was_there else "there was none"
    context.answer({"key": key, "deleted": was_there}, text)


@kv.command("list")
@data_options
@click.argument("prefix", default="")
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many."
)
def list_(context: Context, service: str, prefix: str, limit: int, of: str | None) -> None:
    """List the keys that start with PREFIX, in their order."""

    async def work(pipeline: Pipe) -> list[str]:
        return await first(KV(pipeline, BYTES).scan(prefix), limit + 1)

    list_names(context, "keys", served(context, service, "kv", of, work), limit)
