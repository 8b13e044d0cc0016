"""Answers that no Prometheus server should give, and those that cannot be used."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from omnicloud.errors import InternalError, InvalidArgumentError, OmniCloudError
from omnicloud.placement.forecast.troubles import Trouble
from omnicloud.placement.sources import Queries, Recording, read_prometheus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

QUERIES = Queries("used_cores", "used_bytes", "asked_cores", "asked_bytes", ("pod",))
POD = {"pod": "a"}


def data(kind: str, *result: object) -> object:
    return {"status": "success", "data": {"resultType": kind, "result": list(result)}}


def asked(value: object = "2") -> object:
    return data("vector", {"metric": POD, "value": [1, value]})


def used(*values: object) -> object:
    return data("matrix", {"metric": POD, "values": list(values)})


@asynccontextmanager
async def server(answer: Callable[[str], object]) -> AsyncIterator[str]:
    """Answers each path with a value as JSON."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        body = json.dumps(answer(head.split()[1])).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def read(instant: object, ranged: object) -> Recording:
    async with server(lambda path: ranged if "query_range" in path else instant) as url:
        return await read_prometheus(url, queries=QUERIES, keep=3600, step=60)


@pytest.mark.parametrize(
    ("instant", "ranged", "error", "words"),
    [
        (None, used(), InternalError, "is no Prometheus"),
        ([], used(), InternalError, "is no Prometheus"),
        ({"data": {"result": None}}, used(), InternalError, "is no Prometheus"),
        (data("scalar", 1, "2"), used(), InvalidArgumentError, "gives no series"),
        (used([1, "2"]), used(), InvalidArgumentError, "gives no series"),
        (data("vector", {"metric": POD}), used(), InternalError, "tells no numbers of 'a'"),
        (data("vector", {"value": [1, "2"]}), used(), InvalidArgumentError, "no label pod"),
        (data("vector", {"metric": None}), used(), InvalidArgumentError, "no label pod"),
        (asked("lots"), used(), InternalError, "tells no numbers of 'a'"),
        (asked(), used([1]), InternalError, "tells no numbers of 'a'"),
        (asked(), used([1, None]), InternalError, "tells no numbers of 'a'"),
        (asked(), data("matrix", {"metric": POD, "histograms": []}), InternalError, "histograms"),
        (
            asked(),
            data("matrix", *[{"metric": POD, "values": []}] * 2),
            InvalidArgumentError,
            "more than one series for 'a'",
        ),
    ],
)
@pytest.mark.asyncio
async def test_an_answer_that_cannot_be_used_is_named(
    instant: object, ranged: object, error: type[OmniCloudError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await read(instant, ranged)


@pytest.mark.asyncio
async def test_lies_in_an_answer_are_left_out_and_counted() -> None:
    lies = [[1, "1"], [1e300, "1"], [2, "NaN"], [3, "+Inf"], [4, "-1"], [5, "1e300"]]
    recording = await read(asked(), used(*lies))
    assert recording.troubles() == {
        Trouble.TOO_OLD: 2,
        Trouble.FROM_THE_FUTURE: 2,
        Trouble.NOT_A_NUMBER: 4,
        Trouble.NEGATIVE: 2,
        Trouble.IMPLAUSIBLE: 2,
    }


@pytest.mark.asyncio
async def test_answers_about_many_workloads_are_of_shorter_times() -> None:
    many = [{"metric": {"pod": f"p{number}"}, "value": [1, "2"]} for number in range(400)]
    paths: list[str] = []

    def answer(path: str) -> object:
        paths.append(path)
        return used() if "query_range" in path else data("vector", *many)

    async with server(answer) as url:
        await read_prometheus(url, queries=QUERIES, keep=10_000 * 60, step=60)
    assert paths.count("/api/v1/query_range") == 2 * 4


@pytest.mark.parametrize("value", ["NaN", "0", "-1", "+Inf"])
@pytest.mark.asyncio
async def test_a_request_that_is_none_leaves_its_workload_out(value: str) -> None:
    recording = await read(asked(value), used([1, "1"]))
    assert recording.cpu.usage().names == ()
