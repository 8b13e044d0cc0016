"""The tables of messaging, and the functions that change them, each in one step.

A message is stored once. A group has an *entry* for each message that it has not settled.
``head`` marks the entries that may be lent: all without a key, and of each key the first.

Consumers take entries with SKIP LOCKED and wait for nobody. What changes heads takes turns by
advisory locks: publishing and settling take a shared one of the topic, then one of each key,
in the order of their numbers; what touches many keys of a group takes the topic's for itself.
So the numbers of a key grow in the order of commits, and no head is lost.
"""

from __future__ import annotations

from omnicloud_postgres.signals import TELL

__all__ = ["SCHEMA"]

_TABLES = (
    """CREATE TABLE IF NOT EXISTS omnicloud.message (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    topic bytea NOT NULL,
    id bytea NOT NULL,
    key bytea,
    headers bytea NOT NULL,
    payload bytea NOT NULL,
    published timestamptz NOT NULL,
    kept timestamptz NOT NULL
)""",
    """CREATE INDEX IF NOT EXISTS message_topic ON omnicloud.message (space, topic, number)""",
    """CREATE INDEX IF NOT EXISTS message_kept ON omnicloud.message (kept)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.message_id (
    space text COLLATE "C" NOT NULL,
    topic bytea NOT NULL,
    id bytea NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (space, topic, id)
)""",
    """CREATE INDEX IF NOT EXISTS message_id_until ON omnicloud.message_id (until)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.message_group (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    topic bytea NOT NULL,
    name bytea NOT NULL,
    UNIQUE (space, topic, name)
)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.message_entry (
    grp bigint NOT NULL,
    number bigint NOT NULL,
    key bytea,
    head boolean NOT NULL,
    state smallint NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    receipt text,
    until timestamptz,
    PRIMARY KEY (grp, number)
)""",
    """CREATE INDEX IF NOT EXISTS message_entry_head ON omnicloud.message_entry (grp, number)
WHERE head""",
    """CREATE INDEX IF NOT EXISTS message_entry_lane ON omnicloud.message_entry (grp, key, number)
WHERE key IS NOT NULL""",
    """CREATE INDEX IF NOT EXISTS message_entry_number ON omnicloud.message_entry (number)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.message_dead (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    grp bigint NOT NULL,
    message bigint NOT NULL,
    reason bytea NOT NULL,
    attempts integer NOT NULL,
    died timestamptz NOT NULL DEFAULT clock_timestamp()
)""",
    """CREATE INDEX IF NOT EXISTS message_dead_grp ON omnicloud.message_dead (grp, number)""",
    """CREATE INDEX IF NOT EXISTS message_dead_message ON omnicloud.message_dead (message)""",
    """CREATE TABLE IF NOT EXISTS omnicloud.message_scheduled (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    topic bytea NOT NULL,
    due timestamptz NOT NULL,
    id bytea NOT NULL,
    key bytea,
    headers bytea NOT NULL,
    payload bytea NOT NULL,
    published timestamptz NOT NULL
)""",
    """CREATE INDEX IF NOT EXISTS message_scheduled_due
ON omnicloud.message_scheduled (space, topic, due)""",
)

_PLACE = "in_space text, in_topic bytea, in_lock bigint"
_HERE = "{0}.space = in_space AND {0}.topic = in_topic"
_TOLD = f"PERFORM {TELL.format('in_lock')}"
_LANE = "hashtextextended(encode({0}, 'hex'), in_lock)"
_LANES = f"""PERFORM pg_advisory_xact_lock(lane) FROM (
        SELECT DISTINCT {_LANE} AS lane {{1}} ORDER BY lane
    ) AS lanes"""
_TICK_AT_ONCE = 256  # each may need an advisory lock
_GROUPS = f"SELECT g.number FROM omnicloud.message_group g WHERE {_HERE.format('g')}"  # noqa: S608 - constants

# What was added enters each of some groups, as a head where it is the first of its key.
_ENTER = """INSERT INTO omnicloud.message_entry (grp, number, key, head)
    SELECT g.number, a.number, a.key, a.key IS NULL OR (
        row_number() OVER (PARTITION BY g.number, a.key ORDER BY a.number) = 1
        AND NOT EXISTS (SELECT 1 FROM omnicloud.message_entry e
            WHERE e.grp = g.number AND e.key = a.key))
    FROM added a CROSS JOIN ({}) AS g"""

# Moves the first of what is due, no more than the server's table of locks has room for; who finds
# more due asks again.
_TICK = f"""CREATE OR REPLACE FUNCTION omnicloud.message_tick({_PLACE}, in_kept float8)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
    chosen bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(in_lock);
    PERFORM pg_advisory_xact_lock(in_lock # 1);
    at := clock_timestamp();
    chosen := ARRAY(SELECT s.number FROM omnicloud.message_scheduled s
        WHERE {_HERE.format("s")} AND s.due <= at ORDER BY s.due, s.number LIMIT {_TICK_AT_ONCE});
    {
    _LANES.format(
        "s.key",
        "FROM omnicloud.message_scheduled s WHERE s.number = ANY(chosen) AND s.key IS NOT NULL",
    )
};
    WITH due AS (
        DELETE FROM omnicloud.message_scheduled s WHERE s.number = ANY(chosen) RETURNING s.*
    ), added AS (
        INSERT INTO omnicloud.message (space, topic, id, key, headers, payload, published, kept)
        SELECT d.space, d.topic, d.id, d.key, d.headers, d.payload, d.published,
            at + in_kept * interval '1 s' FROM due d ORDER BY d.due, d.number
        RETURNING number, key
    ) {_ENTER.format(_GROUPS)};
    {_TOLD};
END $$"""  # noqa: S608 - constants

# Found by the index, whatever statistics say: it has the bound, and the order.
_IS_DUE = f"""(SELECT s.due FROM omnicloud.message_scheduled s
        WHERE {_HERE.format("s")} AND s.due <= at ORDER BY s.due LIMIT 1) IS NOT NULL"""  # noqa: S608 - constants

# Answers false, and does nothing, where something is due that comes before. One message after the
# other: the plans of such small statements are kept, those over arrays are made at each call. Ids
# are taken in their own order (``in_order`` has the places), so that no two calls wait for each
# other.
_PUBLISH = f"""CREATE OR REPLACE FUNCTION omnicloud.message_publish(
    {_PLACE}, in_ids bytea[], in_order integer[], in_keys bytea[], in_headers bytea[],
    in_payloads bytea[], in_delay float8, in_kept float8, in_dedupe boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
    old boolean[];
    n integer;
    made bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(in_lock);
    at := clock_timestamp();
    IF in_delay IS NULL AND {_IS_DUE} THEN
        RETURN false;
    END IF;
    IF in_delay IS NULL AND array_remove(in_keys, NULL) <> ARRAY[]::bytea[] THEN
        IF cardinality(in_keys) = 1 THEN
            PERFORM pg_advisory_xact_lock({_LANE.format("in_keys[1]")});
        ELSE
            {_LANES.format("k", "FROM unnest(in_keys) AS k WHERE k IS NOT NULL")};
        END IF;
    END IF;
    at := clock_timestamp();
    IF in_dedupe THEN
        FOREACH n IN ARRAY in_order LOOP
            INSERT INTO omnicloud.message_id AS m VALUES (in_space, in_topic, in_ids[n],
                at + (coalesce(in_delay, 0) + in_kept) * interval '1 s')
            ON CONFLICT (space, topic, id) DO UPDATE SET until = excluded.until
            WHERE m.until <= at;
            old[n] := NOT FOUND;
        END LOOP;
    END IF;
    FOR n IN 1 .. cardinality(in_ids) LOOP
        CONTINUE WHEN old[n];
        IF in_delay IS NOT NULL THEN
            INSERT INTO omnicloud.message_scheduled
                (space, topic, due, id, key, headers, payload, published)
            VALUES (in_space, in_topic, at + in_delay * interval '1 s',
                in_ids[n], in_keys[n], in_headers[n], in_payloads[n], at);
        ELSE
            INSERT INTO omnicloud.message
                (space, topic, id, key, headers, payload, published, kept)
            VALUES (in_space, in_topic, in_ids[n], in_keys[n], in_headers[n], in_payloads[n],
                at, at + in_kept * interval '1 s') RETURNING number INTO made;
            INSERT INTO omnicloud.message_entry (grp, number, key, head)
            SELECT g.number, made, in_keys[n], in_keys[n] IS NULL OR NOT EXISTS (
                SELECT 1 FROM omnicloud.message_entry e
                WHERE e.grp = g.number AND e.key = in_keys[n])
            FROM ({_GROUPS}) AS g;
        END IF;
    END LOOP;
    {_TOLD};
    RETURN true;
END $$"""  # noqa: S608 - constants

_SUBSCRIBE = f"""CREATE OR REPLACE FUNCTION omnicloud.message_subscribe(
    {_PLACE}, in_group bytea
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found_group bigint;
BEGIN
    {_GROUPS} AND g.name = in_group INTO found_group;
    IF found_group IS NOT NULL THEN
        RETURN found_group;
    END IF;
    PERFORM pg_advisory_xact_lock(in_lock);
    INSERT INTO omnicloud.message_group (space, topic, name)
    VALUES (in_space, in_topic, in_group) ON CONFLICT DO NOTHING RETURNING number
    INTO found_group;
    IF found_group IS NULL THEN
        {_GROUPS} AND g.name = in_group INTO found_group;
        RETURN found_group;
    END IF;
    WITH added AS (
        SELECT m.number, m.key FROM omnicloud.message m
        WHERE {_HERE.format("m")} AND m.kept > clock_timestamp()
    ) {_ENTER.format("SELECT found_group AS number")};
    RETURN found_group;
END $$"""  # noqa: S608 - constants

# One row without an id where there is no such group. Statistics say little of a table that grows
# and shrinks by the second: where they say it is small, the whole backlog would be read and sorted
# for each call. So the index that has the order is the only way.
_LEND = f"""CREATE OR REPLACE FUNCTION omnicloud.message_lend(
    {_PLACE}, in_group bytea, in_most integer, in_lease float8, in_token text, in_kept float8
) RETURNS TABLE (id bytea, payload bytea, key bytea, headers bytea, published float8,
    attempt integer, receipt text)
LANGUAGE plpgsql SET enable_bitmapscan = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    from_group bigint;
    at timestamptz;
BEGIN
    {_GROUPS} AND g.name = in_group INTO from_group;
    IF from_group IS NULL THEN
        id := NULL;
        RETURN NEXT;
        RETURN;
    END IF;
    at := clock_timestamp();
    IF {_IS_DUE} THEN
        PERFORM omnicloud.message_tick(in_space, in_topic, in_lock, in_kept);
    END IF;
    at := clock_timestamp();
    RETURN QUERY WITH free AS MATERIALIZED (
        SELECT e.number FROM omnicloud.message_entry e
        WHERE e.grp = from_group AND e.head AND (e.state = 0 OR e.until <= at)
        ORDER BY e.number LIMIT in_most FOR UPDATE SKIP LOCKED
    ), lent AS (
        UPDATE omnicloud.message_entry e SET state = 1, attempt = e.attempt + 1,
            until = at + in_lease * interval '1 s', receipt = in_token || '-' || e.number
        FROM free f WHERE e.grp = from_group AND e.number = f.number
        RETURNING e.number, e.attempt, e.receipt
    ) SELECT m.id, m.payload, m.key, m.headers, extract(epoch FROM m.published)::float8,
        l.attempt, l.receipt
    FROM lent l JOIN omnicloud.message m ON m.number = l.number ORDER BY l.number;
END $$"""  # noqa: S608 - constants

# Forget an entry, as handled, or as dead where there is a reason; the next of its key is head.
_SETTLE = f"""CREATE OR REPLACE FUNCTION omnicloud.message_settle(
    {_PLACE}, in_group bytea, in_number bigint, in_receipt text, in_reason bytea
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    from_group bigint;
    lane bytea;
    made integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(in_lock);
    {_GROUPS} AND g.name = in_group INTO from_group;
    SELECT e.key INTO lane FROM omnicloud.message_entry e
    WHERE e.grp = from_group AND e.number = in_number AND e.receipt = in_receipt;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF lane IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock({_LANE.format("lane")});
    END IF;
    DELETE FROM omnicloud.message_entry e WHERE e.grp = from_group AND e.number = in_number
    AND e.receipt = in_receipt AND e.state = 1 AND e.until > clock_timestamp()
    RETURNING e.attempt INTO made;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF lane IS NOT NULL THEN
        UPDATE omnicloud.message_entry e SET head = true
        WHERE e.grp = from_group AND e.number = (
            SELECT n.number FROM omnicloud.message_entry n
            WHERE n.grp = from_group AND n.key = lane ORDER BY n.number LIMIT 1);
        {_TOLD};
    END IF;
    IF in_reason IS NOT NULL THEN
        INSERT INTO omnicloud.message_dead (grp, message, reason, attempts)
        VALUES (from_group, in_number, in_reason, made);
    END IF;
    RETURN true;
END $$"""  # noqa: S608 - constants

_REDRIVE = f"""CREATE OR REPLACE FUNCTION omnicloud.message_redrive(
    {_PLACE}, in_group bytea, in_ids bytea[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    to_group bigint;
    moved bigint := 0;
    count_here bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(in_lock);
    FOR to_group IN {_GROUPS} AND (in_group IS NULL OR g.name = in_group) ORDER BY 1 LOOP
        WITH chosen AS (
            DELETE FROM omnicloud.message_dead d USING omnicloud.message m
            WHERE d.grp = to_group AND m.number = d.message
            AND (cardinality(in_ids) = 0 OR m.id = ANY(in_ids))
            RETURNING d.number AS place, m.*
        ), added AS (
            INSERT INTO omnicloud.message
                (space, topic, id, key, headers, payload, published, kept)
            SELECT c.space, c.topic, c.id, c.key, c.headers, c.payload, c.published, '-infinity'
            FROM chosen c ORDER BY c.place RETURNING number, key
        ) {_ENTER.format("SELECT to_group AS number")};
        GET DIAGNOSTICS count_here = ROW_COUNT;
        moved := moved + count_here;
    END LOOP;
    {_TOLD};
    RETURN moved;
END $$"""  # noqa: S608 - constants

_REPLAY = f"""CREATE OR REPLACE FUNCTION omnicloud.message_replay(
    {_PLACE}, in_group bytea, in_since float8
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    to_group bigint;
    moved bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(in_lock);
    to_group := omnicloud.message_subscribe(in_space, in_topic, in_lock, in_group);
    PERFORM 1 FROM omnicloud.message_entry e WHERE e.grp = to_group FOR UPDATE;
    INSERT INTO omnicloud.message_entry (grp, number, key, head)
    SELECT to_group, m.number, m.key, m.key IS NULL FROM omnicloud.message m
    WHERE {_HERE.format("m")} AND m.kept > clock_timestamp()
    AND m.published >= to_timestamp(in_since) AND NOT EXISTS (
        SELECT 1 FROM omnicloud.message_entry e
        WHERE e.grp = to_group AND e.number = m.number);
    GET DIAGNOSTICS moved = ROW_COUNT;
    -- The first of a key is its head, unless the one that is now is at work.
    UPDATE omnicloud.message_entry e SET head = (e.number = right_head.number) FROM (
        SELECT l.key, min(l.number) AS number FROM omnicloud.message_entry l
        WHERE l.grp = to_group AND l.key IS NOT NULL GROUP BY l.key
        HAVING NOT bool_or(l.state > 0 AND l.until > clock_timestamp())
    ) AS right_head WHERE e.grp = to_group AND e.key = right_head.key
    AND e.head <> (e.number = right_head.number);
    {_TOLD};
    RETURN moved;
END $$"""  # noqa: S608 - constants

SCHEMA = (*_TABLES, _TICK, _PUBLISH, _SUBSCRIBE, _LEND, _SETTLE, _REDRIVE, _REPLAY)
