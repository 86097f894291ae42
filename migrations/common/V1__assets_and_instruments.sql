-- What is traded where. Everything else refers to an instrument by its number.

GRANT USAGE ON SCHEMA public TO coinsphere_app;

CREATE TABLE assets (
    -- The CoinGecko id: tickers collide.
    id     text PRIMARY KEY,
    symbol text NOT NULL,
    name   text NOT NULL,
    rank   integer CHECK (rank > 0)
);
CREATE INDEX assets_by_symbol ON assets (symbol);

CREATE TABLE instruments (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    venue      text NOT NULL,
    -- The venue's own spelling.
    symbol     text NOT NULL,
    base_asset text REFERENCES assets (id),
    base       text,
    quote      text,
    -- Followed by default; one that merely appeared in a recording is not.
    listed     boolean NOT NULL DEFAULT false,
    UNIQUE (venue, symbol)
);
CREATE INDEX instruments_by_base_asset ON instruments (base_asset);

GRANT SELECT, INSERT, UPDATE ON assets, instruments TO coinsphere_app;
