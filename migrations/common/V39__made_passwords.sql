-- A password that was made for a user holds for a day: until then they set one of their own.

ALTER TABLE users ADD COLUMN password_expires_at timestamptz;
COMMENT ON COLUMN users.password_expires_at IS 'when the password that was made for the user stops to hold; null: it is their own';
