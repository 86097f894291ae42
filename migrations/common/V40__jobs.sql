-- Work that is done later, once, whatever happens to the process that does it.

CREATE TABLE jobs (
    id                uuid        PRIMARY KEY,
    -- Which code does it.
    kind              text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 80),
    arguments         jsonb       NOT NULL,
    -- The higher, the sooner.
    priority          smallint    NOT NULL DEFAULT 0,
    -- Of unfinished jobs of a kind, one at most has this key.
    deduplication_key text        CHECK (length(deduplication_key) <= 200),
    -- Who asked for it.
    user_id           uuid        REFERENCES users (id) ON DELETE SET NULL,
    created_at        timestamptz NOT NULL,
    -- Not before.
    run_at            timestamptz NOT NULL,
    attempts          integer     NOT NULL DEFAULT 0,
    max_attempts      integer     NOT NULL CHECK (max_attempts >= 1),
    -- Which worker has it, and until when if it does not say that it goes on.
    claim             uuid,
    lease_until       timestamptz,
    progress          text        CHECK (length(progress) <= 200),
    cancel_requested  boolean     NOT NULL DEFAULT false,
    finished_at       timestamptz,
    outcome           text        CHECK (outcome IN ('done', 'failed', 'cancelled')),
    last_error        text        CHECK (length(last_error) <= 2000),
    CHECK ((claim IS NULL) = (lease_until IS NULL)),
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX jobs_unfinished_once ON jobs (kind, deduplication_key) WHERE finished_at IS NULL;
CREATE INDEX jobs_waiting ON jobs (priority DESC, run_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_user ON jobs (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO coinsphere_app;
