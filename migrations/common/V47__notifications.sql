-- Notifications to users: the inbox, the channels by which a user is reached, and what is to be delivered.

CREATE TABLE notification_channels (
    id              uuid        PRIMARY KEY,
    user_id         uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind            text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 20),
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Encrypted: addresses, tokens and secrets.
    settings        bytea       NOT NULL,
    state           text        NOT NULL CHECK (state IN ('unverified', 'active', 'disabled')),
    -- Why it is disabled.
    reason          text,
    -- The hash of the code that its last test message had.
    code_hash       bytea,
    code_expires_at timestamptz,
    -- Wrong codes since that message.
    wrong_codes     integer     NOT NULL DEFAULT 0,
    -- Failures in a row, and the first of them.
    failures        integer     NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    last_success_at timestamptz,
    -- Nothing is sent before: its pace, what the receiver asked for, or the lease of who sends now.
    next_at         timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    UNIQUE (user_id, name)
);

CREATE TABLE notifications (
    id              uuid        PRIMARY KEY,
    -- The order in which they were written.
    number          bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    user_id         uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Type of event: `alert.fired`.
    kind            text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    severity        text        NOT NULL CHECK (severity IN ('info', 'normal', 'urgent')),
    title           text        NOT NULL,
    body            text        NOT NULL,
    -- A path of the server, or a URL.
    link            text,
    -- [{"name", "value"}]
    fields          jsonb       NOT NULL DEFAULT '[]',
    -- The rule it comes from.
    rule_id         uuid,
    -- What it is about: an event is written once.
    event_key       text        NOT NULL CHECK (length(event_key) BETWEEN 1 AND 300),
    created_at      timestamptz NOT NULL,
    read_at         timestamptz,
    acknowledged_at timestamptz,
    UNIQUE (user_id, event_key)
);
CREATE INDEX notifications_by_user ON notifications (user_id, number);
CREATE INDEX notifications_by_age ON notifications (created_at);

CREATE TABLE deliveries (
    notification_id uuid        NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    channel_id      uuid        NOT NULL REFERENCES notification_channels (id) ON DELETE CASCADE,
    state           text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts        integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    finished_at     timestamptz,
    -- Of the last attempt: the status of the answer, and the fault.
    last_status     smallint,
    last_error      text,
    PRIMARY KEY (notification_id, channel_id)
);
CREATE INDEX deliveries_due ON deliveries (channel_id, next_attempt_at) WHERE state = 'waiting';

GRANT SELECT, INSERT, UPDATE, DELETE ON notification_channels, notifications, deliveries TO coinsphere_app;
