"""Further commands in a container of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from omnicloud.contracts.containers import ExecResult
from omnicloud.errors import DeadlineExceededError
from omnicloud_docker.client import EngineClient, frames

__all__ = ["run_beside"]

_NOT_STARTED = (b"OCI runtime exec failed", b"rpc error: code")
_CANNOT_START = (126, 127)


async def run_beside(
    client: EngineClient, container: str, command: Sequence[str], *, wait: float, most: int
) -> ExecResult | None:
    """How a further command ended and the first bytes that it wrote; ``None``: it did not begin.

    Raises:
        DeadlineExceededError: It had not ended after ``wait`` seconds; it may still run.
    """
    body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
    made = (await client.ask("POST", f"/containers/{container}/exec", body=body))["Id"]
    try:
        async with asyncio.timeout(wait):
            out, err = await _output(client, made, wait, most + 1)
    except TimeoutError:
        raise DeadlineExceededError(f"the command had not ended after {wait} s") from None
    code = (await client.ask("GET", f"/exec/{made}/json"))["ExitCode"]
    if code in _CANNOT_START and (out + err).startswith(_NOT_STARTED):
        return None
    return ExecResult(code, out[:most], err[:most], max(len(out), len(err)) > most)


async def _output(
    client: EngineClient, exec_id: str, wait: float, most: int
) -> tuple[bytes, bytes]:
    kept = {1: b"", 2: b""}
    body = {"Detach": False, "Tty": False}
    async with client.answer("POST", f"/exec/{exec_id}/start", body=body, wait=wait) as response:
        async for stream, data in frames(response.content):
            kept[stream] = (kept[stream] + data)[:most]
    return kept[1], kept[2]
