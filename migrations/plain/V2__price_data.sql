-- One-minute candles, in a partition a month that is made when the first candle of the month comes.
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
) PARTITION BY RANGE (open_time);

-- Whatever lies outside the time there have been crypto markets, so that every time can be stored.
CREATE TABLE price_data_early PARTITION OF price_data FOR VALUES FROM (MINVALUE) TO ('2009-01-01 00:00:00+00');
CREATE TABLE price_data_far PARTITION OF price_data FOR VALUES FROM ('2100-01-01 00:00:00+00') TO (MAXVALUE);

-- Since when there is which partition: what is old is not dropped while it is new to us, or a replayed
-- recording of another year would be gone at once.
CREATE TABLE price_partitions (
    name    text        PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- Makes the partition that holds `at`, if it is missing. The application role may not create
-- tables; this it may.
CREATE FUNCTION ensure_price_partition(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month timestamptz := date_trunc('month', at);
    name text := 'price_data_' || to_char(at, 'YYYY_MM');
BEGIN
    IF at < '2009-01-01 00:00:00+00' OR at >= '2100-01-01 00:00:00+00' OR to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    -- One maker at a time, in this process or another.
    PERFORM pg_advisory_xact_lock(hashtext('coinsphere.ensure_price_partition'));
    -- Not to_regclass again: it may answer from before the lock.
    IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    -- Made on its own and then attached: readers of the other partitions are not held up.
    EXECUTE format('CREATE TABLE %I (LIKE price_data INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE price_data ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, month, month + interval '1 month');
    INSERT INTO price_partitions VALUES (name, now())
        ON CONFLICT ON CONSTRAINT price_partitions_pkey DO UPDATE SET made_at = excluded.made_at;
END $$;

-- Drops the partitions that end at or before `before` and were made before it, though never one that
-- holds anything of the last year or was made in it, whatever the caller says. Answers how many.
CREATE FUNCTION drop_price_partitions(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    cutoff timestamptz := least(before, now() - interval '1 year');
    child text;
    dropped integer := 0;
BEGIN
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'price_data'::regclass AND c.relname ~ '^price_data_\d{4}_\d{2}$'
        ORDER BY c.relname
    LOOP
        IF to_date(right(child, 7), 'YYYY_MM')::timestamptz + interval '1 month' <= cutoff
            AND NOT EXISTS (SELECT FROM price_partitions p WHERE p.name = child AND p.made_at > cutoff) THEN
            EXECUTE format('DROP TABLE %I', child);
            DELETE FROM price_partitions p WHERE p.name = child;
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION ensure_price_partition, drop_price_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_price_partition, drop_price_partitions TO coinsphere_app;
GRANT SELECT, INSERT, UPDATE ON price_data TO coinsphere_app;
