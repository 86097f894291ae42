-- One-minute candles in a hypertable: compressed after a week, dropped after a year.
-- No foreign key to instruments: it would cost a look-up per candle, the numbers come from that
-- table within the same transaction, and no instrument is ever deleted.

CREATE TABLE price_data (
    instrument_id    integer     NOT NULL,
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
    -- Grows by one whenever the candle is replaced by a different one.
    revision         integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (instrument_id, open_time)
);

SELECT create_hypertable('price_data', by_range('open_time', INTERVAL '7 days'), create_default_indexes => false);

ALTER TABLE price_data SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'instrument_id',
    timescaledb.compress_orderby = 'open_time'
);
SELECT add_compression_policy('price_data', compress_after => INTERVAL '7 days');
SELECT add_retention_policy('price_data', drop_after => INTERVAL '1 year');

GRANT SELECT, INSERT, UPDATE ON price_data TO coinsphere_app;
