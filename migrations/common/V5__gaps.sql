-- Stretches of time in which trades of an instrument are or may be missing.

CREATE TABLE gaps (
    instrument_id    integer     NOT NULL REFERENCES instruments (id),
    reason           text        NOT NULL,
    from_time        timestamptz NOT NULL,
    -- Null while it lasts.
    to_time          timestamptz,
    -- The missing trade ids, where the venue numbers its trades: unsigned 64-bit, hence numeric.
    first_missing_id numeric(20, 0),
    last_missing_id  numeric(20, 0),
    detected_at      timestamptz NOT NULL,
    -- Such a gap touches no candle any more.
    filled_at        timestamptz,
    UNIQUE NULLS NOT DISTINCT (instrument_id, reason, from_time, first_missing_id)
);
CREATE INDEX gaps_unfilled ON gaps (instrument_id, from_time) WHERE filled_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON gaps TO coinsphere_app;
