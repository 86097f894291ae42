-- Where and with what a user has signed in, so that a letter tells of what is new.

CREATE TABLE known_clients (
    user_id uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    text        NOT NULL CHECK (kind IN ('address', 'user_agent')),
    value   text        NOT NULL CHECK (length(value) <= 200),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, kind, value)
);
CREATE INDEX known_clients_by_time ON known_clients (last_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON known_clients TO coinsphere_app;
