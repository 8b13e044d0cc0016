"""The kv contract on a server: each request is one statement."""

from __future__ import annotations

from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import (
    Change,
    ChangeKind,
    ChangePage,
    KVFeature,
    KVLimits,
    Page,
    Record,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.transactions import Transaction
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError
from omnicloud_postgres import kv_sql as sql
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.pool import Row
from omnicloud_postgres.runner import Runner
from omnicloud_postgres.signals import bell_of
from omnicloud_postgres.store import Store, store_of
from omnicloud_postgres.sweeping import Sweeping

__all__ = ["FEATURES", "PostgresKV", "open_kv"]

FEATURES: frozenset[Feature] = frozenset(KVFeature)

_LIMITS = KVLimits(name_max_bytes=2048, value_max_bytes=16 << 20, batch_max_items=1000)
_LONGEST = 1e11  # seconds to live that a timestamp of the server can hold
_SWEEP_EVERY = 1024
_AT_ONCE = 1000  # changes of one page


class PostgresKV:
    """A kv driver over a :class:`Store`, or inside a transaction where ``inside`` is given."""

    def __init__(
        self,
        store: Store,
        space: str,
        features: frozenset[Feature],
        inside: Runner | None = None,
    ) -> None:
        self._store = store
        self._features = features
        self._space = space
        self._inside = inside
        self._runner: Runner = store if inside is None else inside
        self._bell = bell_of("kv", space)
        self._sweeping = Sweeping(store, _SWEEP_EVERY)

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> KVLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> Record | None:
        key = op.key.encode()
        await self._lock(key)
        found = await self._runner.rows(sql.GET, self._space, key)
        return _record(found[0]) if found else None

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        keys = [key.encode() for key in op.keys]
        await self._lock(*keys)
        rows = await self._runner.rows(sql.GET_MANY, self._space, keys)
        found = {key: _record(rest) for key, *rest in rows}
        return tuple(found.get(key) for key in keys)

    async def set(self, op: Set, /) -> str:
        key = op.key.encode()
        await self._before_writing(key)
        place = (self._space, key, op.value, _seconds(op.ttl), self._bell)
        if op.if_version is None:
            done = await self._runner.rows(sql.SET, *place, op.if_absent)
        else:
            done = await self._runner.rows(sql.MAKE, *place, _number(op.if_version))
        if not done:
            raise _refused(op)
        return str(done[0][0])

    async def set_many(self, op: SetMany, /) -> None:
        items = sorted((key.encode(), value) for key, value in op.items)
        keys, values = [key for key, _ in items], [value for _, value in items]
        await self._before_writing(*keys)
        await self._runner.rows(
            sql.SET_MANY, self._space, keys, values, _seconds(op.ttl), self._bell
        )

    async def delete(self, op: Delete, /) -> bool:
        key = op.key.encode()
        await self._before_writing(key)
        version = None if op.if_version is None else _number(op.if_version)
        done = await self._runner.rows(sql.DELETE, self._space, key, self._bell, version)
        if not done and op.if_version is not None:
            raise ConflictError("the key has another version, or is not there")
        return bool(done)

    async def delete_many(self, op: DeleteMany, /) -> None:
        keys = sorted(key.encode() for key in set(op.keys))
        await self._before_writing(*keys)
        await self._runner.rows(sql.DELETE_MANY, self._space, keys, self._bell)

    async def scan(self, op: Scan, /) -> Page:
        low = op.prefix.encode()
        # 0xFF is in no UTF-8, so it is above every key that goes on after the prefix.
        high = low + b"\xff"
        after = b"" if op.cursor is None else op.cursor.encode()
        rows = await self._runner.rows(sql.SCAN, self._space, low, after, high, op.limit + 1)
        keys = tuple(row[0].decode() for row in rows[: op.limit])
        return Page(keys, keys[-1] if len(rows) > op.limit else None)

    async def increment(self, op: Increment, /) -> int:
        key = op.key.encode()
        await self._before_writing(key)
        done = await self._runner.rows(sql.INCREMENT, self._space, key, op.delta, self._bell)
        if not done:
            raise ConflictError("the stored value, or the sum, is no signed 64-bit integer")
        return int(done[0][0])

    async def changes(self, op: Changes, /) -> ChangePage:
        """Never inside a transaction: what is not committed is not told.

        Raises:
            NotFoundError: The cursor is of a history that the server has lost.
        """
        if op.cursor is None:
            return ChangePage((), str((await self._store.rows(sql.NOW))[0][0]))
        signals, clock = self._store.signals, self._store.clock
        until = clock.monotonic() + op.wait
        while True:
            mark = signals.mark(self._bell)
            soon = await self._bury()
            page = await self._since(op.cursor, op.prefix)
            left = until - clock.monotonic()
            if page.changes or left <= 0:
                return page
            await signals.rung(self._bell, mark, min(left, soon))

    async def begin(self, op: Begin, /) -> Transaction:
        return await self._store.begin()

    def within(self, transaction: object, /) -> PostgresKV:
        inside = self._store.joined(transaction)
        return PostgresKV(self._store, self._space, self._features, inside)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _lock(self, *keys: bytes) -> None:
        """Inside a transaction, keep others from writing these keys until it ends."""
        if self._inside is not None:
            for statement in sql.LOCK:
                await self._inside.rows(statement, self._space, sorted(keys))

    async def _before_writing(self, *keys: bytes) -> None:
        if self._inside is not None:
            await self._lock(*keys)
            return
        kept = self._store.config.retention_seconds
        await self._sweeping.before_writing(
            len(keys), (sql.BURY, self._space), (sql.SWEEP, self._space, kept)
        )

    async def _bury(self) -> float:
        """Tell ends of lives as changes; seconds until the next one."""
        ((left,),) = await self._store.rows(sql.NEXT_END, self._space)
        if left is not None and left <= 0:
            await self._store.rows(sql.BURY, self._space)
            return 0.0
        return float("inf") if left is None else float(left) + 0.001

    async def _since(self, cursor: str, prefix: str) -> ChangePage:
        """What is new since a snapshot: in several pages where it is much."""
        seen, upto, above = _position(cursor)
        rows = await self._store.rows(
            sql.CHANGES, self._space, seen, upto, int(above or 0), _AT_ONCE
        )
        if rows[0][4]:
            raise NotFoundError(
                "the server no longer has the changes since the cursor",
                hint="read all anew, then watch from now on",
            )
        upto = upto or str(rows[0][0])
        told = [row[1:4] for row in rows if row[1] is not None]
        after = f"{seen}/{upto}/{told[-1][1]}" if len(told) == _AT_ONCE else upto
        changes = (_change(key.decode(), version, gone) for key, version, gone in told)
        return ChangePage(tuple(one for one in changes if one.key.startswith(prefix)), after)


async def open_kv(config: PostgresConfig, opening: Opening) -> PostgresKV:
    """A kv driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(sql.SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {KVFeature.DURABLE}
    return PostgresKV(store, config.space_of(opening.service.name), features)


def _record(row: Row) -> Record:
    value, version, left = row
    return Record(value, str(version), None if left is None else float(left))


def _refused(op: Set) -> ConflictError:
    if op.if_absent:
        return AlreadyExistsError("the key is live")
    return ConflictError("the key has another version, or is not there")


def _seconds(ttl: float | None) -> float | None:
    return None if ttl is None else min(ttl, _LONGEST)


def _number(version: str) -> int:
    """A version as stored; one that no key ever has where it is none of ours."""
    known = version.isascii() and version.isdigit() and len(version) < 19
    return int(version) if known else 0


def _position(cursor: str) -> tuple[str, str | None, str | None]:
    seen, _, rest = cursor.partition("/")
    upto, _, above = rest.partition("/")
    return seen, upto or None, above or None


def _change(key: str, version: int, gone: bool) -> Change:
    return Change(key, ChangeKind.DELETED) if gone else Change(key, ChangeKind.SET, str(version))
