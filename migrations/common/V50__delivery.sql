-- Delivery of notifications: who sends by a channel, how much it may send, and who is woken.

ALTER TABLE notification_channels
    -- Until then the process that took it has it to itself.
    ADD COLUMN leased_until timestamptz,
    -- SHA-256 of where it sends to: channels with the same recipient share their pace.
    ADD COLUMN recipient bytea,
    -- Urgent messages have a pace and a budget of their own.
    ADD COLUMN urgent_next_at timestamptz NOT NULL DEFAULT now(),
    -- Each message moves this on by its share of the budget; far ahead of now, the budget is used up.
    ADD COLUMN budget_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN urgent_budget_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX notification_channels_by_recipient ON notification_channels (recipient);

ALTER TABLE deliveries
    ADD COLUMN is_urgent boolean NOT NULL DEFAULT false,
    DROP COLUMN last_status;

CREATE FUNCTION announce_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added) THEN
        PERFORM pg_notify('coinsphere_deliveries', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION announce_deliveries();
