"""The table of the kv contract and its statements.

One row a key. A deleted key leaves a row without a value, which watches that come later are
told of and which transactions lock that have read its absence. ``xid`` is the transaction that
wrote the row: what is not visible in the snapshot that a watch saw last is new to it, whatever
the order of commits. Key order is that of bytes, which in UTF-8 is that of code points.
"""

from __future__ import annotations

from omnicloud_postgres.signals import TELL
from omnicloud_postgres.sweeping import SWEPT_AT_ONCE

__all__ = [
    "BURY",
    "CHANGES",
    "DELETE",
    "DELETE_MANY",
    "GET",
    "GET_MANY",
    "INCREMENT",
    "LOCK",
    "MAKE",
    "NEXT_END",
    "NOW",
    "SCAN",
    "SCHEMA",
    "SET",
    "SET_MANY",
    "SWEEP",
]

SCHEMA = (
    """CREATE SEQUENCE IF NOT EXISTS omnicloud.kv_version""",
    """CREATE TABLE IF NOT EXISTS omnicloud.kv (
    space text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    value bytea,
    version bigint NOT NULL,
    expires timestamptz,
    xid xid8 NOT NULL,
    changed timestamptz NOT NULL,
    PRIMARY KEY (space, key)
)""",
    """ALTER TABLE omnicloud.kv ALTER COLUMN value SET STORAGE EXTERNAL""",
    """CREATE INDEX IF NOT EXISTS kv_xid ON omnicloud.kv (space, xid)""",
    """CREATE INDEX IF NOT EXISTS kv_expires
ON omnicloud.kv (space, expires) WHERE expires IS NOT NULL""",
    """CREATE INDEX IF NOT EXISTS kv_gone ON omnicloud.kv (space, changed) WHERE value IS NULL""",
)

_LIVE = "(k.value IS NOT NULL AND (k.expires IS NULL OR k.expires > clock_timestamp()))"
_LEFT = "extract(epoch FROM k.expires - statement_timestamp())::float8"
_NEW = """version = nextval('omnicloud.kv_version'), xid = pg_current_xact_id(),
changed = clock_timestamp()"""
_OLD_XID = "'3'::xid8"  # visible in every snapshot: nothing to tell

_FOUND = "k.value IS NOT NULL AND (k.expires IS NULL OR k.expires > statement_timestamp())"

GET = f"""SELECT k.value, k.version, {_LEFT} FROM omnicloud.kv k
WHERE k.space = $1 AND k.key = $2 AND {_FOUND}"""  # noqa: S608 - constants

GET_MANY = f"""SELECT k.key, k.value, k.version, {_LEFT} FROM omnicloud.kv k
WHERE k.space = $1 AND k.key = ANY($2::bytea[]) AND {_FOUND}"""  # noqa: S608 - constants

_ENDS = "clock_timestamp() + {} * interval '1 s'"

_PUT = f"""INSERT INTO omnicloud.kv AS k (space, key, value, version, expires, xid, changed)
{{}} ON CONFLICT (space, key) DO UPDATE
SET value = excluded.value, expires = excluded.expires, {_NEW}"""

_TOLD = TELL.format("${}")

SET = (
    _PUT.format(
        f"VALUES ($1, $2, $3, nextval('omnicloud.kv_version'), {_ENDS.format('$4::float8')}, "
        "pg_current_xact_id(), clock_timestamp())"
    )
    + f" WHERE NOT $6 OR NOT {_LIVE} RETURNING version, "
    + _TOLD.format(5)
)
"""Space, key, value, seconds to live, bell, whether only where it is not live."""

_MANY = f"""SELECT $1, i.key, i.value, nextval('omnicloud.kv_version'),
{_ENDS.format("$4::float8")}, pg_current_xact_id(), clock_timestamp()
FROM unnest($2::bytea[], $3::bytea[]) AS i (key, value)"""  # noqa: S608 - constants
SET_MANY = f"{_PUT.format(_MANY)} RETURNING {_TOLD.format(5)}"
"""Space, keys in order, values, seconds to live, bell."""

MAKE = f"""UPDATE omnicloud.kv k SET value = $3, expires = {_ENDS.format("$4::float8")}, {_NEW}
WHERE k.space = $1 AND k.key = $2 AND k.version = $6 AND {_LIVE}
RETURNING version, {_TOLD.format(5)}"""  # noqa: S608 - constants
"""Space, key, value, seconds to live, bell, the version that it must have."""

DELETE = f"""UPDATE omnicloud.kv k SET value = NULL, expires = NULL, {_NEW}
WHERE k.space = $1 AND k.key = $2 AND {_LIVE} AND ($4::bigint IS NULL OR k.version = $4)
RETURNING {_TOLD.format(3)}"""  # noqa: S608 - constants
"""Space, key, bell, the version that it must have or null."""

# Rows of keys that are not there are made too: a batch that writes them at the same time then
# comes before or after this one as a whole.
DELETE_MANY = f"""INSERT INTO omnicloud.kv AS k (space, key, version, xid, changed)
SELECT $1, i, nextval('omnicloud.kv_version'), {_OLD_XID}, clock_timestamp()
FROM unnest($2::bytea[]) AS i ON CONFLICT (space, key) DO UPDATE
SET value = NULL, expires = NULL, {_NEW} WHERE {_LIVE} RETURNING {_TOLD.format(3)}"""  # noqa: S608 - constants
"""Space, keys in order, bell."""

LOCK = (
    f"""INSERT INTO omnicloud.kv (space, key, version, xid, changed)
SELECT $1, i, nextval('omnicloud.kv_version'), {_OLD_XID}, clock_timestamp()
FROM unnest($2::bytea[]) AS i ON CONFLICT (space, key) DO NOTHING""",  # noqa: S608 - constants
    """SELECT 1 FROM omnicloud.kv WHERE space = $1 AND key = ANY($2::bytea[])
ORDER BY key FOR UPDATE""",
)
"""Two statements that lock keys, also those that are not there, until the transaction ends."""

SCAN = f"""SELECT k.key FROM omnicloud.kv k WHERE k.space = $1 AND k.key >= $2
AND k.key > $3 AND k.key < $4 AND {_FOUND} ORDER BY k.key LIMIT $5"""  # noqa: S608 - constants

_TEXT = "encode(k.value, 'escape')"
_IN_64 = "BETWEEN -9223372036854775808 AND 9223372036854775807"
INCREMENT = f"""INSERT INTO omnicloud.kv AS k (space, key, value, version, xid, changed)
VALUES ($1, $2, convert_to($3::bigint::text, 'UTF8'), nextval('omnicloud.kv_version'),
    pg_current_xact_id(), clock_timestamp())
ON CONFLICT (space, key) DO UPDATE SET
value = CASE WHEN {_LIVE} THEN convert_to(({_TEXT}::numeric + $3)::text, 'UTF8')
    ELSE excluded.value END,
expires = CASE WHEN {_LIVE} THEN k.expires END, {_NEW}
WHERE NOT {_LIVE} OR CASE WHEN {_TEXT} ~ '^(0|-?[1-9][0-9]{{0,18}})$'
    THEN {_TEXT}::numeric {_IN_64} AND {_TEXT}::numeric + $3 {_IN_64} ELSE false END
RETURNING convert_from(k.value, 'UTF8')::bigint, {_TOLD.format(4)}"""  # noqa: S608 - constants
"""Space, key, what to add, bell."""

NOW = "SELECT pg_current_snapshot()::text"

CHANGES = """SELECT pg_current_snapshot()::text, c.key, c.version, c.gone,
pg_snapshot_xmax(coalesce($3::text, $2::text)::pg_snapshot)
    > pg_snapshot_xmax(pg_current_snapshot())
FROM (VALUES (1)) AS one
LEFT JOIN LATERAL (
    SELECT k.key, k.version, k.value IS NULL AS gone FROM omnicloud.kv k
    WHERE k.space = $1 AND k.xid >= pg_snapshot_xmin($2::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(k.xid, $2::text::pg_snapshot)
    AND ($3::text IS NULL OR pg_visible_in_snapshot(k.xid, $3::text::pg_snapshot))
    AND k.version > $4 ORDER BY k.version LIMIT $5
) AS c ON true ORDER BY c.version"""
"""Space, the snapshot seen last, the one to look up to or null, a version, how many.

The snapshot of this look, what was written between them by keys' versions, and whether what was
seen last is of transactions that this server has not begun: of a history that it lost.
"""

# The server looks up by an index what is compared with the moment of the statement, which stays;
# ``clock_timestamp()`` it would ask for each row. The order keeps it to that index, whatever its
# statistics say.
_EXPIRED = f"""SELECT e.space, e.key FROM omnicloud.kv e
WHERE e.space = $1 AND e.expires <= statement_timestamp()
ORDER BY e.expires LIMIT {SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED"""  # noqa: S608 - constants

BURY = f"""WITH ended AS ({_EXPIRED})
UPDATE omnicloud.kv k SET value = NULL, expires = NULL, {_NEW}
FROM ended WHERE k.space = ended.space AND k.key = ended.key RETURNING 1"""  # noqa: S608 - constants
"""Space. Make deletions of ends of lives, so that watches are told."""

NEXT_END = """SELECT extract(epoch FROM min(expires) - clock_timestamp())::float8
FROM omnicloud.kv WHERE space = $1 AND expires IS NOT NULL"""

SWEEP = f"""DELETE FROM omnicloud.kv k USING (
    SELECT g.space, g.key FROM omnicloud.kv g WHERE g.space = $1 AND g.value IS NULL
    AND g.changed < statement_timestamp() - $2 * interval '1 s'
    ORDER BY g.changed LIMIT {SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED
) AS old WHERE k.space = old.space AND k.key = old.key RETURNING 1"""  # noqa: S608 - constants
"""Space, seconds that deletions are remembered."""
