-- Sign-ins by an identity provider that are under way, each for a few minutes and once: begun, until the
-- provider sends the browser back; then, where there is a second factor, until its code is given.

CREATE TABLE provider_sign_ins (
    -- SHA-256 of the browser's cookie.
    cookie_hash bytea       PRIMARY KEY,
    -- SHA-256 of the state that the provider hands back; only while begun.
    state_hash  bytea       UNIQUE,
    -- Who it is, by the provider's word; only while a code is waited for.
    user_id     uuid        REFERENCES users (id) ON DELETE CASCADE,
    -- The identity that is to be linked to the user once the code has come, if it is not yet.
    issuer      text,
    subject     text,
    -- The path of ours that the browser is to go to.
    return_to   text        NOT NULL CHECK (length(return_to) <= 500),
    expires_at  timestamptz NOT NULL,
    CHECK ((state_hash IS NULL) <> (user_id IS NULL)),
    CHECK ((issuer IS NULL) = (subject IS NULL) AND (issuer IS NULL OR user_id IS NOT NULL))
);
CREATE INDEX provider_sign_ins_by_end ON provider_sign_ins (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON provider_sign_ins TO coinsphere_app;
