-- The newest candles of a series are found by walking an index backwards. PostgreSQL does that when
-- every column before the time is compared with a value: `asset_id IS NULL` is no such comparison, and
-- the whole series was sorted. So each kind of owner has an index of its own.

CREATE UNIQUE INDEX price_history_of_instrument ON price_history (instrument_id, interval, open_time)
    WHERE instrument_id IS NOT NULL;
CREATE UNIQUE INDEX price_history_of_asset ON price_history (asset_id, interval, open_time)
    WHERE asset_id IS NOT NULL;
ALTER TABLE price_history DROP CONSTRAINT price_history_instrument_id_asset_id_interval_open_time_key;
