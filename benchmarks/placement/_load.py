"""The clients of B6, a process of their own: requests at given moments, and how long they took.

Run ``python _load.py PLAN ANSWER``, two files of JSON. It is an open loop: a request is sent at
its moment whatever became of those before, and its time counts from that moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

GIVE_UP_SECONDS = 5.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"


async def send_all(plan: Sequence[tuple[float, int]]) -> list[float]:
    """Seconds that each request took, from its moment on; at most ``GIVE_UP_SECONDS``.

    Args:
        plan: Moments in seconds from the start, ascending, and the port each request goes to.
    """
    took = [GIVE_UP_SECONDS] * len(plan)
    start = time.perf_counter() + 0.1
    async with asyncio.TaskGroup() as tasks:
        for number, (moment, port) in enumerate(plan):
            due = start + moment
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            tasks.create_task(send(port, due, number, took))
    return took


async def send(port: int, due: float, number: int, took: list[float]) -> None:
    """One request, noted when the answer is whole."""
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS - (time.perf_counter() - due)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_REQUEST)
                answer = await reader.read()
            finally:
                writer.close()
        if answer.endswith(b"ok\n"):
            took[number] = min(time.perf_counter() - due, GIVE_UP_SECONDS)
    except (TimeoutError, OSError):
        return  # it counts as having taken all the time that it was given


def main(plan_file: str, answer_file: str) -> None:
    with contextlib.suppress(PermissionError):
        os.nice(-15)  # what clients wait for is the services, not the other programs beside them
    plan = [(moment, port) for moment, port in json.loads(Path(plan_file).read_text())]
    gc.disable()
    Path(answer_file).write_text(json.dumps(asyncio.run(send_all(plan))))


if __name__ == "__main__":
    main(*sys.argv[1:])
