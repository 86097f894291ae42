-- Instruments that an administrator added while the program runs: they are followed beside those of
-- the configuration.

ALTER TABLE instruments ADD COLUMN added_at timestamptz;
COMMENT ON COLUMN instruments.added_at IS 'when an administrator added it; null: nobody did';
CREATE INDEX instruments_added ON instruments (id) WHERE added_at IS NOT NULL;
