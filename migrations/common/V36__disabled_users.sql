-- Admins disable accounts: nobody signs in to such a one, and its sessions and keys do not hold.

ALTER TABLE users ADD COLUMN disabled_at timestamptz;

-- Pages of users, the newest first.
CREATE INDEX users_by_creation ON users (created_at, id);
