-- Forecasts and what came of them, in a hypertable: compressed once every outcome is long known,
-- dropped after two years. One row a series, horizon and candle: that which was served. No foreign
-- key, as in price_data.

CREATE TABLE predictions (
    instrument_id   integer          NOT NULL,
    interval        text             NOT NULL CHECK (interval IN ('1m', '5m', '15m', '1h', '4h', '1d')),
    -- How many candles ahead.
    horizon         integer          NOT NULL CHECK (horizon > 0),
    -- The candle it rests on.
    open_time       timestamptz      NOT NULL,
    -- When the outcome is known: the end of the candle that lies `horizon` ahead.
    target_time     timestamptz      NOT NULL CHECK (target_time > open_time),
    -- The version of the model, and which of its methods was the best at this horizon.
    model           text             NOT NULL,
    method          text             NOT NULL,
    -- The close of that candle.
    base_price      numeric          NOT NULL,
    -- As a logarithm.
    expected_return double precision NOT NULL,
    price           numeric          NOT NULL,
    -- Null while the model's intervals are not calibrated.
    low_50          numeric,
    high_50         numeric,
    low_80          numeric,
    high_80         numeric,
    low_95          numeric,
    high_95         numeric,
    -- A forecast that was made after its target time was not one: it is kept out of the track record.
    made_at         timestamptz      NOT NULL,
    -- Grows by one whenever it is replaced by a different one, which only happens while its outcome
    -- is not known: what was said stays said.
    revision        integer          NOT NULL DEFAULT 0,
    -- What came: null until then.
    actual_price    numeric,
    actual_return   double precision,
    realised_at     timestamptz,
    PRIMARY KEY (instrument_id, interval, horizon, open_time)
);

SELECT create_hypertable('predictions', by_range('open_time', INTERVAL '90 days'), create_default_indexes => false);

ALTER TABLE predictions SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'instrument_id, interval, horizon',
    timescaledb.compress_orderby = 'open_time'
);
SELECT add_compression_policy('predictions', compress_after => INTERVAL '90 days');
SELECT add_retention_policy('predictions', drop_after => INTERVAL '2 years');

GRANT SELECT, INSERT, UPDATE ON predictions TO coinsphere_app;

-- Where each model's inference stands, so that the next candle costs one step and a restart nothing:
-- per series the newest state, and a few older ones to go back to when a candle is corrected.
CREATE TABLE forecast_states (
    instrument_id integer     NOT NULL REFERENCES instruments (id),
    interval      text        NOT NULL,
    -- The version of the model whose state it is.
    model         text        NOT NULL,
    -- The last candle in it.
    open_time     timestamptz NOT NULL,
    -- The model's own.
    state         bytea       NOT NULL,
    -- Which content of the newest candles it rests on: digests.
    inputs        bytea       NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_id, interval, model, open_time)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON forecast_states TO coinsphere_app;
