"""Copies by the service, within one container."""

from __future__ import annotations

from collections.abc import Mapping

from omnicloud.core.clock import Clock
from omnicloud.core.http import Answer
from omnicloud.errors import OmniCloudError, UnavailableError
from omnicloud_azure.client import Client
from omnicloud_azure.errors import is_no_blob
from omnicloud_azure.facts import version_of

__all__ = ["PENDING", "WHOLE", "copied", "settled", "status_of"]

PENDING, WHOLE = "pending", "success"
"""Of a copy under way, and of one that is done; other words are of one that failed."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_BYTES_A_SECOND = 25 << 20  # of a copy that is not made at once, at worst
_STATUS, _ID = "x-ms-copy-status", "x-ms-copy-id"


async def copied(
    client: Client,
    clock: Clock,
    source: str,
    target: str,
    headers: Mapping[str, str],
    size_bytes: int,
) -> Answer:
    """The service's answer to a copy: its refusal, or what it says of the copy that is whole.

    Within an account the service copies at once; where it says that it does not, the copy is
    waited for: ``answer_timeout``, and a second more for each 25 MiB.

    Args:
        headers: Conditions on source and target, and what to keep beside the copy.
        size_bytes: Of the source.

    Raises:
        UnavailableError: The copy did not end in time, or failed; unknown.
    """
    answer = await client.ask(
        "PUT", target, headers={**headers, "x-ms-copy-source": client.source(source)}
    )
    if answer.status != 202 or status_of(answer) == WHOLE:
        return answer
    seconds = client.config.answer_timeout + size_bytes / _BYTES_A_SECOND
    now = await settled(client, clock, target, seconds)
    if not _is_told(now):
        raise _failed("the service did not tell how its copy ended")
    if now.headers.get(_ID) != answer.headers.get(_ID, ""):
        return answer  # it was whole, and something else was written over it
    if status_of(now) == WHOLE:
        return Answer(202, {**now.headers, "etag": f'"{version_of(now.headers)}"'}, b"")
    is_pending = status_of(now) == PENDING
    raise _failed(f"the service's copy {'did not end in time' if is_pending else 'failed'}")


async def settled(client: Client, clock: Clock, target: str, seconds: float) -> Answer:
    """What the service says of a blob once no copy to it is under way, or after so many seconds."""
    until, pause = clock.monotonic() + seconds, _FIRST_PAUSE
    while True:
        now = await client.ask("HEAD", target)
        if _is_told(now) and status_of(now) != PENDING:
            return now
        if clock.monotonic() >= until:
            return now
        await clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def status_of(answer: Answer) -> str:
    """The service's word for the copy that a blob is; that of a whole one where it is none."""
    return answer.headers.get(_STATUS, WHOLE)


def _is_told(answer: Answer) -> bool:
    return answer.status == 200 or is_no_blob(answer)


def _failed(message: str) -> OmniCloudError:
    return UnavailableError(message, hint="raise answer_timeout, where the objects are large")
