-- The 31 major tokens this program follows by default, in the order of their size when this was
-- written, with their CoinGecko ids, and their instruments on the three venues.

INSERT INTO assets (id, symbol, name, rank) VALUES
    ('bitcoin', 'BTC', 'Bitcoin', 1),
    ('ethereum', 'ETH', 'Ethereum', 2),
    ('ripple', 'XRP', 'XRP', 3),
    ('solana', 'SOL', 'Solana', 4),
    ('tron', 'TRX', 'TRON', 5),
    ('dogecoin', 'DOGE', 'Dogecoin', 6),
    ('cardano', 'ADA', 'Cardano', 7),
    ('bitcoin-cash', 'BCH', 'Bitcoin Cash', 8),
    ('chainlink', 'LINK', 'Chainlink', 9),
    ('stellar', 'XLM', 'Stellar', 10),
    ('litecoin', 'LTC', 'Litecoin', 11),
    ('avalanche-2', 'AVAX', 'Avalanche', 12),
    ('hedera-hashgraph', 'HBAR', 'Hedera', 13),
    ('shiba-inu', 'SHIB', 'Shiba Inu', 14),
    ('sui', 'SUI', 'Sui', 15),
    ('polkadot', 'DOT', 'Polkadot', 16),
    ('uniswap', 'UNI', 'Uniswap', 17),
    ('aave', 'AAVE', 'Aave', 18),
    ('near', 'NEAR', 'NEAR Protocol', 19),
    ('ethereum-classic', 'ETC', 'Ethereum Classic', 20),
    ('internet-computer', 'ICP', 'Internet Computer', 21),
    ('polygon-ecosystem-token', 'POL', 'POL (ex-MATIC)', 22),
    ('algorand', 'ALGO', 'Algorand', 23),
    ('cosmos', 'ATOM', 'Cosmos Hub', 24),
    ('aptos', 'APT', 'Aptos', 25),
    ('arbitrum', 'ARB', 'Arbitrum', 26),
    ('filecoin', 'FIL', 'Filecoin', 27),
    ('maker', 'MKR', 'Maker', 28),
    ('injective-protocol', 'INJ', 'Injective', 29),
    ('optimism', 'OP', 'Optimism', 30),
    ('the-graph', 'GRT', 'The Graph', 31)
ON CONFLICT (id) DO NOTHING;

INSERT INTO instruments (venue, symbol, base_asset, base, quote, listed)
SELECT venue, format(spelling, assets.symbol), assets.id, assets.symbol, quote, true
FROM assets,
     (VALUES ('binance', '%sUSDT', 'USDT'),
             ('coinbase', '%s-USD', 'USD'),
             ('kraken', '%s/USD', 'USD')) AS venues (venue, spelling, quote)
ORDER BY assets.rank, venue
ON CONFLICT (venue, symbol) DO NOTHING;
