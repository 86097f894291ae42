-- Quiet hours of channels, silence and escalation of alerts, and one acknowledgement for an event and its notification.

ALTER TABLE notification_channels
    -- Quiet from one time of day to another, by the clocks of a time zone: what is not urgent waits.
    ADD COLUMN quiet_from time,
    ADD COLUMN quiet_to   time,
    ADD COLUMN quiet_zone text,
    ADD CHECK ((quiet_from IS NULL) = (quiet_to IS NULL) AND (quiet_from IS NULL) = (quiet_zone IS NULL));

ALTER TABLE deliveries
    -- Sent only if nobody has acknowledged the notification by then.
    ADD COLUMN is_escalation boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT deliveries_state_check,
    ADD CONSTRAINT deliveries_state_check
        CHECK (state IN ('waiting', 'delivered', 'failed', 'cancelled'));

ALTER TABLE alerts
    -- Until then its events are recorded, and sent to no channel.
    ADD COLUMN silenced_until timestamptz,
    -- [{"after_minutes", "channels"}]: who hears of an event that nobody has acknowledged by then.
    ADD COLUMN escalation jsonb NOT NULL DEFAULT '[]';

-- By the clocks on the wall: a time that does not exist when they are put forward counts as the next that does.
CREATE FUNCTION is_quiet(at timestamptz, quiet_from time, quiet_to time, zone text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE WHEN quiet_from < quiet_to
        THEN (at AT TIME ZONE zone)::time >= quiet_from AND (at AT TIME ZONE zone)::time < quiet_to
        ELSE (at AT TIME ZONE zone)::time >= quiet_from OR (at AT TIME ZONE zone)::time < quiet_to
    END, false)
$$;

-- An event and its notification have the same id: who acknowledges one acknowledges both, and ends escalation.
CREATE FUNCTION share_acknowledgement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notifications SET acknowledged_at = NEW.acknowledged_at,
            read_at = coalesce(read_at, NEW.acknowledged_at)
        WHERE id = NEW.id AND acknowledged_at IS NULL;
    UPDATE alert_events SET acknowledged_at = NEW.acknowledged_at
        WHERE id = NEW.id AND acknowledged_at IS NULL;
    UPDATE deliveries SET state = 'cancelled', finished_at = NEW.acknowledged_at
        WHERE notification_id = NEW.id AND is_escalation AND state = 'waiting';
    RETURN NULL;
END
$$;
CREATE TRIGGER notification_acknowledged AFTER UPDATE OF acknowledged_at ON notifications
    FOR EACH ROW WHEN (OLD.acknowledged_at IS NULL AND NEW.acknowledged_at IS NOT NULL)
    EXECUTE FUNCTION share_acknowledgement();
CREATE TRIGGER event_acknowledged AFTER UPDATE OF acknowledged_at ON alert_events
    FOR EACH ROW WHEN (OLD.acknowledged_at IS NULL AND NEW.acknowledged_at IS NOT NULL)
    EXECUTE FUNCTION share_acknowledgement();
