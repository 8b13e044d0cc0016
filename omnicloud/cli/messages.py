"""``omnicloud messages``: publish by hand, and see to what could not be handled."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.cli.data import (
    data_options,
    first,
    payload_as_json,
    read_payload,
    served,
)
from omnicloud.contracts.messaging import DeadLetter, Depth, Messaging
from omnicloud.core.pipeline import Pipeline

__all__ = ["messages"]

Pipe = Pipeline[Any]


@click.group()
@json_flag
def messages() -> None:
    """Publish messages and look after dead letters."""


@messages.command()
@data_options
@click.argument("topic")
@click.argument("payload")
@click.option("--key", help="Messages of one key keep their order.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--delay", type=float, help="Deliver after so many seconds.")
@click.option("--id", "message_id", help="Published once, however often this is repeated.")
def publish(
    context: Context,
    service: str,
    topic: str,
    payload: str,
    key: str | None,
    headers: tuple[str, ...],
    delay: float | None,
    message_id: str | None,
    of: str | None,
) -> None:
    """Publish PAYLOAD to TOPIC and print the message's id.

    A payload of `-` is standard input.
    """
    given = dict(map(_header, headers))
    content = read_payload(payload)

    async def work(pipeline: Pipe) -> str:
        publish_one = Messaging(pipeline).publish
        return await publish_one(
            topic, content, key, given, delay_seconds=delay, message_id=message_id
        )

    made = served(context, service, "messaging", of, work)
    context.answer({"topic": topic, "id": made}, made)


@messages.command()
@data_options
@click.argument("topic")
@click.option("--group", default="default", show_default=True, help="Whose messages.")
def depth(context: Context, service: str, topic: str, group: str, of: str | None) -> None:
    """Show how many messages of TOPIC a group has before it."""

    async def work(pipeline: Pipe) -> Depth:
        return await Messaging(pipeline).depth(topic, group)

    counts = asdict(served(context, service, "messaging", of, work))
    context.answer({"topic": topic, "group": group, **counts}, _counted(counts))


@messages.command("dead-letters")
@data_options
@click.argument("topic")
@click.option("--group", help="Of this group; default: of all.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many."
)
def dead_letters(
    context: Context, service: str, topic: str, group: str | None, limit: int, of: str | None
) -> None:
    """List the dead letters of TOPIC, the oldest death first. Payloads are in --json."""

    async def work(pipeline: Pipe) -> list[DeadLetter]:
        return await first(Messaging(pipeline).dead_letters(topic, group=group), limit + 1)

    letters = served(context, service, "messaging", of, work)
    shown, more = letters[:limit], len(letters) > limit
    value = {"dead_letters": [_as_json(one) for one in shown], "more": more}
    rows = [
        (one.id, one.group, one.key or "", one.reason, str(one.attempts), _stamp(one.died_at))
        for one in shown
    ]
    headings = ("id", "group", "key", "reason", "attempts", "died")
    context.answer(value, table(headings, rows) if rows else "no dead letters")
    if more and not context.as_json:
        click.echo("there are more dead letters; see --limit", err=True)


@messages.command()
@data_options
@click.argument("topic")
@click.option("--group", default="default", show_default=True, help="Whose messages.")
@click.option(
    "--limit", type=click.IntRange(1), default=10, show_default=True, help="At most so many."
)
def peek(
    context: Context, service: str, topic: str, group: str, limit: int, of: str | None
) -> None:
    """Look at what a group has before it. Changes nothing.

    Dead letters are read. What waits is counted, not read: to be read a message must be lent,
    which keeps it from its consumers and counts as a delivery.
    """

    async def work(pipeline: Pipe) -> tuple[Depth, list[DeadLetter]]:
        service = Messaging(pipeline)
        letters = await first(service.dead_letters(topic, group=group), limit)
        return await service.depth(topic, group), letters

    counts, letters = served(context, service, "messaging", of, work)
    depths = asdict(counts)
    value = {"topic": topic, "group": group, **depths}
    text = "\n".join([_counted(depths), *map(_whole, letters)])
    context.answer({**value, "dead_letters": [_as_json(one) for one in letters]}, text)


@messages.command()
@data_options
@click.argument("topic")
@click.argument("ids", nargs=-1)
@click.option("--group", help="Of this group; default: of all.")
@click.option("--all", "every", is_flag=True, help="All dead letters, not those of IDS.")
def redrive(
    context: Context,
    service: str,
    topic: str,
    ids: tuple[str, ...],
    group: str | None,
    every: bool,
    of: str | None,
) -> None:
    """Deliver dead letters of TOPIC again: IDS, or --all."""
    if bool(ids) == every:
        raise click.UsageError("give the ids of dead letters, or --all")

    async def work(pipeline: Pipe) -> int:
        return await Messaging(pipeline).redrive(topic, group=group, ids=ids)

    count = served(context, service, "messaging", of, work)
    context.answer({"topic": topic, "redriven": count}, f"{count} will be delivered again")


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError("a header is NAME=VALUE")
    return name, value


def _counted(counts: dict[str, int]) -> str:
    return "\n".join(f"{name.replace('_', ' ')}: {number}" for name, number in counts.items())


def _whole(letter: DeadLetter) -> str:
    """A dead letter as lines; bytes that are no text as base64."""
    payload = payload_as_json(letter.payload)
    kind = "payload in base64" if payload["base64"] else "payload"
    lines = [
        f"\ndead letter {letter.id}, died {_stamp(letter.died_at)}",
        f"  {letter.reason}; attempts: {letter.attempts}",
        *([] if letter.key is None else [f"  key: {letter.key}"]),
        *(f"  header {name}: {value}" for name, value in sorted(letter.headers.items())),
        f"  {kind}: {payload['value']}",
    ]
    return "\n".join(lines)


def _as_json(letter: DeadLetter) -> dict[str, object]:
    told: dict[str, object] = asdict(letter)
    del told["payload"]
    return {**told, **payload_as_json(letter.payload)}


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat("T", "seconds")
