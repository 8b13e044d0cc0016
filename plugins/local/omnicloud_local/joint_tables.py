"""The tables of kv and outbox, which share transactions with each other and with documents."""

__all__ = ["KV", "OUTBOX"]

KV = """
CREATE TABLE IF NOT EXISTS kv (
    version INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB,
    expires REAL,
    UNIQUE (space, key)
);
CREATE INDEX IF NOT EXISTS kv_expires ON kv (expires) WHERE expires IS NOT NULL;
CREATE INDEX IF NOT EXISTS kv_gone ON kv (version) WHERE value IS NULL
"""

# Open events are few; processed ones pile up until they are purged: hence the partial indices.
OUTBOX = """
CREATE TABLE IF NOT EXISTS ox_event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    space TEXT NOT NULL,
    event_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    message_key TEXT,
    aggregate TEXT,
    sequence INTEGER,
    saved REAL NOT NULL,
    status INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    claimed REAL NOT NULL DEFAULT 0,
    ready REAL NOT NULL DEFAULT 0,
    processed REAL,
    UNIQUE (name, space, event_id)
);
CREATE INDEX IF NOT EXISTS ox_open ON ox_event (name, space, number) WHERE status < 2;
CREATE INDEX IF NOT EXISTS ox_lane ON ox_event (name, space, aggregate, sequence) WHERE status < 2;
CREATE INDEX IF NOT EXISTS ox_busy ON ox_event (name, space, aggregate)
    WHERE status < 2 AND (claimed > 0 OR ready > 0 OR status = 1);
CREATE INDEX IF NOT EXISTS ox_done ON ox_event (name, space, processed) WHERE status = 2;
CREATE TABLE IF NOT EXISTS ox_number (
    name TEXT NOT NULL,
    space TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (name, space, aggregate)
) WITHOUT ROWID
"""
