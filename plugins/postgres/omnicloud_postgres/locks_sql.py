"""The table of locks and its functions: each request is one of them, in one step.

A name's holders and those who wait for it are rows, in the order of ``number``. Requests about
one name take turns by an advisory lock. A token is drawn from one sequence of the database
under that lock, so it is larger than all before it of the name, also after a crash. A replica
that takes over may have an older state of the sequence, so it is set to the clock, in
microseconds, where it is more than a second behind; it is never set back.
"""

from __future__ import annotations

from omnicloud_postgres.sweeping import SWEPT_AT_ONCE

__all__ = ["ACQUIRE", "RELEASE", "RENEW", "SCHEMA"]

_HERE = "p.space = in_space AND p.name = in_name"
_ARGUMENTS = "in_space text, in_name bytea, in_turn bigint, in_owner bytea"
_ENDS = "clock_timestamp() + {} * interval '1 s'"

_TURN_OF_TOKENS = 0x6F6D6E69746F6B65  # the advisory lock under which the sequence is set
_BEHIND = 1_000_000  # microseconds; more tokens than are drawn while one call sets the sequence
_SWEEP_EVERY = 256  # tokens

_DRAWING = f"""CREATE OR REPLACE FUNCTION omnicloud.lock_draw()
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint := nextval('omnicloud.lock_token');
    micros bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF micros - drawn > {_BEHIND} THEN
        PERFORM pg_advisory_xact_lock({_TURN_OF_TOKENS});
        drawn := nextval('omnicloud.lock_token');
        micros := extract(epoch FROM clock_timestamp()) * 1000000;
        IF micros - drawn > {_BEHIND} THEN
            drawn := setval('omnicloud.lock_token', micros / {_SWEEP_EVERY} * {_SWEEP_EVERY});
        END IF;
    END IF;
    RETURN drawn;
END $$"""

_ACQUIRING = f"""CREATE OR REPLACE FUNCTION omnicloud.lock_acquire(
    {_ARGUMENTS}, in_ttl float8, in_permits integer, in_queue float8
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    drawn bigint;
    at timestamptz;
    mine omnicloud.lock_place;
    free integer;
    ahead integer;
BEGIN
    PERFORM pg_advisory_xact_lock(in_turn);
    at := clock_timestamp();
    DELETE FROM omnicloud.lock_place p WHERE {_HERE} AND p.until <= at;
    SELECT p.* INTO mine FROM omnicloud.lock_place p WHERE {_HERE} AND p.owner = in_owner;
    IF mine.token IS NOT NULL THEN
        UPDATE omnicloud.lock_place p SET until = {_ENDS.format("in_ttl")}
        WHERE p.number = mine.number;
        RETURN mine.token;
    END IF;
    SELECT in_permits - count(*) FILTER (WHERE p.token IS NOT NULL),
        count(*) FILTER (WHERE p.token IS NULL
            AND (mine.number IS NULL OR p.number < mine.number))
    INTO free, ahead FROM omnicloud.lock_place p WHERE {_HERE};
    IF ahead < free THEN
        drawn := omnicloud.lock_draw();
        IF drawn % {_SWEEP_EVERY} = 0 THEN  -- now and then, forget names whose holders died
            DELETE FROM omnicloud.lock_place p WHERE p.number IN (
                SELECT o.number FROM omnicloud.lock_place o WHERE o.until <= at
                ORDER BY o.until LIMIT {SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED);
        END IF;
        IF mine.number IS NULL THEN
            INSERT INTO omnicloud.lock_place (space, name, owner, until, token)
            VALUES (in_space, in_name, in_owner, {_ENDS.format("in_ttl")}, drawn);
        ELSE
            UPDATE omnicloud.lock_place p SET token = drawn, until = {_ENDS.format("in_ttl")}
            WHERE p.number = mine.number;
        END IF;
    ELSIF in_queue IS NOT NULL AND mine.number IS NULL THEN
        INSERT INTO omnicloud.lock_place (space, name, owner, until)
        VALUES (in_space, in_name, in_owner, {_ENDS.format("in_queue")});
    ELSIF in_queue IS NOT NULL THEN
        UPDATE omnicloud.lock_place p SET until = {_ENDS.format("in_queue")}
        WHERE p.number = mine.number;
    END IF;
    RETURN drawn;
END $$"""  # noqa: S608 - constants

_RENEWING = f"""CREATE OR REPLACE FUNCTION omnicloud.lock_renew({_ARGUMENTS}, in_ttl float8)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(in_turn);
    UPDATE omnicloud.lock_place p SET until = {_ENDS.format("in_ttl")}
    WHERE {_HERE} AND p.owner = in_owner AND p.token IS NOT NULL
    AND p.until > clock_timestamp();
    RETURN FOUND;
END $$"""  # noqa: S608 - constants

_RELEASING = f"""CREATE OR REPLACE FUNCTION omnicloud.lock_release({_ARGUMENTS})
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(in_turn);
    DELETE FROM omnicloud.lock_place p WHERE {_HERE}
    AND (p.owner = in_owner OR p.until <= clock_timestamp());
END $$"""  # noqa: S608 - constants

SCHEMA = (
    "CREATE SEQUENCE IF NOT EXISTS omnicloud.lock_token",
    """CREATE TABLE IF NOT EXISTS omnicloud.lock_place (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space text COLLATE "C" NOT NULL,
    name bytea NOT NULL,
    owner bytea NOT NULL,
    until timestamptz NOT NULL,
    token bigint,
    UNIQUE (space, name, owner)
)""",
    "CREATE INDEX IF NOT EXISTS lock_place_until ON omnicloud.lock_place (until)",
    _DRAWING,
    _ACQUIRING,
    _RENEWING,
    _RELEASING,
)

ACQUIRE = "SELECT omnicloud.lock_acquire($1, $2, $3, $4, $5, $6, $7)"
"""Space, name, turn, owner, seconds, permits, seconds in the line or null."""
RENEW = "SELECT omnicloud.lock_renew($1, $2, $3, $4, $5)"
"""Space, name, turn, owner, seconds."""
RELEASE = "SELECT omnicloud.lock_release($1, $2, $3, $4)"
"""Space, name, turn, owner."""
