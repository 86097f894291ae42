-- How far the log is reflected in the tables above, and what must be known to go on. Written in
-- the same transaction as the candles.

CREATE TABLE log_offsets (
    -- Names the log's content: offsets of one log mean nothing in another.
    log_identity uuid        NOT NULL,
    partition    integer     NOT NULL,
    next_offset  bigint      NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_identity, partition)
);

CREATE TABLE instrument_state (
    instrument_id integer PRIMARY KEY REFERENCES instruments (id),
    last_trade_id numeric(20, 0),
    -- The candle builder's own.
    state         bytea       NOT NULL,
    -- Every minute before this is closed.
    closed_until  timestamptz,
    updated_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Where longer candles are not up to date: a range an instrument and day (UTC).
CREATE TABLE dirty_ranges (
    instrument_id integer     NOT NULL REFERENCES instruments (id),
    day           date        NOT NULL,
    from_time     timestamptz NOT NULL,
    to_time       timestamptz NOT NULL,
    -- Tells whether the range has grown since it was read.
    stamp         bigint      NOT NULL,
    PRIMARY KEY (instrument_id, day)
) WITH (fillfactor = 50);
CREATE SEQUENCE dirty_range_stamps;

GRANT SELECT, INSERT, UPDATE ON log_offsets, instrument_state TO coinsphere_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON dirty_ranges TO coinsphere_app;
GRANT USAGE ON SEQUENCE dirty_range_stamps TO coinsphere_app;
