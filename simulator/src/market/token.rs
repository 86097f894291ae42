//! The 31 tokens that trade in the simulated market, with what makes each one look like itself:
//! price level, volatility, turnover, and the tick and lot sizes of each venue.
//!
//! Knows nothing of time or trades. Levels are round numbers of the right order; they are not a
//! record of any day.

/// One token of the simulated market.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token {
    /// CoinGecko id, e.g. `bitcoin`.
    pub id: &'static str,
    /// Ticker as Binance and Coinbase spell it, e.g. `BTC`.
    pub ticker: &'static str,
    /// Name in prose, e.g. `Bitcoin`.
    pub name: &'static str,
    /// Price level in US dollars around which the market moves.
    pub price: f64,
    /// Standard deviation of the yearly log return.
    pub volatility: f64,
    /// Share of the market's turnover, relative to the other tokens.
    pub weight: f64,
    /// Fractional digits of (price, quantity) on Binance; their sum is at most 8 there, so that
    /// quote volume is exact in the 8 digits Binance prints.
    pub binance: (u32, u32),
    /// Fractional digits of (price, quantity) on Coinbase.
    pub coinbase: (u32, u32),
    /// Fractional digits of (price, quantity) on Kraken.
    pub kraken: (u32, u32),
}

#[rustfmt::skip]
#[expect(clippy::too_many_arguments, reason = "a row of the table below")]
const fn token(
    id: &'static str, ticker: &'static str, name: &'static str,
    price: f64, volatility: f64, weight: f64,
    binance: (u32, u32), coinbase: (u32, u32), kraken_price: u32,
) -> Token {
    Token { id, ticker, name, price, volatility, weight, binance, coinbase, kraken: (kraken_price, 8) }
}

/// All tokens, by falling turnover.
#[rustfmt::skip]
pub static TOKENS: [Token; 31] = [
    token("bitcoin", "BTC", "Bitcoin", 84_000.0, 0.45, 30.0, (2, 5), (2, 8), 1),
    token("ethereum", "ETH", "Ethereum", 2_800.0, 0.60, 20.0, (2, 4), (2, 8), 2),
    token("solana", "SOL", "Solana", 150.0, 0.75, 12.0, (2, 3), (2, 8), 2),
    token("ripple", "XRP", "XRP", 2.2, 0.80, 9.0, (4, 1), (4, 6), 5),
    token("dogecoin", "DOGE", "Dogecoin", 0.18, 0.85, 7.0, (5, 0), (5, 1), 7),
    token("cardano", "ADA", "Cardano", 0.62, 0.75, 4.0, (4, 1), (4, 8), 6),
    token("avalanche-2", "AVAX", "Avalanche", 22.0, 0.80, 3.0, (2, 2), (2, 8), 2),
    token("chainlink", "LINK", "Chainlink", 14.5, 0.75, 3.0, (2, 2), (3, 2), 5),
    token("sui", "SUI", "Sui", 3.1, 0.95, 3.0, (4, 1), (4, 1), 4),
    token("litecoin", "LTC", "Litecoin", 88.0, 0.65, 2.5, (2, 3), (2, 8), 2),
    token("shiba-inu", "SHIB", "Shiba Inu", 0.000_013, 0.85, 2.5, (8, 0), (8, 0), 8),
    token("tron", "TRX", "TRON", 0.27, 0.45, 2.0, (4, 1), (4, 1), 6),
    token("polkadot", "DOT", "Polkadot", 4.1, 0.75, 2.0, (3, 2), (3, 8), 4),
    token("bitcoin-cash", "BCH", "Bitcoin Cash", 420.0, 0.70, 2.0, (1, 3), (2, 8), 2),
    token("uniswap", "UNI", "Uniswap", 6.3, 0.85, 1.8, (3, 2), (3, 6), 3),
    token("near", "NEAR", "NEAR Protocol", 2.6, 0.90, 1.8, (3, 1), (3, 3), 3),
    token("stellar", "XLM", "Stellar", 0.28, 0.75, 1.6, (4, 0), (6, 8), 6),
    token("hedera-hashgraph", "HBAR", "Hedera", 0.17, 0.85, 1.6, (5, 0), (5, 1), 5),
    token("aave", "AAVE", "Aave", 190.0, 0.85, 1.5, (2, 3), (2, 3), 2),
    token("aptos", "APT", "Aptos", 5.2, 0.85, 1.4, (3, 2), (2, 2), 4),
    token("arbitrum", "ARB", "Arbitrum", 0.34, 0.90, 1.4, (4, 1), (4, 2), 4),
    token("internet-computer", "ICP", "Internet Computer", 5.1, 0.80, 1.2, (3, 2), (3, 4), 3),
    token("filecoin", "FIL", "Filecoin", 2.7, 0.80, 1.2, (3, 2), (3, 3), 3),
    token("ethereum-classic", "ETC", "Ethereum Classic", 17.0, 0.75, 1.2, (2, 2), (2, 8), 3),
    token("cosmos", "ATOM", "Cosmos Hub", 4.3, 0.75, 1.1, (3, 2), (3, 2), 4),
    token("polygon-ecosystem-token", "POL", "POL (ex-MATIC)", 0.22, 0.85, 1.1, (4, 1), (4, 2), 4),
    token("maker", "MKR", "Maker", 1_550.0, 0.80, 1.0, (1, 4), (2, 6), 2),
    token("optimism", "OP", "Optimism", 0.71, 0.95, 1.0, (3, 2), (3, 2), 3),
    token("injective-protocol", "INJ", "Injective", 10.5, 0.95, 1.0, (3, 2), (3, 2), 3),
    token("algorand", "ALGO", "Algorand", 0.19, 0.85, 0.9, (4, 0), (4, 0), 5),
    token("the-graph", "GRT", "The Graph", 0.094, 0.90, 0.8, (4, 0), (4, 2), 5),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn tokens_are_distinct_and_sane() {
        let ids: HashSet<_> = TOKENS.iter().map(|t| t.id).collect();
        let tickers: HashSet<_> = TOKENS.iter().map(|t| t.ticker).collect();
        assert_eq!((ids.len(), tickers.len()), (31, 31));
        for t in &TOKENS {
            assert!(t.binance.0 + t.binance.1 <= 8, "{}", t.id);
            for (digits, _) in [t.binance, t.coinbase, t.kraken] {
                let ticks = t.price * 10f64.powi(digits as i32);
                assert!((100.0..1e8).contains(&ticks), "{}: {ticks} ticks", t.id);
            }
        }
    }
}
