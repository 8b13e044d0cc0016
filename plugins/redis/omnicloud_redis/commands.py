"""Commands as the server reads them: RESP, an array of bulk strings.

https://redis.io/docs/latest/develop/reference/protocol-spec/, 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Argument", "packed"]

Argument = bytes | str | int

_LARGE_BYTES = 16 << 10


def packed(command: Sequence[Argument]) -> list[bytes]:
    """A command in pieces to send one after another; what is large is not copied."""
    pieces = [b"*%d\r\n" % len(command)]
    for one in command:
        data = one if isinstance(one, bytes) else str(one).encode()
        if len(data) < _LARGE_BYTES:
            pieces.append(b"$%d\r\n%b\r\n" % (len(data), data))
        else:
            pieces += (b"$%d\r\n" % len(data), data, b"\r\n")
    return pieces
