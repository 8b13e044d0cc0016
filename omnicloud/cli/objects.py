"""``omnicloud objects``: files into a bucket and out of it."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.cli.data import data_options, first, payload_as_json, served
from omnicloud.contracts.objects import Listed, ObjectInfo, Objects
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ResourceExhaustedError

__all__ = ["objects"]

Pipe = Pipeline[Any]


@click.group()
@json_flag
def objects() -> None:
    """Read and write objects."""


@objects.command()
@data_options
@click.argument("key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def get(context: Context, service: str, key: str, file: Path | None, of: str | None) -> None:
    """Write the content of KEY to FILE, or print it.

    FILE appears whole or not at all.
    """
    if file is not None:
        size = _fetched(context, service, key, file, of)
        told = {"key": key, "written": str(file), "size_bytes": size}
        context.answer(told, f"wrote {size} bytes to {file}")
        return
    if context.as_json:
        content = served(context, service, "objects", of, lambda pipe: Objects(pipe).download(key))
        context.answer({"key": key, **payload_as_json(content)}, "")
        return
    stream = sys.stdout.buffer
    served(context, service, "objects", of, lambda pipe: _copied(pipe, key, stream))
    stream.flush()


@objects.command()
@data_options
@click.argument("key")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--content-type",
    default="application/octet-stream",
    show_default=True,
    help="As others are told it.",
)
@click.option("--if-absent", is_flag=True, help="Write only where there is no such object.")
def put(
    context: Context,
    service: str,
    key: str,
    file: IO[bytes],
    content_type: str,
    if_absent: bool,
    of: str | None,
) -> None:
    """Write FILE (`-`: standard input) under KEY and print its version."""

    async def work(pipeline: Pipe) -> str:
        upload = Objects(pipeline).upload
        return await upload(key, file, content_type=content_type, if_absent=if_absent)

    version = served(context, service, "objects", of, work)
    context.answer({"key": key, "version": version}, version)


@objects.command()
@data_options
@click.argument("key")
def stat(context: Context, service: str, key: str, of: str | None) -> None:
    """Show what is known of KEY without its content."""

    async def work(pipeline: Pipe) -> ObjectInfo:
        return await Objects(pipeline).stat(key)

    info = served(context, service, "objects", of, work)
    value = {**asdict(info), "metadata": dict(info.metadata)}
    text = "\n".join(f"{name}: {shown}" for name, shown in _readable(value).items())
    context.answer(value, text)


@objects.command()
@data_options
@click.argument("key")
def delete(context: Context, service: str, key: str, of: str | None) -> None:
    """Delete KEY. One that is not there is no error."""

    async def work(pipeline: Pipe) -> None:
        await Objects(pipeline).delete(key)

    served(context, service, "objects", of, work)
    context.answer({"key": key}, "it is not there any more")


@objects.command("list")
@data_options
@click.argument("prefix", default="")
@click.option("--delimiter", help="Tell keys that hold this character after PREFIX as one.")
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many."
)
def list_(
    context: Context, service: str, prefix: str, delimiter: str | None, limit: int, of: str | None
) -> None:
    """List the objects whose keys start with PREFIX, in their order."""

    async def work(pipeline: Pipe) -> list[Listed]:
        return await first(Objects(pipeline).list(prefix, delimiter=delimiter), limit + 1)

    found = served(context, service, "objects", of, work)
    shown, more = found[:limit], len(found) > limit
    rows = [
        (one.key, "" if one.is_prefix else str(one.size_bytes), _stamp(one.modified))
        for one in shown
    ]
    text = table(("key", "bytes", "modified"), rows) if rows else "no objects"
    context.answer({"objects": [asdict(one) for one in shown], "more": more}, text)
    if more and not context.as_json:
        click.echo("there are more objects; see --limit", err=True)


def _fetched(context: Context, service: str, key: str, file: Path, of: str | None) -> int:
    """Fetch into a file beside the wanted one and put it in its place when it is whole."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.absolute().parent, delete=False) as part:
            draft = Path(part.name)
            try:
                work = lambda pipe: _copied(pipe, key, part)  # noqa: E731
                size = served(context, service, "objects", of, work)
                part.flush()
                draft.replace(file)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
    except OSError as error:
        context.fail(ResourceExhaustedError(f"{file} cannot be written: {error.strerror}"))
    return size


async def _copied(pipeline: Pipe, key: str, stream: IO[bytes]) -> int:
    size = 0
    async for chunk in Objects(pipeline).stream(key):
        stream.write(chunk)
        size += len(chunk)
    return size


def _readable(value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "modified": _stamp(value["modified"])}


def _stamp(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat("T", "seconds")
