-- Sessions of browsers: a cookie stands for them instead of tokens, for a day. They are rows like all
-- others, ended and announced alike.

ALTER TABLE sessions
    -- SHA-256 of the cookie; none for sessions of programs.
    ADD COLUMN cookie_hash     bytea,
    -- CSRF tokens are signed over it: one more, and all that were given before are stale.
    ADD COLUMN csrf_generation integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL;
