-- Who did what, when, from where, and what came of it. Rows are only ever added: each holds the hash
-- of the one before, so that a changed or missing one shows. What tells who somebody is stands apart,
-- behind random pseudonyms, and can be forgotten without breaking the chain.

CREATE TABLE audit_log (
    -- 1, 2, 3, … without holes.
    seq      bigint      PRIMARY KEY,
    at       timestamptz NOT NULL,
    event    text        NOT NULL CHECK (length(event) BETWEEN 1 AND 80),
    outcome  text        NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    -- Pseudonyms: who did it, and whose account it was done to.
    actor    uuid,
    target   uuid,
    -- The session, API key or other thing.
    subject  uuid,
    -- SHA-256 of a random salt and the client's address; both stand in audit_origins.
    origin   bytea,
    -- A JSON object as text: the hash is over these very characters. No secrets, nothing personal.
    detail   text        NOT NULL CHECK (length(detail) <= 4096),
    previous bytea       NOT NULL CHECK (length(previous) = 32),
    hash     bytea       NOT NULL CHECK (length(hash) = 32)
);

-- The chain's head, signed now and then with a key that is not in the database.
CREATE TABLE audit_signatures (
    seq       bigint      NOT NULL,
    hash      bytea       NOT NULL,
    at        timestamptz NOT NULL,
    key       text        NOT NULL,
    signature bytea       NOT NULL,
    PRIMARY KEY (seq, key)
);

-- Who is behind a pseudonym. A deleted account's row goes.
CREATE TABLE audit_people (
    pseudonym uuid PRIMARY KEY,
    user_id   uuid NOT NULL UNIQUE
);

-- Where an entry came from. A deleted account's rows go.
CREATE TABLE audit_origins (
    seq     bigint PRIMARY KEY REFERENCES audit_log (seq),
    salt    bytea  NOT NULL,
    address text   NOT NULL CHECK (length(address) <= 64)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END;
$$;

-- Also for the owner, whom grants do not bind.
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_signatures_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_signatures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON audit_log, audit_signatures TO coinsphere_app;
GRANT SELECT, INSERT, DELETE ON audit_people, audit_origins TO coinsphere_app;
