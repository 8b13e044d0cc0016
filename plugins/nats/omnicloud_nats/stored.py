"""Messages of a stream, out of the several ways in which a server tells them."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from omnicloud_nats.errors import WRONG_SEQUENCE, NativeError, translated
from omnicloud_nats.server_time import seconds_of
from omnicloud_nats.store import parsed
from omnicloud_nats.wire import Answer, headers_of

__all__ = ["Stored", "acknowledged", "delivered", "got", "told"]

_NANO = 1_000_000_000


class Stored(NamedTuple):
    """A message of the stream. ``at``: when the server took it, in seconds since 1970 UTC."""

    subject: str
    seq: int
    at: float
    headers: dict[str, str]
    data: bytes
    pending: int = 0


def acknowledged(answer: Answer) -> int | None:
    """The number that a published message got; ``None`` where another came before it."""
    try:
        return int(parsed(answer.data)["seq"])
    except NativeError as error:
        if error.code in WRONG_SEQUENCE:
            return None
        raise translated(error) from error


def told(answer: Answer) -> Stored | None:
    """A message that was asked for directly."""
    if answer.status == 404:
        return None
    if answer.status:
        raise translated(NativeError(answer.status, "a direct read was refused"))
    said = answer.headers
    at = seconds_of(said["Nats-Time-Stamp"])
    return Stored(said["Nats-Subject"], int(said["Nats-Sequence"]), at, said, answer.data)


def delivered(answer: Answer) -> Stored:
    """A message that a consumer delivered: its facts are in the subject for its answer."""
    words = answer.reply.split(".")
    # Newer servers may put the domain and the account before the stream.
    seq, at, pending = (words[5], words[7], words[8]) if len(words) == 9 else _longer(words)
    return Stored(
        answer.subject, int(seq), int(at) / _NANO, answer.headers, answer.data, int(pending)
    )


def _longer(words: list[str]) -> tuple[str, str, str]:
    return words[7], words[9], words[10]


def got(said: dict[str, Any]) -> Stored:
    """A message that was asked for by the interface of JSON."""
    _, headers = headers_of(base64.b64decode(said.get("hdrs", "")))
    data = base64.b64decode(said.get("data", ""))
    return Stored(said["subject"], said["seq"], seconds_of(said["time"]), headers, data)
