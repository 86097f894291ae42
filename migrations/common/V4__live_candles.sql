-- The 1-minute candles that are still open, replaced at every commit.

CREATE TABLE live_candles (
    instrument_id    integer     NOT NULL REFERENCES instruments (id),
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
    PRIMARY KEY (instrument_id, open_time)
-- Room in each page for the next version of its rows: they change at every commit.
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON live_candles TO coinsphere_app;
