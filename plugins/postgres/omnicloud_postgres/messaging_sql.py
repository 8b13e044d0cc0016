"""The statements of messaging: calls of its functions, and what needs none."""

from __future__ import annotations

from omnicloud_postgres.signals import TELL
from omnicloud_postgres.sweeping import SWEPT_AT_ONCE

__all__ = [
    "CANCEL",
    "DEAD",
    "EXTEND",
    "LEND",
    "MEASURE",
    "NACK",
    "NEXT",
    "PUBLISH",
    "REDRIVE",
    "REPLAY",
    "SETTLE",
    "SUBSCRIBE",
    "SWEEP",
    "TICK",
]

# The first three of each are space, topic, and the topic's lock, which is its bell as well.
TICK = "SELECT omnicloud.message_tick($1, $2, $3, $4)"
PUBLISH = "SELECT omnicloud.message_publish($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
SUBSCRIBE = "SELECT omnicloud.message_subscribe($1, $2, $3, $4)"
LEND = "SELECT * FROM omnicloud.message_lend($1, $2, $3, $4, $5, $6, $7, $8)"
SETTLE = "SELECT omnicloud.message_settle($1, $2, $3, $4, $5, $6, $7)"
REDRIVE = "SELECT omnicloud.message_redrive($1, $2, $3, $4, $5)"
REPLAY = "SELECT omnicloud.message_replay($1, $2, $3, $4, $5)"

_GROUP = """(SELECT number FROM omnicloud.message_group
    WHERE space = $1 AND topic = $2 AND name = $4)"""

NACK = f"""UPDATE omnicloud.message_entry e SET receipt = NULL,
state = CASE WHEN $7::float8 > 0 THEN 2 ELSE 0 END,
until = CASE WHEN $7::float8 > 0 THEN clock_timestamp() + $7::float8 * interval '1 s' END,
attempt = e.attempt - CASE WHEN $8 THEN 0 ELSE 1 END
WHERE e.grp = {_GROUP} AND e.number = $5 AND e.receipt = $6 AND e.state = 1
AND e.until > clock_timestamp() RETURNING {TELL.format("$3")}"""  # noqa: S608 - constants
"""Group, number, receipt, seconds, whether it counts."""

EXTEND = f"""UPDATE omnicloud.message_entry e
SET until = clock_timestamp() + $7::float8 * interval '1 s'
WHERE $3::bigint IS NOT NULL AND e.grp = {_GROUP} AND e.number = ANY($5::bigint[])
AND e.receipt = ANY($6::text[]) AND e.state = 1 AND e.until > clock_timestamp()
RETURNING e.receipt"""  # noqa: S608 - constants
"""Group, numbers, receipts, seconds."""

DEAD = """SELECT m.id, m.payload, m.key, m.headers, extract(epoch FROM m.published)::float8,
g.name, d.reason, d.attempts, extract(epoch FROM d.died)::float8, d.number
FROM omnicloud.message_dead d JOIN omnicloud.message m ON m.number = d.message
JOIN omnicloud.message_group g ON g.number = d.grp
WHERE g.space = $1 AND g.topic = $2 AND ($3::bytea IS NULL OR g.name = $3) AND d.number > $4
ORDER BY d.number LIMIT $5"""
"""Space, topic, group or null, after, how many."""

CANCEL = """WITH gone AS (
    DELETE FROM omnicloud.message_scheduled WHERE space = $1 AND topic = $2 AND id = $3
    AND due > clock_timestamp() RETURNING id
), known AS (
    DELETE FROM omnicloud.message_id WHERE space = $1 AND topic = $2
    AND id IN (SELECT id FROM gone)
) SELECT 1 FROM gone"""
"""Space, topic, id."""

NEXT = f"""SELECT extract(epoch FROM least(
    (SELECT min(e.until) FROM omnicloud.message_entry e WHERE e.grp = {_GROUP} AND e.head
        AND e.state > 0),
    (SELECT min(s.due) FROM omnicloud.message_scheduled s
        WHERE s.space = $1 AND s.topic = $2)) - clock_timestamp())::float8
WHERE $3::bigint IS NOT NULL"""  # noqa: S608 - constants
"""Group. Seconds until something may be lent, null where nothing is to come."""

MEASURE = f"""SELECT count(*),
count(*) FILTER (WHERE e.state = 1 AND e.until > clock_timestamp()),
count(*) FILTER (WHERE e.state = 2 AND e.until > clock_timestamp()),
(SELECT count(*) FROM omnicloud.message_scheduled s
    WHERE s.space = $1 AND s.topic = $2 AND s.due > clock_timestamp()),
(SELECT count(*) FROM omnicloud.message_dead d WHERE d.grp = {_GROUP})
FROM omnicloud.message_entry e WHERE $3::bigint IS NOT NULL AND e.grp = {_GROUP}"""  # noqa: S608 - constants
"""Group. All, lent, waiting, scheduled, dead."""

SWEEP = (
    f"""DELETE FROM omnicloud.message WHERE number IN (
    SELECT m.number FROM omnicloud.message m WHERE m.kept <= statement_timestamp()
    AND NOT EXISTS (SELECT 1 FROM omnicloud.message_entry e WHERE e.number = m.number)
    AND NOT EXISTS (SELECT 1 FROM omnicloud.message_dead d WHERE d.message = m.number)
    ORDER BY m.kept LIMIT {SWEPT_AT_ONCE} FOR UPDATE OF m SKIP LOCKED) RETURNING 1""",  # noqa: S608 - constants
    f"""DELETE FROM omnicloud.message_id i USING (
    SELECT o.space, o.topic, o.id FROM omnicloud.message_id o
    WHERE o.until <= statement_timestamp()
    ORDER BY o.until LIMIT {SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED
) AS old WHERE i.space = old.space AND i.topic = old.topic AND i.id = old.id RETURNING 1""",  # noqa: S608 - constants
)
"""Forget some messages and ids that are old."""
