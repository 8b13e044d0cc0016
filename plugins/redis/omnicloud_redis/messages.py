"""A message as the server stores it, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

from omnicloud.contracts.messaging.models import DeadRecord, Delivery, Outgoing

__all__ = ["body_of", "dead_record", "delivery", "key_of", "number_of"]

_DIGITS = 16


def body_of(message: Outgoing) -> bytes:
    """Headers and payload as one string: the headers' length, the headers, the payload."""
    if not message.headers:
        return b"\0\0\0\0" + message.payload
    headers = json.dumps(dict(message.headers), ensure_ascii=False).encode()
    return len(headers).to_bytes(4, "big") + headers + message.payload


def key_of(key: str | None) -> str:
    """A text that may be missing, as scripts take it: nothing, or ``=`` and the text."""
    return "" if key is None else f"={key}"


def number_of(id_: bytes) -> str:
    """The number in the id of a stream's entry."""
    return id_[:_DIGITS].decode()


def delivery(fields: Sequence[bytes], attempt: int, receipt: bytes) -> Delivery:
    """A message lent to a consumer."""
    stored = _named(fields)
    payload, headers = _opened(stored[b"b"])
    return Delivery(
        stored[b"i"].decode(),
        payload,
        _key(stored[b"k"]),
        headers,
        int(stored[b"t"]) / 1e6,
        attempt,
        receipt.decode(),
    )


def dead_record(fields: Sequence[bytes]) -> DeadRecord:
    """A dead letter."""
    stored = _named(fields)
    payload, headers = _opened(stored[b"b"])
    return DeadRecord(
        stored[b"i"].decode(),
        payload,
        _key(stored[b"k"]),
        headers,
        int(stored[b"t"]) / 1e6,
        stored[b"g"].decode(),
        stored[b"r"].decode(),
        int(stored[b"n"]),
        int(stored[b"d"]) / 1e6,
    )


def _named(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _opened(body: bytes) -> tuple[bytes, dict[str, str]]:
    end = 4 + int.from_bytes(body[:4], "big")
    headers: dict[str, str] = json.loads(body[4:end]) if end > 4 else {}
    return body[end:], headers


def _key(stored: bytes) -> str | None:
    return stored[1:].decode() if stored else None
