-- Imported candles: at coarser intervals, or from before the 1-minute retention. Continuous
-- aggregates cannot be inserted into. Readers take the union, candles built here first.

CREATE TABLE price_history (
    instrument_id    integer REFERENCES instruments (id),
    asset_id         text REFERENCES assets (id),
    interval         text        NOT NULL CHECK (interval IN ('1m', '5m', '15m', '1h', '4h', '1d')),
    open_time        timestamptz NOT NULL,
    open             numeric     NOT NULL,
    high             numeric     NOT NULL,
    low              numeric     NOT NULL,
    close            numeric     NOT NULL,
    volume           numeric     NOT NULL,
    quote_volume     numeric     NOT NULL,
    taker_buy_volume numeric     NOT NULL,
    trades           bigint      NOT NULL,
    complete         boolean     NOT NULL,
    revision         integer     NOT NULL DEFAULT 0,
    source           text        NOT NULL,
    CHECK (num_nonnulls(instrument_id, asset_id) = 1),
    UNIQUE NULLS NOT DISTINCT (instrument_id, asset_id, interval, open_time)
);

GRANT SELECT, INSERT, UPDATE ON price_history TO coinsphere_app;
