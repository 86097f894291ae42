-- Longer candles, each rebuilt from the 1-minute candles of its time when one of them changes (see
-- dirty_ranges). Kept for good: by the time the minutes are dropped, these are complete.

CREATE TABLE price_5m (
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
    -- Every minute that has trades is complete; readers also look at the gaps.
    complete         boolean     NOT NULL,
    -- The sum of the minutes' revisions.
    revision         bigint      NOT NULL,
    PRIMARY KEY (instrument_id, open_time)
);
CREATE TABLE price_15m (LIKE price_5m INCLUDING ALL);
CREATE TABLE price_1h (LIKE price_5m INCLUDING ALL);
CREATE TABLE price_4h (LIKE price_5m INCLUDING ALL);
CREATE TABLE price_1d (LIKE price_5m INCLUDING ALL);

GRANT SELECT, INSERT, UPDATE ON price_5m, price_15m, price_1h, price_4h, price_1d TO coinsphere_app;
