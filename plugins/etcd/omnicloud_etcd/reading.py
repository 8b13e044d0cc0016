"""How records are read: several at one moment, and pages of live names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omnicloud.contracts.kv.driver import Scan
from omnicloud_etcd.client import Client
from omnicloud_etcd.records import Stored
from omnicloud_etcd.wire import KeyValue, Op, Range, Txn, range_end

__all__ = ["Found", "Names", "found_at", "found_in", "names_at"]


@dataclass(frozen=True, slots=True)
class Found:
    """A key as it stood at a moment.

    Attributes:
        stored: What is there, if it is alive.
        mod_revision: Of what is there, alive or not; 0 where nothing is.
    """

    stored: Stored | None
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Names:
    """A page of a scan.

    Attributes:
        live: Names and revisions of live keys.
        last: The last name looked at where there may be more behind it, else ``None``.
        revision: As of which the page is.
    """

    live: tuple[tuple[str, int], ...]
    last: str | None
    revision: int


async def found_at(
    client: Client, keys: Sequence[bytes], revision: int = 0
) -> tuple[list[Found], int]:
    """The keys as they stood at one moment, and at which revision that was."""
    ranges = [Op(request_range=Range(key=key, revision=revision)) for key in keys]
    answer = await client.look(Txn(success=ranges))
    now = client.time.now_ms()
    found = []
    for one in answer.responses:
        kvs = one.response_range.kvs if one.response_range is not None else []
        found.append(found_in(kvs, now))
    return found, revision or answer.header.revision


def found_in(kvs: Sequence[KeyValue], now_ms: int) -> Found:
    """What the answer about one key says."""
    if not kvs:
        return Found(None, 0)
    stored = Stored.of(kvs[0])
    return Found(stored if stored.end_ms > now_ms else None, kvs[0].mod_revision)


async def names_at(client: Client, base: bytes, op: Scan, revision: int = 0) -> Names:
    """A page of live names; values are read of those alone whose life has an end."""
    prefix = base + op.prefix.encode()
    # A cursor of another walk begins no earlier than this one.
    low = prefix if op.cursor is None else max(prefix, base + op.cursor.encode() + b"\0")
    answer = await client.range(
        Range(
            key=low,
            range_end=range_end(prefix),
            limit=op.limit,
            revision=revision,
            keys_only=True,
        )
    )
    at = revision or answer.header.revision
    over = await _over(client, [kv.key for kv in answer.kvs if kv.lease], at)
    live = tuple(
        (kv.key[len(base) :].decode(), kv.mod_revision) for kv in answer.kvs if kv.key not in over
    )
    last = answer.kvs[-1].key[len(base) :].decode() if answer.more and answer.kvs else None
    return Names(live, last, at)


async def _over(client: Client, mortal: list[bytes], revision: int) -> set[bytes]:
    """Those of the keys whose end has come."""
    over: set[bytes] = set()
    for some in _cut(mortal, client.config.max_txn_ops):
        found, _ = await found_at(client, some, revision)
        over |= {key for key, one in zip(some, found, strict=True) if one.stored is None}
    return over


def _cut(keys: list[bytes], most: int) -> Iterable[list[bytes]]:
    for first in range(0, len(keys), most):
        yield keys[first : first + most]
