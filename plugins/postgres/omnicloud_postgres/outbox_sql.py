"""The tables of the outbox and its statements.

Numbers of an aggregate's events are drawn under a lock of the aggregate's row, which is held
until the transaction ends: an event that is rolled back uses up none, and none is seen before
the one before it. Open events are few and processed ones many, hence the partial indexes.
"""

from __future__ import annotations

from omnicloud_postgres.signals import TELL

__all__ = [
    "AGGREGATES",
    "CLAIM",
    "FAIL",
    "FREE_AT",
    "KEEP",
    "LAG",
    "LIST",
    "MARK",
    "PURGE",
    "REQUEUE",
    "SAVE",
    "SCHEMA",
]

_TABLES = (
    """CREATE TABLE IF NOT EXISTS omnicloud.outbox_event (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    space bytea NOT NULL,
    event_id bytea NOT NULL,
    topic bytea NOT NULL,
    payload bytea NOT NULL,
    message_key bytea,
    aggregate bytea,
    sequence bigint,
    saved timestamptz NOT NULL DEFAULT clock_timestamp(),
    status smallint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    owner bytea,
    claimed timestamptz,
    ready timestamptz,
    processed timestamptz,
    UNIQUE (name, space, event_id)
)""",
    """CREATE INDEX IF NOT EXISTS outbox_open ON omnicloud.outbox_event (name, space, number)
WHERE status < 2""",
    """CREATE INDEX IF NOT EXISTS outbox_lane
ON omnicloud.outbox_event (name, space, aggregate, number)""",
    """CREATE INDEX IF NOT EXISTS outbox_busy ON omnicloud.outbox_event (name, space, aggregate)
WHERE status < 2 AND (claimed IS NOT NULL OR ready IS NOT NULL OR status = 1)""",
    """CREATE INDEX IF NOT EXISTS outbox_done ON omnicloud.outbox_event (name, space, processed)
WHERE status = 2""",
    """CREATE TABLE IF NOT EXISTS omnicloud.outbox_number (
    name text COLLATE "C" NOT NULL,
    space bytea NOT NULL,
    aggregate bytea NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (name, space, aggregate)
)""",
)

_SAVING = f"""CREATE OR REPLACE FUNCTION omnicloud.outbox_save(
    in_name text, in_space bytea, in_id bytea, in_topic bytea, in_payload bytea,
    in_key bytea, in_aggregate bytea, in_bell bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint;
BEGIN
    IF EXISTS (SELECT 1 FROM omnicloud.outbox_event e
        WHERE e.name = in_name AND e.space = in_space AND e.event_id = in_id) THEN
        RETURN;
    END IF;
    IF in_aggregate IS NOT NULL THEN
        INSERT INTO omnicloud.outbox_number AS n VALUES (in_name, in_space, in_aggregate, 1)
        ON CONFLICT (name, space, aggregate) DO UPDATE SET last = n.last + 1
        RETURNING last INTO drawn;
    END IF;
    INSERT INTO omnicloud.outbox_event
        (name, space, event_id, topic, payload, message_key, aggregate, sequence)
    VALUES (in_name, in_space, in_id, in_topic, in_payload, in_key, in_aggregate, drawn)
    ON CONFLICT (name, space, event_id) DO NOTHING;
    IF NOT FOUND AND drawn IS NOT NULL THEN
        -- The same event was saved meanwhile: it has its number already.
        UPDATE omnicloud.outbox_number n SET last = n.last - 1
        WHERE n.name = in_name AND n.space = in_space AND n.aggregate = in_aggregate;
    END IF;
    PERFORM {TELL.format("in_bell")};
END $$"""  # noqa: S608 - constants

_OPEN = "e.name = in_name AND e.space = in_space AND e.status < 2"
_BUSY = "(e.claimed IS NOT NULL OR e.ready IS NOT NULL OR e.status = 1)"
_FIELDS = """e.event_id, e.topic, e.payload, e.message_key, e.aggregate, e.sequence,
    e.status, e.attempts, extract(epoch FROM e.saved)::float8"""

# Claims of one space take turns: which events of an aggregate are free depends on the others.
_CLAIMING = f"""CREATE OR REPLACE FUNCTION omnicloud.outbox_claim(
    in_name text, in_space bytea, in_owner bytea, in_most integer, in_lease float8,
    in_bell bigint
) RETURNS TABLE (event_id bytea, topic bytea, payload bytea, message_key bytea, aggregate bytea,
    sequence bigint, status smallint, attempts integer, saved float8, number bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(in_bell);
    at := clock_timestamp();
    RETURN QUERY WITH busy AS (
        SELECT e.aggregate, bool_or(e.status = 1 OR coalesce(e.claimed > at, false)) AS held,
            min(e.sequence) FILTER (WHERE e.ready > at) AS waiting
        FROM omnicloud.outbox_event e
        WHERE {_OPEN} AND {_BUSY} AND e.aggregate IS NOT NULL GROUP BY e.aggregate
    ), free AS MATERIALIZED (
        SELECT e.number FROM omnicloud.outbox_event e
        WHERE {_OPEN} AND e.status = 0
        AND (e.claimed IS NULL OR e.claimed <= at) AND (e.ready IS NULL OR e.ready <= at)
        AND (e.aggregate IS NULL OR NOT EXISTS (SELECT 1 FROM busy b
            WHERE b.aggregate = e.aggregate AND (b.held OR b.waiting <= e.sequence)))
        ORDER BY e.number LIMIT in_most FOR UPDATE OF e
    ), taken AS (
        UPDATE omnicloud.outbox_event e
        SET owner = in_owner, claimed = at + in_lease * interval '1 s'
        FROM free f WHERE e.number = f.number AND e.status = 0
        RETURNING {_FIELDS} AS saved, e.number
    ) SELECT * FROM taken t ORDER BY t.number;
END $$"""  # noqa: S608 - constants

SCHEMA = (*_TABLES, _SAVING, _CLAIMING)

SAVE = "SELECT omnicloud.outbox_save($1, $2, $3, $4, $5, $6, $7, $8)"
CLAIM = "SELECT * FROM omnicloud.outbox_claim($1, $2, $3, $4, $5, $6)"
"""Name, space, owner, how many, seconds, bell."""

_HERE = "e.name = $1 AND e.space = $2"

LIST = f"""SELECT {_FIELDS} FROM omnicloud.outbox_event e
WHERE {_HERE} AND e.status = $3 AND {{}} AND e.number > coalesce((
    SELECT number FROM omnicloud.outbox_event
    WHERE name = $1 AND space = $2 AND event_id = $4), 0)
ORDER BY e.number LIMIT $5"""  # noqa: S608 - constants

AGGREGATES = f"""SELECT DISTINCT e.aggregate FROM omnicloud.outbox_event e
WHERE {_HERE} AND e.status < 2 AND e.status = 0
AND e.aggregate > coalesce($3, ''::bytea) ORDER BY e.aggregate LIMIT $4"""  # noqa: S608 - constants

_THESE = f"""WITH these AS MATERIALIZED (SELECT e.number FROM omnicloud.outbox_event e
WHERE {_HERE} AND e.event_id = ANY($3::bytea[]) ORDER BY e.number FOR UPDATE)
UPDATE omnicloud.outbox_event e SET {{}} FROM these WHERE e.number = these.number AND {{}}
RETURNING {{}}"""  # noqa: S608 - constants
_HELD = "e.status = 0 AND e.owner = $5 AND e.claimed > clock_timestamp()"

MARK = _THESE.format(
    "status = 2, processed = clock_timestamp(), claimed = NULL, ready = NULL",
    "e.status < 2",
    TELL.format("$4"),
)
"""Name, space, ids, bell."""

KEEP = _THESE.format(
    "claimed = CASE WHEN $6::float8 > 0 THEN clock_timestamp() + $6::float8 * interval '1 s' END",
    _HELD,
    TELL.format("$4"),
)
"""Name, space, ids, bell, owner, seconds."""

FAIL = _THESE.format(
    "status = $7, attempts = e.attempts + 1, claimed = NULL, "
    "ready = clock_timestamp() + $6::float8 * interval '1 s'",
    _HELD,
    TELL.format("$4"),
)
"""Name, space, ids, bell, owner, seconds, status."""

REQUEUE = _THESE.format(
    "status = 0, attempts = 0, claimed = NULL, ready = NULL", "e.status = 1", TELL.format("$4")
)
"""Name, space, ids, bell."""

LAG = f"""SELECT count(*) FILTER (WHERE e.status = 0), count(*) FILTER (WHERE e.status = 1),
extract(epoch FROM clock_timestamp() - min(e.saved) FILTER (WHERE e.status = 0))::float8
FROM omnicloud.outbox_event e WHERE {_HERE} AND e.status < 2"""  # noqa: S608 - constants

FREE_AT = f"""SELECT extract(epoch FROM min(least(
    CASE WHEN e.claimed > clock_timestamp() THEN e.claimed END,
    CASE WHEN e.ready > clock_timestamp() THEN e.ready END)) - clock_timestamp())::float8
FROM omnicloud.outbox_event e WHERE {_HERE} AND e.status < 2 AND {_BUSY}"""  # noqa: S608 - constants

PURGE = f"""WITH old AS (SELECT e.number FROM omnicloud.outbox_event e WHERE {_HERE}
    AND e.status = 2 AND e.processed <= statement_timestamp() - $3::float8 * interval '1 s'
    ORDER BY e.processed LIMIT $4 FOR UPDATE SKIP LOCKED)
DELETE FROM omnicloud.outbox_event e USING old WHERE e.number = old.number RETURNING 1"""  # noqa: S608 - constants
