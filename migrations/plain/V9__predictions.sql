-- Forecasts and what came of them, in a partition a year that is made when its first forecast comes.
-- One row a series, horizon and candle: that which was served. No foreign key, as in price_data.

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
) PARTITION BY RANGE (open_time);

-- Whatever lies outside the time there have been crypto markets, so that every time can be stored.
CREATE TABLE predictions_early PARTITION OF predictions FOR VALUES FROM (MINVALUE) TO ('2009-01-01 00:00:00+00');
CREATE TABLE predictions_far PARTITION OF predictions FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);

-- Makes the partition that holds `at`, if it is missing. The application role may not create
-- tables; this it may.
CREATE FUNCTION ensure_prediction_partition(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    year timestamptz := date_trunc('year', at);
    name text := 'predictions_' || to_char(at, 'YYYY');
BEGIN
    IF at < '2009-01-01 00:00:00+00' OR at >= '2100-01-01 00:00:00+00' OR to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    -- One maker at a time, in this process or another.
    PERFORM pg_advisory_xact_lock(hashtext('coinsphere.ensure_prediction_partition'));
    -- Not to_regclass again: it may answer from before the lock.
    IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE predictions INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE predictions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, year, year + interval '1 year');
END $$;

-- Drops the partitions that end at or before `before`, though never one that ends within the last two
-- years, whatever the caller says. Answers how many.
CREATE FUNCTION drop_prediction_partitions(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    cutoff timestamptz := least(before, now() - interval '2 years');
    child text;
    dropped integer := 0;
BEGIN
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'predictions'::regclass AND c.relname ~ '^predictions_\d{4}$'
        ORDER BY c.relname
    LOOP
        IF to_date(right(child, 4), 'YYYY')::timestamptz + interval '1 year' <= cutoff THEN
            EXECUTE format('DROP TABLE %I', child);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION ensure_prediction_partition, drop_prediction_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_prediction_partition, drop_prediction_partitions TO coinsphere_app;
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
