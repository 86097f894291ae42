-- Mutations that were answered, so that one sent again is not done again. A key lives for a day.

CREATE TABLE idempotency_keys (
    -- Whose key it is: what authentication calls the caller.
    subject    text        NOT NULL CHECK (length(subject) <= 200),
    key        text        NOT NULL CHECK (length(key) <= 255),
    -- SHA-256 of method, path and body: another request with the same key is a mistake.
    request    bytea       NOT NULL,
    -- Null while the first request is being answered.
    status     smallint,
    headers    jsonb,
    body       bytea,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (subject, key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO coinsphere_app;
