-- Failed attempts to sign in, for delays that grow: by account and address, so that nobody can lock
-- out somebody else. Accounts that do not exist are counted alike.

CREATE TABLE login_failures (
    -- SHA-256 of the address for mail as it is compared.
    account    bytea       NOT NULL,
    -- The client's address; for second factors `second factor`, because only who knows the password
    -- gets that far.
    origin     text        NOT NULL,
    failures   integer     NOT NULL,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (account, origin)
);
CREATE INDEX login_failures_by_time ON login_failures (last_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON login_failures TO coinsphere_app;
