-- Programs prove critical requests with a signature.

-- The Ed25519 public key (RFC 8032) that a key's requests are signed with.
ALTER TABLE api_keys ADD COLUMN public_key bytea CHECK (length(public_key) = 32);

-- Nonces that were used, so that a signed request is taken once, by whichever process, restarts
-- included. Kept until the request's time would be refused anyway.
CREATE TABLE signature_nonces (
    key_id     uuid        NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    -- SHA-256 of the nonce.
    hash       bytea       NOT NULL CHECK (length(hash) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, hash)
);
CREATE INDEX signature_nonces_by_expiry ON signature_nonces (expires_at);

GRANT SELECT, INSERT, DELETE ON signature_nonces TO coinsphere_app;
