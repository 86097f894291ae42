-- Who may register where registration is not open, and how the first admin does.

CREATE TABLE invitations (
    -- SHA-256 of the invitation's token.
    hash       bytea       PRIMARY KEY,
    id         uuid        NOT NULL UNIQUE,
    -- Only this address may use it, as it is compared.
    email_key  text,
    role       text        NOT NULL CHECK (role IN ('user', 'admin')),
    -- The token that a server without an admin prints when it starts.
    is_setup   boolean     NOT NULL DEFAULT false,
    created_by uuid        REFERENCES users (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

GRANT SELECT, INSERT, UPDATE, DELETE ON invitations TO coinsphere_app;
