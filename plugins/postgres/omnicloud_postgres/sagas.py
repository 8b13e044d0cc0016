"""The sagas contract on a server: one row a saga. Leases end by the server's clock."""

from __future__ import annotations

import json

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import SagaStateConflictError
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.pool import Row
from omnicloud_postgres.store import Store, store_of

__all__ = ["FEATURES", "PostgresSagas", "open_sagas"]

FEATURES: frozenset[Feature] = frozenset(SagaFeature)

_LIMITS = SagaLimits(name_max_bytes=1500, payload_max_bytes=16 << 20)
_INT64 = 1 << 63

# Step and history are JSON in bytes, because texts of the server hold no NUL.
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS omnicloud.saga (
    name text COLLATE "C" NOT NULL,
    space bytea NOT NULL,
    saga_id bytea NOT NULL,
    status bytea NOT NULL,
    about bytea NOT NULL,
    payload bytea NOT NULL,
    version bigint NOT NULL,
    owner bytea,
    leased timestamptz,
    written timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, space, saga_id)
)""",
    """CREATE INDEX IF NOT EXISTS saga_written ON omnicloud.saga
(name, space, md5(status), written)""",
)

_COLUMNS = "s.saga_id, s.status, s.about, s.payload, s.version"
_HERE = "s.name = $1 AND s.space = $2"
_CREATE = """INSERT INTO omnicloud.saga
(name, space, saga_id, status, about, payload, version, owner, leased)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, clock_timestamp() + $8::float8 * interval '1 s')
ON CONFLICT DO NOTHING RETURNING 1"""
_GET = f"SELECT {_COLUMNS} FROM omnicloud.saga s WHERE {_HERE} AND s.saga_id = $3"  # noqa: S608 - constants
_UPDATE = f"""UPDATE omnicloud.saga s SET status = $4, about = $5, payload = $6,
version = s.version + 1, written = clock_timestamp()
WHERE {_HERE} AND s.saga_id = $3 AND s.version = $7 RETURNING 1"""  # noqa: S608 - constants
_LIST = f"""SELECT {_COLUMNS} FROM omnicloud.saga s WHERE {_HERE} AND md5(s.status) = md5($3::bytea)
AND s.status = $3 AND s.saga_id > $4 ORDER BY s.saga_id LIMIT $5"""  # noqa: S608 - constants
_CLAIM = f"""WITH free AS MATERIALIZED (
    SELECT s.saga_id FROM omnicloud.saga s WHERE {_HERE} AND s.status = ANY($3::bytea[])
    AND md5(s.status) = ANY(SELECT md5(one) FROM unnest($3::bytea[]) AS one)
    AND (s.leased IS NULL OR s.leased <= clock_timestamp() OR s.owner = $4)
    AND ($5::bytea IS NULL OR s.saga_id = $5) AND s.saga_id <> ALL($6::bytea[])
    ORDER BY s.written LIMIT $7 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE omnicloud.saga s SET owner = $4,
    leased = clock_timestamp() + $8::float8 * interval '1 s'
    FROM free WHERE {_HERE} AND s.saga_id = free.saga_id RETURNING {_COLUMNS}, s.written
) SELECT * FROM taken ORDER BY written"""  # noqa: S608 - constants
_KEEP = f"""UPDATE omnicloud.saga s SET
leased = CASE WHEN $5::float8 > 0 THEN clock_timestamp() + $5::float8 * interval '1 s' END
WHERE {_HERE} AND s.saga_id = $3 AND s.owner = $4 AND s.leased > clock_timestamp()
RETURNING 1"""  # noqa: S608 - constants


class PostgresSagas:
    """A sagas driver over a :class:`Store`."""

    def __init__(self, store: Store, name: str, features: frozenset[Feature]) -> None:
        self._store = store
        self._name = name
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> SagaLimits:
        return _LIMITS

    async def create(self, op: Create, /) -> None:
        owner = None if op.owner is None else op.owner.encode()
        leased = None if op.owner is None else op.lease
        row = (*self._place(op.space, op.state.saga_id), *_changeable(op.state), owner, leased)
        if not await self._store.rows(_CREATE, *row):
            raise SagaStateConflictError("there is a saga of that id")

    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await self._store.rows(_GET, *self._place(op.space, op.saga_id))
        return _record(found[0]) if found else None

    async def update(self, op: Update, /) -> int:
        state = op.state
        version = state.version if -_INT64 <= state.version < _INT64 else 0
        row = (*self._place(op.space, state.saga_id), *_changeable(state), version)
        if not await self._store.rows(_UPDATE, *row):
            raise SagaStateConflictError(
                f"there is no saga of that id with version {state.version}",
                hint="get it again, and decide again",
            )
        return state.version + 1

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        after = b"" if op.after is None else op.after.encode()
        rows = await self._store.rows(
            _LIST, self._name, op.space.encode(), op.status.encode(), after, op.limit
        )
        return tuple(map(_record, rows))

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        rows = await self._store.rows(
            _CLAIM,
            self._name,
            op.space.encode(),
            [status.encode() for status in op.statuses],
            op.owner.encode(),
            None if op.saga_id is None else op.saga_id.encode(),
            [one.encode() for one in op.excluded],
            op.most,
            op.lease,
        )
        return tuple(_record(tuple(row)[:5]) for row in rows)

    async def keep(self, op: Keep, /) -> bool:
        where = self._place(op.space, op.saga_id)
        return bool(await self._store.rows(_KEEP, *where, op.owner.encode(), op.lease))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _place(self, space: str, saga_id: str) -> tuple[str, bytes, bytes]:
        return self._name, space.encode(), saga_id.encode()


def _changeable(state: SagaRecord) -> tuple[bytes, bytes, bytes]:
    about = json.dumps([state.current_step, state.history]).encode()
    return state.status.encode(), about, state.payload


def _record(row: Row) -> SagaRecord:
    saga_id, status, about, payload, version = row
    step, history = json.loads(about)
    entries = tuple((name, what) for name, what in history)
    return SagaRecord(saga_id.decode(), status.decode(), step, entries, payload, version)


async def open_sagas(config: PostgresConfig, opening: Opening) -> PostgresSagas:
    """A sagas driver on the configured database."""
    store = await store_of(config, opening)
    await store.define(_SCHEMA)
    durable = (await store.facts()).durable
    features = FEATURES if durable else FEATURES - {SagaFeature.DURABLE}
    return PostgresSagas(store, config.space_of(opening.service.name), features)
