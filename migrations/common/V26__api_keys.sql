-- Keys for programs.

CREATE TABLE api_keys (
    id             uuid        PRIMARY KEY,
    user_id        uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name           text        NOT NULL,
    scopes         text[]      NOT NULL,
    -- SHA-256 of the secret part.
    hash           bytea       NOT NULL,
    -- The secret before the last rotation, and how long it still holds.
    previous_hash  bytea,
    previous_until timestamptz,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz,
    last_used_at   timestamptz,
    revoked_at     timestamptz,
    UNIQUE (user_id, name)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO coinsphere_app;
