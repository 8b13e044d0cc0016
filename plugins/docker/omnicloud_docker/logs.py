"""The lines that a container wrote, read on from a place in each of its two streams.

The engine's stamps order the lines of one stream. A place is the stamp of the last line that
was told, and how many lines with just that stamp were. The two streams are asked for one by
one, because the engine does not order their stamps against each other.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from omnicloud.contracts.containers import LogLine, Stream
from omnicloud.errors import ConflictError, NotFoundError
from omnicloud_docker.client import EngineClient, frames
from omnicloud_docker.mapping import nanoseconds

__all__ = ["Places", "read_lines"]

_PIECE_BYTES = 16 << 10
_STREAMS = {"stdout": Stream.STDOUT, "stderr": Stream.STDERR}


@dataclass(frozen=True, slots=True)
class Places:
    """How far each stream was told: a stamp in nanoseconds, and a count."""

    stdout: tuple[int, int] = (0, 0)
    stderr: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, cursor: str | None) -> Places:
        """The places of a cursor."""
        if cursor is None:
            return cls()
        out, err = json.loads(cursor)
        return cls(tuple(out), tuple(err))

    def cursor(self) -> str:
        """The cursor of these places."""
        return json.dumps([self.stdout, self.stderr])


async def read_lines(
    client: EngineClient, container: str, places: Places, most: int, *, over: bool
) -> tuple[tuple[LogLine, ...], Places]:
    """At most so many lines of each stream after those places, by their stamps.

    Args:
        over: Whether the container has ended, so that nothing is added to a line any more.

    Raises:
        NotFoundError: The container is gone, or just being removed.
    """
    found: list[LogLine] = []
    moved = {}
    for name in _STREAMS:
        place = getattr(places, name)
        try:
            lines, moved[name] = await _of_stream(client, container, name, place, most, over)
        except ConflictError:  # "dead or marked for removal"
            raise NotFoundError("the container is being removed") from None
        found += lines
    return tuple(sorted(found, key=lambda line: line.at)), Places(**moved)


async def _of_stream(
    client: EngineClient,
    container: str,
    name: str,
    place: tuple[int, int],
    most: int,
    over: bool,
) -> tuple[list[LogLine], tuple[int, int]]:
    stamp, told = place
    passed = 0
    since = {"since": f"{stamp // 10**9}.{stamp % 10**9:09}"} if stamp else {}
    found: list[LogLine] = []
    params = {name: "1", "timestamps": "1", **since}
    async with client.answer("GET", f"/containers/{container}/logs", params) as response:
        async for head, line in _whole(frames(response.content), over=over):
            at = nanoseconds(head.decode())
            if at == place[0] and passed < place[1]:
                passed += 1
                continue
            told = told + 1 if at == stamp else 1
            stamp = at
            found.append(LogLine(line, _STREAMS[name], at / 1e9))
            if len(found) >= most:
                break
    return found, (stamp, told)


async def _whole(
    pieces: AsyncIterator[tuple[int, bytes]], *, over: bool
) -> AsyncIterator[tuple[bytes, bytes]]:
    """The lines, with their stamps as the engine writes them.

    A long line comes in pieces, each with the stamp of the first; all but its last are full. The
    last line of a run may have no end: its last piece is not full, or one with another stamp
    comes after it.
    """
    stamp, part = b"", b""
    async for _, data in pieces:
        head, _, text = data.partition(b" ")
        if part and head != stamp:
            yield stamp, part
            part = b""
        stamp, part = head, part + text
        if len(text) < _PIECE_BYTES or text.endswith(b"\n"):
            yield stamp, part.removesuffix(b"\n")
            part = b""
    if part and over:
        yield stamp, part
