//! The assets that Coinsphere follows by default.

/// Tickers of the 31 major assets, largest first when this was written. The store's seed holds them
/// with their CoinGecko ids; a test there keeps the two in step.
pub const MAJORS: [&str; 31] = [
    "BTC", "ETH", "XRP", "SOL", "TRX", "DOGE", "ADA", "BCH", "LINK", "XLM", "LTC", "AVAX", "HBAR",
    "SHIB", "SUI", "DOT", "UNI", "AAVE", "NEAR", "ETC", "ICP", "POL", "ALGO", "ATOM", "APT", "ARB",
    "FIL", "MKR", "INJ", "OP", "GRT",
];
