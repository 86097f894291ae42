-- Who a user is at an identity provider (OpenID Connect): issuer and subject, which never change,
-- unlike addresses.

CREATE TABLE user_identities (
    issuer       text        NOT NULL CHECK (length(issuer) <= 500),
    subject      text        NOT NULL CHECK (length(subject) <= 255),
    user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_by_user ON user_identities (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON user_identities TO coinsphere_app;
