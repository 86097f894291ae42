-- Candles that a venue or a file gave for times in which nobody listened, and what is proven by them.

-- Who built the candle, where it was not this program from trades.
ALTER TABLE price_data ADD COLUMN source text;

-- Stretches of time of which a source has given every candle that there is. Written with the candles.
CREATE TABLE history_spans (
    instrument_id integer     NOT NULL REFERENCES instruments (id),
    interval      text        NOT NULL CHECK (interval IN ('1m', '5m', '15m', '1h', '4h', '1d')),
    source        text        NOT NULL CHECK (length(source) BETWEEN 1 AND 80),
    from_time     timestamptz NOT NULL,
    -- Exclusive.
    to_time       timestamptz NOT NULL,
    proven_at     timestamptz NOT NULL,
    PRIMARY KEY (instrument_id, interval, source, from_time),
    CHECK (from_time < to_time)
);

-- How often filling a gap was tried in vain, why it failed last, and when it is tried next.
ALTER TABLE gaps ADD COLUMN attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ADD COLUMN next_attempt_at timestamptz,
    ADD COLUMN last_error text CHECK (length(last_error) <= 500);

GRANT SELECT, INSERT, UPDATE, DELETE ON history_spans TO coinsphere_app;
