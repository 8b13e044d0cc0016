"""The messages of the v3 API that the provider speaks, as its JSON gateway writes them.

Bytes are base64 and 64-bit numbers are text there; what has its default is left out. The names
are those of ``rpc.proto`` of etcd 3.4, which later versions kept.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

__all__ = [
    "Authenticate",
    "Authenticated",
    "Compare",
    "DeleteRange",
    "Granted",
    "Header",
    "KeyValue",
    "LeaseGrant",
    "Op",
    "OpAnswer",
    "Put",
    "Range",
    "RangeAnswer",
    "Refused",
    "Txn",
    "TxnAnswer",
    "Version",
    "Watch",
    "WatchAnswer",
    "WatchCreate",
    "WatchMessage",
    "Watched",
    "decode",
    "encode",
    "range_end",
]


S = TypeVar("S")


class _Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    pass


class Range(_Message, frozen=True):
    """Read one key, or those from ``key`` up to ``range_end``; as of a revision, or now."""

    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    keys_only: bool = False


class Put(_Message, frozen=True):
    """Write one key; ``lease`` 0 detaches it from the lease it had."""

    key: bytes
    value: bytes
    lease: int = 0
    ignore_lease: bool = False


class DeleteRange(_Message, frozen=True):
    """Delete one key."""

    key: bytes


class Compare(_Message, frozen=True):
    """A condition on a key, or on each key of a range; on a missing key VALUE is never met."""

    key: bytes
    target: Literal["VERSION", "CREATE", "MOD", "VALUE"]
    result: Literal["EQUAL", "GREATER", "LESS"] = "EQUAL"
    range_end: bytes = b""
    create_revision: int | None = None
    mod_revision: int | None = None
    value: bytes | None = None


class Op(_Message, frozen=True):
    """One step of a transaction: exactly one of these."""

    request_range: Range | None = None
    request_put: Put | None = None
    request_delete_range: DeleteRange | None = None
    request_txn: Txn | None = None


class Txn(_Message, frozen=True):
    """All of ``success`` where every condition is met, else all of ``failure``."""

    compare: list[Compare] = []
    success: list[Op] = []
    failure: list[Op] = []


class LeaseGrant(_Message, frozen=True):
    """A lease of so many seconds."""

    ttl: int = msgspec.field(name="TTL")


class WatchCreate(_Message, frozen=True):
    """Tell the changes of a range from a revision on; many large ones in several answers."""

    key: bytes
    range_end: bytes
    start_revision: int
    fragment: bool = False


class Watch(_Message, frozen=True):
    """What is sent on a stream of changes."""

    create_request: WatchCreate


class Header(_Message, frozen=True):
    """What every answer begins with; ``revision`` is the store's after the request, at least 1."""

    revision: int = 0


class KeyValue(_Message, frozen=True):
    """A key as it is stored."""

    key: bytes
    value: bytes = b""
    mod_revision: int = 0
    lease: int = 0


class RangeAnswer(_Message, frozen=True):
    """The keys found, in byte order."""

    header: Header = Header()
    kvs: list[KeyValue] = []
    more: bool = False


class OpAnswer(_Message, frozen=True):
    """What became of one step."""

    response_range: RangeAnswer | None = None
    response_txn: TxnAnswer | None = None


class TxnAnswer(_Message, frozen=True):
    """Whether the conditions were met, and the answers of the steps taken."""

    header: Header = Header()
    succeeded: bool = False
    responses: list[OpAnswer] = []


class Granted(_Message, frozen=True):
    """A lease; its seconds may be more than was asked for."""

    id: int = msgspec.field(name="ID")
    ttl: int = msgspec.field(name="TTL")


class Watched(_Message, frozen=True):
    """One change of one key."""

    kv: KeyValue
    type: Literal["PUT", "DELETE"] = "PUT"


class WatchAnswer(_Message, frozen=True):
    """Something told on a stream of changes; ``fragment`` where the next belongs to it."""

    header: Header = Header()
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    fragment: bool = False
    events: list[Watched] = []


class Authenticate(_Message, frozen=True):
    """A login."""

    name: str
    password: str


class Authenticated(_Message, frozen=True):
    """A login's token, for the header ``Authorization``."""

    token: str


class Version(_Message, frozen=True):
    """What a member runs; not of the API, but of ``/version``."""

    etcdserver: str


class Refused(_Message, frozen=True):
    """An error: the gRPC code and the server's words; on a stream both have other names."""

    code: int = 2
    error: str = ""
    grpc_code: int = 0
    message: str = ""

    @property
    def number(self) -> int:
        """The code."""
        return self.grpc_code or self.code

    @property
    def words(self) -> str:
        """The server's words."""
        return self.error or self.message


class WatchMessage(_Message, frozen=True):
    """A line of a stream of changes."""

    result: WatchAnswer = WatchAnswer()
    error: Refused | None = None


encode = msgspec.json.Encoder().encode


def decode(body: bytes, kind: type[S]) -> S:
    """A message out of JSON.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    return msgspec.json.decode(body, type=kind, strict=False)


def range_end(prefix: bytes) -> bytes:
    """The end of the range of all keys that start with ``prefix``, which has a byte below 0xFF."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1])
