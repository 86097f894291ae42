-- Alerts of users: their rules, what fired, and how far the log has been judged by them.

CREATE TABLE alerts (
    id              uuid        PRIMARY KEY,
    user_id         uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Condition, repeat, cooldown, hysteresis, hold, expiry.
    rule            jsonb       NOT NULL,
    channels        uuid[]      NOT NULL DEFAULT '{}',
    note            text        CHECK (length(note) <= 1000),
    severity        text        NOT NULL CHECK (severity IN ('info', 'normal', 'urgent')),
    -- Grows when the rule is another, or is armed again: part of the key of its events.
    revision        integer     NOT NULL DEFAULT 1,
    state           text        NOT NULL
                    CHECK (state IN ('armed', 'paused', 'fired', 'expired', 'blocked')),
    -- It is gone for its user; the evaluator removes the row once it no longer judges by it.
    is_deleted      boolean     NOT NULL DEFAULT false,
    -- Grows with each change that the evaluator has to take up, and what it has taken up.
    version         bigint      NOT NULL DEFAULT 1,
    applied_version bigint      NOT NULL DEFAULT 0,
    -- What the evaluator must know to go on.
    evaluator_state jsonb,
    -- When it was armed, and the newest price that was known then.
    armed_at        timestamptz,
    armed_price     numeric,
    fired_count     bigint      NOT NULL DEFAULT 0,
    last_fired_at   timestamptz,
    created_at      timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX alerts_by_user ON alerts (user_id, created_at, id);
CREATE INDEX alerts_to_apply ON alerts (id) WHERE applied_version < version;

CREATE TABLE alert_events (
    id              uuid        PRIMARY KEY,
    -- The order in which they were recorded: one evaluator writes them.
    sequence        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    alert_id        uuid        NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    user_id         uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Rule, revision and cause: the same however often the log is read.
    event_key       text        NOT NULL UNIQUE,
    revision        integer     NOT NULL,
    -- When it was recorded.
    fired_at        timestamptz NOT NULL,
    late            boolean     NOT NULL,
    -- The first trade after a stretch in which trades are missing.
    in_gap          boolean     NOT NULL,
    -- The trade, candle, gap or number that fired it.
    cause           jsonb       NOT NULL,
    -- The value of the rule's signal, and the price of the trade before.
    value           numeric,
    price_before    numeric,
    -- What was learned later.
    annotations     jsonb       NOT NULL DEFAULT '[]',
    acknowledged_at timestamptz
);
CREATE INDEX alert_events_by_alert ON alert_events (alert_id, sequence);
CREATE INDEX alert_events_by_user ON alert_events (user_id, sequence);

-- Records of a log below these offsets have been judged.
CREATE TABLE alert_offsets (
    -- Names the log's content: offsets of one log mean nothing in another.
    log_identity uuid        NOT NULL,
    partition    integer     NOT NULL,
    next_offset  bigint      NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_identity, partition)
) WITH (fillfactor = 50);

-- Of each instrument the last trade that was judged, and which trades have been.
CREATE TABLE alert_markets (
    venue      text           NOT NULL,
    symbol     text           NOT NULL,
    trade_id   numeric(20, 0) NOT NULL,
    -- Nanoseconds since 1970.
    trade_time bigint         NOT NULL,
    price      numeric        NOT NULL,
    quantity   numeric        NOT NULL,
    connection numeric(20, 0) NOT NULL,
    taken      jsonb          NOT NULL,
    PRIMARY KEY (venue, symbol)
) WITH (fillfactor = 50);

CREATE FUNCTION announce_alert_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('coinsphere_alerts', 'gone ' || OLD.id);
    ELSE
        PERFORM pg_notify('coinsphere_alerts', 'changed');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER alerts_added AFTER INSERT OR DELETE ON alerts
    FOR EACH ROW EXECUTE FUNCTION announce_alert_change();
CREATE TRIGGER alerts_changed AFTER UPDATE OF version ON alerts
    FOR EACH ROW WHEN (NEW.applied_version < NEW.version)
    EXECUTE FUNCTION announce_alert_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts, alert_events TO coinsphere_app;
GRANT SELECT, INSERT, UPDATE ON alert_offsets, alert_markets TO coinsphere_app;
