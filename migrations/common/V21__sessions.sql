-- Who is signed in. The row is the truth about revocation, so it outlives the user.

CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        REFERENCES users (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- However often it is refreshed.
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    revoked_for  text,
    address      text,
    user_agent   text
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_revocation ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

-- Every refresh token of a session, by its hash; all of a session's are one family.
CREATE TABLE refresh_tokens (
    -- SHA-256.
    hash       bytea       PRIMARY KEY,
    session_id uuid        NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    rotated_at timestamptz
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

-- Every process hears of every revocation, whoever makes it.
CREATE FUNCTION announce_revoked_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('coinsphere_revoked_sessions', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER revoked_session AFTER UPDATE OF revoked_at ON sessions
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION announce_revoked_session();

GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, refresh_tokens TO coinsphere_app;
