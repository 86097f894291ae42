-- Portfolios of users: their accounts and transactions, what was imported, and links to show them by.

CREATE TABLE portfolios (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- An IANA name: it decides which day a time belongs to.
    time_zone    text        NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
    -- What values, costs and prices of transactions are in.
    currency     text        NOT NULL CHECK (length(currency) BETWEEN 1 AND 256),
    method       text        NOT NULL
                 CHECK (method IN ('fifo', 'lifo', 'hifo', 'average', 'uk', 'specific')),
    scope        text        NOT NULL CHECK (scope IN ('portfolio', 'account')),
    fees_in_kind text        NOT NULL CHECK (fees_in_kind IN ('dispose', 'at_cost')),
    -- Grows with every change of what is computed from.
    version      bigint      NOT NULL DEFAULT 1,
    -- The number of the next transaction.
    next_number  bigint      NOT NULL DEFAULT 1,
    -- How many transactions it has.
    transactions bigint      NOT NULL DEFAULT 0 CHECK (transactions >= 0),
    created_at   timestamptz NOT NULL,
    UNIQUE (user_id, name)
);

CREATE TABLE portfolio_imports (
    id           uuid        PRIMARY KEY,
    portfolio_id uuid        NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    -- Who imported.
    user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    -- Of each file its name, format, size and SHA-256.
    files        jsonb       NOT NULL,
    added        bigint      NOT NULL,
    duplicates   bigint      NOT NULL
);
CREATE INDEX portfolio_imports_by_portfolio ON portfolio_imports (portfolio_id, created_at);
CREATE INDEX portfolio_imports_by_user ON portfolio_imports (user_id);

CREATE TABLE portfolio_accounts (
    id           uuid        PRIMARY KEY,
    portfolio_id uuid        NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    -- The import that brought it: when that is undone, it goes too unless something else uses it.
    import_id    uuid        REFERENCES portfolio_imports (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL,
    UNIQUE (portfolio_id, name)
);
CREATE INDEX portfolio_accounts_by_import ON portfolio_accounts (import_id) WHERE import_id IS NOT NULL;

-- Names by which files know an account that was renamed.
CREATE TABLE portfolio_account_aliases (
    portfolio_id uuid NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    account_id   uuid NOT NULL REFERENCES portfolio_accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (portfolio_id, name)
);
CREATE INDEX portfolio_account_aliases_by_account ON portfolio_account_aliases (account_id);

CREATE TABLE portfolio_transactions (
    portfolio_id  uuid   NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    -- In the order in which they were added, which is the order of those of one instant.
    number        bigint NOT NULL,
    -- The id in files.
    external_id   text   NOT NULL CHECK (length(external_id) BETWEEN 1 AND 256),
    -- Nanoseconds since 1970.
    at_nanos      bigint NOT NULL,
    kind          text   NOT NULL,
    account_id    uuid   NOT NULL REFERENCES portfolio_accounts (id),
    to_account_id uuid   REFERENCES portfolio_accounts (id),
    assets        text[] NOT NULL,
    tags          text[] NOT NULL,
    -- As in docs/portfolios.md, as text: numbers keep their digits. Its accounts are those of the columns.
    body          text   NOT NULL,
    -- As it was imported, where it was changed since: the same file is recognised all the same.
    imported_body text,
    import_id     uuid   REFERENCES portfolio_imports (id) ON DELETE CASCADE,
    PRIMARY KEY (portfolio_id, number),
    UNIQUE (portfolio_id, external_id)
);
CREATE INDEX portfolio_transactions_by_time ON portfolio_transactions (portfolio_id, at_nanos, number);
CREATE INDEX portfolio_transactions_by_account ON portfolio_transactions (account_id);
CREATE INDEX portfolio_transactions_by_to_account ON portfolio_transactions (to_account_id)
    WHERE to_account_id IS NOT NULL;
CREATE INDEX portfolio_transactions_by_import ON portfolio_transactions (import_id)
    WHERE import_id IS NOT NULL;

-- Closing prices that imported files brought.
CREATE TABLE portfolio_prices (
    portfolio_id uuid NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    asset        text NOT NULL,
    day          date NOT NULL,
    -- As text: it keeps its digits.
    price        text NOT NULL,
    import_id    uuid NOT NULL REFERENCES portfolio_imports (id) ON DELETE CASCADE,
    PRIMARY KEY (portfolio_id, asset, day)
);
CREATE INDEX portfolio_prices_by_import ON portfolio_prices (import_id);

-- What users said of tickers and operations that imports did not know: they are asked once.
CREATE TABLE import_choices (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    subject text NOT NULL CHECK (subject IN ('ticker', 'operation')),
    -- A ticker, also as venue:TICKER, or the word of an operation.
    name    text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
    -- An asset, a kind of transaction, or skip.
    meaning text NOT NULL CHECK (length(meaning) BETWEEN 1 AND 256),
    PRIMARY KEY (user_id, subject, name)
);

-- Links by which anybody may look at a portfolio.
CREATE TABLE portfolio_share_links (
    id           uuid        PRIMARY KEY,
    portfolio_id uuid        NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    -- SHA-256 of the secret in the link.
    hash         bytea       NOT NULL UNIQUE,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    hide_amounts boolean     NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz
);
CREATE INDEX portfolio_share_links_by_portfolio ON portfolio_share_links (portfolio_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON portfolios, portfolio_imports, portfolio_accounts,
    portfolio_account_aliases, portfolio_transactions, portfolio_prices, import_choices,
    portfolio_share_links TO coinsphere_app;
