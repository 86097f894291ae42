-- Who may sign in.

CREATE TABLE users (
    id                  uuid        PRIMARY KEY,
    -- As it was typed, and in the form that is compared.
    email               text        NOT NULL,
    email_key           text        NOT NULL UNIQUE,
    email_verified_at   timestamptz,
    -- A PHC string (Argon2id), or bcrypt's form where it was imported and not yet upgraded; none
    -- where somebody else vouches for the user.
    password_hash       text,
    password_changed_at timestamptz NOT NULL,
    display_name        text,
    role                text        NOT NULL CHECK (role IN ('user', 'admin')),
    created_at          timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON users TO coinsphere_app;
