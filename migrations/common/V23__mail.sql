-- Mail that is to be sent, and the links that were sent. The outbox holds what to say and to whom,
-- not the letter: links are made when it is sent, so that no secret waits in a table, and asking for
-- a letter takes as long whether there is such a user or not.

CREATE TABLE outbox (
    id              uuid        PRIMARY KEY,
    kind            text        NOT NULL,
    recipient       text        NOT NULL,
    user_id         uuid        REFERENCES users (id) ON DELETE CASCADE,
    -- What the letter says beyond its kind; never a secret.
    facts           jsonb       NOT NULL,
    created_at      timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error      text,
    sent_at         timestamptz,
    -- Given up, or nobody to write to: `last_error` says why.
    dropped_at      timestamptz
);
CREATE INDEX outbox_waiting ON outbox (next_attempt_at) WHERE sent_at IS NULL AND dropped_at IS NULL;

CREATE TABLE mail_links (
    -- SHA-256 of the link's token.
    hash       bytea       PRIMARY KEY,
    purpose    text        NOT NULL CHECK (purpose IN ('verify_email', 'reset_password', 'change_email')),
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The address it was sent to.
    email      text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX mail_links_by_user ON mail_links (user_id, purpose);

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, mail_links TO coinsphere_app;
