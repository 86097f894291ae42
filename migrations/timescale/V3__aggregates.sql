-- Longer candles, each level from the one below. They are kept for good: no retention policy.
-- Created WITH NO DATA because migrations run in transactions and a refresh must not.
-- materialized_only = false: otherwise the newest hours would be missing from every answer.

CREATE MATERIALIZED VIEW price_5m
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT instrument_id,
       time_bucket(INTERVAL '5 minutes', open_time) AS open_time,
       first(open, open_time) AS open,
       max(high) AS high,
       min(low) AS low,
       last(close, open_time) AS close,
       sum(volume) AS volume,
       sum(quote_volume) AS quote_volume,
       sum(taker_buy_volume) AS taker_buy_volume,
       sum(trades)::bigint AS trades,
       bool_and(complete) AS complete,
       sum(revision)::bigint AS revision
FROM price_data
GROUP BY instrument_id, time_bucket(INTERVAL '5 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW price_15m
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT instrument_id,
       time_bucket(INTERVAL '15 minutes', open_time) AS open_time,
       first(open, open_time) AS open,
       max(high) AS high,
       min(low) AS low,
       last(close, open_time) AS close,
       sum(volume) AS volume,
       sum(quote_volume) AS quote_volume,
       sum(taker_buy_volume) AS taker_buy_volume,
       sum(trades)::bigint AS trades,
       bool_and(complete) AS complete,
       sum(revision)::bigint AS revision
FROM price_5m
GROUP BY instrument_id, time_bucket(INTERVAL '15 minutes', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW price_1h
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT instrument_id,
       time_bucket(INTERVAL '1 hour', open_time) AS open_time,
       first(open, open_time) AS open,
       max(high) AS high,
       min(low) AS low,
       last(close, open_time) AS close,
       sum(volume) AS volume,
       sum(quote_volume) AS quote_volume,
       sum(taker_buy_volume) AS taker_buy_volume,
       sum(trades)::bigint AS trades,
       bool_and(complete) AS complete,
       sum(revision)::bigint AS revision
FROM price_15m
GROUP BY instrument_id, time_bucket(INTERVAL '1 hour', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW price_4h
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT instrument_id,
       time_bucket(INTERVAL '4 hours', open_time) AS open_time,
       first(open, open_time) AS open,
       max(high) AS high,
       min(low) AS low,
       last(close, open_time) AS close,
       sum(volume) AS volume,
       sum(quote_volume) AS quote_volume,
       sum(taker_buy_volume) AS taker_buy_volume,
       sum(trades)::bigint AS trades,
       bool_and(complete) AS complete,
       sum(revision)::bigint AS revision
FROM price_1h
GROUP BY instrument_id, time_bucket(INTERVAL '4 hours', open_time)
WITH NO DATA;

CREATE MATERIALIZED VIEW price_1d
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT instrument_id,
       time_bucket(INTERVAL '1 day', open_time) AS open_time,
       first(open, open_time) AS open,
       max(high) AS high,
       min(low) AS low,
       last(close, open_time) AS close,
       sum(volume) AS volume,
       sum(quote_volume) AS quote_volume,
       sum(taker_buy_volume) AS taker_buy_volume,
       sum(trades)::bigint AS trades,
       bool_and(complete) AS complete,
       sum(revision)::bigint AS revision
FROM price_4h
GROUP BY instrument_id, time_bucket(INTERVAL '1 day', open_time)
WITH NO DATA;

-- A refresh over dropped chunks would delete history, so each window (30 days) is far shorter than
-- the retention (1 year). What changes before the window is refreshed by the program, exactly its
-- range at each level (see dirty_ranges; the program knows these offsets). One batch a run: the default of ten buckets, 50 minutes at
-- the lowest level, spends its time on transactions.
SELECT add_continuous_aggregate_policy('price_5m', start_offset => INTERVAL '30 days', end_offset => INTERVAL '15 minutes', schedule_interval => INTERVAL '5 minutes', buckets_per_batch => 0);
SELECT add_continuous_aggregate_policy('price_15m', start_offset => INTERVAL '30 days', end_offset => INTERVAL '30 minutes', schedule_interval => INTERVAL '15 minutes', buckets_per_batch => 0);
SELECT add_continuous_aggregate_policy('price_1h', start_offset => INTERVAL '30 days', end_offset => INTERVAL '2 hours', schedule_interval => INTERVAL '30 minutes', buckets_per_batch => 0);
SELECT add_continuous_aggregate_policy('price_4h', start_offset => INTERVAL '30 days', end_offset => INTERVAL '8 hours', schedule_interval => INTERVAL '1 hour', buckets_per_batch => 0);
SELECT add_continuous_aggregate_policy('price_1d', start_offset => INTERVAL '30 days', end_offset => INTERVAL '2 days', schedule_interval => INTERVAL '6 hours', buckets_per_batch => 0);

GRANT SELECT ON price_5m, price_15m, price_1h, price_4h, price_1d TO coinsphere_app;
