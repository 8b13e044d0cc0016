"""Copies by the service, within one container."""

from __future__ import annotations

from collections.abc import Mapping

from omnicloud.core.clock import Clock
from omnicloud.core.http import Answer
from omnicloud.errors import OmniCloudError, UnavailableError
from omnicloud_azure.client import Client
from omnicloud_azure.facts import version_of

__all__ = ["copied"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_STATUS, _ID = "x-ms-copy-status", "x-ms-copy-id"


async def copied(
    client: Client, clock: Clock, source: str, target: str, headers: Mapping[str, str]
) -> Answer:
    """The service's answer to a copy: its refusal, or what it says of the copy that is whole.

    Within an account the service copies at once; where it says that it does not, the copy is
    waited for.

    Args:
        headers: Conditions on source and target, and what to keep beside the copy.

    Raises:
        UnavailableError: The copy did not end in time, or failed; unknown.
    """
    answer = await client.ask(
        "PUT", target, headers={**headers, "x-ms-copy-source": client.source(source)}
    )
    if answer.status != 202 or answer.headers.get(_STATUS, "success") == "success":
        return answer
    copy_id = answer.headers.get(_ID, "")
    until, pause = clock.monotonic() + client.config.answer_timeout, _FIRST_PAUSE
    while clock.monotonic() < until:
        await clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        now = await client.ask("HEAD", target)
        if now.headers.get(_ID) != copy_id:
            return answer  # it was whole, and something else was written over it
        if now.headers.get(_STATUS) == "success":
            return Answer(202, {**now.headers, "etag": f'"{version_of(now.headers)}"'}, b"")
        if now.headers.get(_STATUS) != "pending":
            raise _failed("the service's copy failed")
    raise _failed("the service's copy did not end in time")


def _failed(message: str) -> OmniCloudError:
    return UnavailableError(message, hint="raise answer_timeout, where the objects are large")
