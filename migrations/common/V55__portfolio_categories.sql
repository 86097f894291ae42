-- What their user counts the assets of a portfolio as, in place of money, stablecoins or coins.
CREATE TABLE portfolio_categories (
    portfolio_id uuid NOT NULL REFERENCES portfolios (id) ON DELETE CASCADE,
    asset        text NOT NULL CHECK (length(asset) BETWEEN 1 AND 256),
    category     text NOT NULL CHECK (length(category) BETWEEN 1 AND 100),
    PRIMARY KEY (portfolio_id, asset)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON portfolio_categories TO coinsphere_app;
