-- Second factors: a shared secret for time-based codes, and recovery codes.

CREATE TABLE totp_factors (
    user_id      uuid        PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- AES-256-GCM: the key's id (4 bytes), nonce (12), ciphertext with tag.
    secret       bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    -- Asked for at login from here on.
    confirmed_at timestamptz,
    -- The newest time step whose code was used: neither it nor an earlier one is taken again.
    last_step    bigint      NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
    -- SHA-256 of user id and code.
    hash    bytea       PRIMARY KEY,
    user_id uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at timestamptz
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON totp_factors, recovery_codes TO coinsphere_app;
