"""A right sagas driver over tables of SQLite: a saga and its lease are rows of two."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaLimits, SagaRecord
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import SagaStateConflictError, UnsupportedError

_MOST_CLAIMED = 3
_Row = tuple[Any, ...]

_SCHEMA = """
create table saga (
    n integer primary key autoincrement,
    space blob not null,
    id blob not null,
    status blob not null,
    version integer not null,
    rest text not null,
    payload blob not null,
    unique (space, id)
);
create index by_status on saga (space, status, n);
create table lease (n integer primary key, owner text not null, until real not null);
"""


class _Tables(Backend):
    """The tables of one namespace."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.db.executescript(_SCHEMA)

    def __del__(self) -> None:
        self.db.close()

    def lease(self, number: int, owner: str, seconds: float) -> None:
        """Lease a saga; a lease that has ended stays until it is overwritten."""
        until = self.now() + seconds
        self.db.execute("insert or replace into lease values (?, ?, ?)", (number, owner, until))


@correct("sagas")
class TabledSagas(Apart):
    """A saga waits from its creation; what an owner has it is given again only by its name.

    Lists nothing; a claim gives three at most.
    """

    backend_class = _Tables
    _backend: _Tables
    features: frozenset[Feature] = frozenset()
    limits = SagaLimits(name_max_bytes=1410, payload_max_bytes=4096, history_max_entries=60)

    async def create(self, op: Create, /) -> None:
        await self.arrive()
        state = op.state
        try:
            made = self._backend.db.execute(
                "insert into saga (space, id, status, version, rest, payload)"
                " values (?, ?, ?, 1, ?, ?)",
                (_blob(op.space), _blob(state.saga_id), *_columns(state)),
            )
        except sqlite3.IntegrityError:
            raise SagaStateConflictError("there is a saga of that id") from None
        if op.owner is not None:
            self._backend.lease(made.lastrowid or 0, op.owner, op.lease)
        await self.linger()

    async def get(self, op: Get, /) -> SagaRecord | None:
        await self.arrive()
        row = self._backend.db.execute(
            "select id, status, version, rest, payload from saga where space = ? and id = ?",
            (_blob(op.space), _blob(op.saga_id)),
        ).fetchone()
        await self.linger()
        return None if row is None else _record(*row)

    async def update(self, op: Update, /) -> int:
        await self.arrive()
        state = op.state
        done = self._backend.db.execute(
            "update saga set status = ?, rest = ?, payload = ?, version = version + 1"
            " where space = ? and id = ? and version = ?",
            (*_columns(state), _blob(op.space), _blob(state.saga_id), _int64(state.version)),
        )
        await self.linger()
        if not done.rowcount:
            raise SagaStateConflictError("the stored version is another one")
        return state.version + 1

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        raise UnsupportedError("this driver lists no sagas")

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self.arrive()
        chosen = list(islice(self._free(op), min(op.most, _MOST_CLAIMED)))
        for number, _ in chosen:
            self._backend.lease(number, op.owner, op.lease)
        # No await between the lease and the answer: whoever is cancelled holds nothing.
        return tuple(_record(*row) for _, row in chosen)

    def _free(self, op: Claim) -> Iterator[tuple[int, _Row]]:
        """What the claim may be given, in the order of creation."""
        statuses = [_blob(one) for one in dict.fromkeys(op.statuses)]
        marks = ",".join("?" * len(statuses))
        rows = self._backend.db.execute(
            "select saga.n, id, status, version, rest, payload, owner, until from saga"
            f" left join lease using (n) where space = ? and status in ({marks})"
            " order by saga.n",
            (_blob(op.space), *statuses),
        )
        now, excluded = self._backend.now(), {_blob(one) for one in op.excluded}
        asked = None if op.saga_id is None else _blob(op.saga_id)
        for number, *row, owner, until in rows:
            free = until is None or until <= now or (asked is not None and owner == op.owner)
            if free and asked in (None, row[0]) and row[0] not in excluded:
                yield number, tuple(row)

    async def keep(self, op: Keep, /) -> bool:
        await self.arrive()
        now = self._backend.now()
        done = self._backend.db.execute(
            "update lease set until = ? where owner = ? and until > ?"
            " and n = (select n from saga where space = ? and id = ?)",
            (now + op.lease, op.owner, now, _blob(op.space), _blob(op.saga_id)),
        )
        await self.linger()
        return done.rowcount > 0


def _columns(state: SagaRecord) -> tuple[bytes, str, bytes]:
    rest = json.dumps([state.current_step, state.history])
    return _blob(state.status), rest, bytes(state.payload)


def _record(saga_id: bytes, status: bytes, version: int, rest: str, payload: Any) -> SagaRecord:
    step, history = json.loads(rest)
    told = tuple((name, state) for name, state in history)
    return SagaRecord(saga_id.decode(), status.decode(), step, told, bytes(payload), version)


def _int64(version: int) -> int:
    """The version, or one that no saga has where it is beyond what SQLite compares."""
    return version if -(1 << 63) <= version < 1 << 63 else -1


def _blob(text: str) -> bytes:
    return text.encode()
