//! Meaning of the tickers of venues: money, staked and wrapped names of one coin, and pairs written
//! without a separator.

use crate::ledger::is_money;

/// Quotes of the venues read here, the one that is quoted in rather than by first.
const QUOTES: &[&str] = &["USDT", "USDC", "DAI", "BTC", "ETH"];

/// Which of two assets a pair is quoted in: money, else a dollar coin, else bitcoin, else ether.
pub(super) fn is_quote(asset: &str, other: &str) -> bool {
    let rank = |asset: &str| {
        if is_money(asset) {
            return if asset == "USD" { 0 } else { 1 };
        }
        QUOTES
            .iter()
            .position(|quote| *quote == asset)
            .map_or(usize::MAX, |at| at + 2)
    };
    rank(asset) < rank(other)
}

/// The coin behind a share of Binance's flexible savings: `LDBTC` is BTC, `LDO` is a coin of its own.
pub(super) fn binance(ticker: &str) -> &str {
    match ticker.strip_prefix("LD") {
        Some(coin) if coin.len() >= 2 => coin,
        _ if ticker == "ETH2" => "ETH",
        _ => ticker,
    }
}

/// Coinbase's name for staked ether.
pub(super) fn coinbase(ticker: &str) -> &str {
    if ticker == "ETH2" { "ETH" } else { ticker }
}

/// Old names of Kraken: a coin's with an X in front, a currency's with a Z.
const KRAKEN_OLD: &[(&str, &str)] = &[
    ("XBT", "BTC"),
    ("XXBT", "BTC"),
    ("XDG", "DOGE"),
    ("XXDG", "DOGE"),
    ("XETC", "ETC"),
    ("XETH", "ETH"),
    ("XICN", "ICN"),
    ("XLTC", "LTC"),
    ("XMLN", "MLN"),
    ("XNMC", "NMC"),
    ("XREP", "REP"),
    ("XXLM", "XLM"),
    ("XXMR", "XMR"),
    ("XXRP", "XRP"),
    ("XXVN", "XVN"),
    ("XZEC", "ZEC"),
    ("XDAO", "DAO"),
    ("ETH2", "ETH"),
];
const KRAKEN_SUFFIXES: &[&str] = &[".S", ".M", ".P", ".F", ".B", ".T", ".HOLD"];
const KRAKEN_DAYS: &[&str] = &["03", "04", "07", "14", "21", "28"];

/// The asset behind Kraken's name: `XXBT`, `XBT.M`, `DOT28.S`, `ETH2.S`.
pub(super) fn kraken(name: &str) -> &str {
    let suffix = KRAKEN_SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    let mut bare = suffix.unwrap_or(name);
    if suffix.is_some() {
        let days = KRAKEN_DAYS.iter().find_map(|days| bare.strip_suffix(days));
        bare = days.filter(|coin| !coin.is_empty()).unwrap_or(bare);
    }
    kraken_old(bare).unwrap_or(bare)
}

/// The asset of an old name of Kraken.
fn kraken_old(name: &str) -> Option<&str> {
    let coin = KRAKEN_OLD.iter().find(|(old, _)| *old == name);
    let money = || name.strip_prefix('Z').filter(|rest| is_money(rest));
    coin.map(|(_, asset)| *asset).or_else(money)
}

const KRAKEN_QUOTES: &[&str] = &[
    "USDT", "USDC", "USDG", "USDQ", "USDR", "USDD", "USD1", "EURR", "EURQ", "EURT", "EURC",
    "EUROP", "PYUSD", "RLUSD", "XBT", "BTC", "ETH", "DAI", "DOT", "EUR", "USD", "GBP", "CAD",
    "AUD", "JPY", "CHF", "AED", "POL", "SOL", "XRP",
];

/// Base and quote of a pair of Kraken: `XXBTZEUR`, `DOTXBT`, `ETH/EUR`.
pub(super) fn kraken_pair(pair: &str) -> Option<(&str, &str)> {
    // Trades of its dark pool have a mark of their own.
    let pair = pair.strip_suffix(".d").unwrap_or(pair);
    let split = pair.split_once('/').or_else(|| {
        // Old names have four letters each, and a new base never stands before an old quote but for this one.
        let (base, quote) = pair.split_at_checked(4)?;
        let old = |name: &str| name.len() == 4 && kraken_old(name).is_some();
        (old(quote) && (old(base) || matches!(base, "USDT" | "USDC"))).then_some((base, quote))
    });
    let (base, quote) = match split {
        Some(split) => split,
        None => by_quote(pair, KRAKEN_QUOTES)?,
    };
    Some((kraken(base), kraken(quote)))
}

const BINANCE_QUOTES: &[&str] = &[
    "AED", "AEUR", "ARS", "AUD", "BFUSD", "BIDR", "BKRW", "BNB", "BRL", "BTC", "BUSD", "BVND",
    "COP", "CZK", "DAI", "DOGE", "DOT", "ETH", "EUR", "EURI", "FDUSD", "GBP", "GYEN", "IDR",
    "IDRT", "JPY", "KZT", "MXN", "NGN", "PAX", "PLN", "RON", "RLUSD", "RUB", "SOL", "TRX", "TRY",
    "TUSD", "UAH", "USD", "USD1", "USDC", "USDE", "USDP", "USDS", "USDT", "UST", "VAI", "XMR",
    "XRP", "XUSD", "ZAR",
];

/// Markets whose longest quote is part of the base: BNB against USD, not BN against BUSD.
const BINANCE_MARKETS: &[(&str, &str)] = &[
    ("ADA", "EUR"),
    ("ARB", "IDR"),
    ("BNB", "IDR"),
    ("BNB", "USD"),
    ("ENA", "EUR"),
    ("GALA", "EUR"),
    ("LUNA", "EUR"),
    ("THETA", "EUR"),
    ("USDT", "USD"),
];

/// Base and quote of a market of Binance, which has no separator: by the coin that one side is known to be,
/// else by the longest quote that fits.
pub(super) fn binance_pair<'p>(
    pair: &'p str,
    base: &str,
    quote: &str,
) -> Option<(&'p str, &'p str)> {
    if let Some(split) = pair.split_once(['/', '-', '_']) {
        return Some(split);
    }
    if !base.is_empty()
        && let Some(rest) = pair.strip_prefix(base)
        && !rest.is_empty()
    {
        return Some((&pair[..base.len()], rest));
    }
    if !quote.is_empty()
        && let Some(rest) = pair.strip_suffix(quote)
        && !rest.is_empty()
    {
        return Some((rest, &pair[rest.len()..]));
    }
    let known = |(base, quote): &&(&str, &str)| pair.strip_prefix(*base) == Some(*quote);
    match BINANCE_MARKETS.iter().find(known) {
        Some((base, _)) => Some(pair.split_at(base.len())),
        None => by_quote(pair, BINANCE_QUOTES),
    }
}

fn by_quote<'p>(pair: &'p str, quotes: &[&str]) -> Option<(&'p str, &'p str)> {
    let fits = quotes
        .iter()
        .filter(|quote| pair.len() > quote.len() && pair.ends_with(**quote));
    let quote = fits.max_by_key(|quote| quote.len())?;
    pair.split_at_checked(pair.len() - quote.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kraken_are_the_coins_behind_them() {
        for (name, asset) in [
            ("XXBT", "BTC"),
            ("XBT.M", "BTC"),
            ("ZEUR", "EUR"),
            ("EUR.HOLD", "EUR"),
            ("DOT28.S", "DOT"),
            ("DOT.S", "DOT"),
            ("ETH2", "ETH"),
            ("ETH2.S", "ETH"),
            ("ETH.F", "ETH"),
            ("XDG", "DOGE"),
            ("XTZ", "XTZ"),
            ("ZRX", "ZRX"),
            ("KFEE", "KFEE"),
            ("2Z", "2Z"),
            ("ZSEK", "SEK"),
            ("ZUSD.M", "USD"),
            ("XBT.B", "BTC"),
            ("XXBT.F", "BTC"),
            ("SOL03.S", "SOL"),
            ("FLOW14.S", "FLOW"),
            ("ZEC", "ZEC"),
            ("ZEUS", "ZEUS"),
        ] {
            assert_eq!(kraken(name), asset, "{name}");
        }
    }

    #[test]
    fn pairs_without_a_separator_are_split_where_they_must_be() {
        for (pair, split) in [
            ("XXBTZEUR", ("BTC", "EUR")),
            ("DOTXBT", ("DOT", "BTC")),
            ("ETH/EUR", ("ETH", "EUR")),
            ("XTZEUR", ("XTZ", "EUR")),
            ("2ZEUR", ("2Z", "EUR")),
            ("TRXXBT", ("TRX", "BTC")),
            ("USDTZUSD", ("USDT", "USD")),
            ("XBTUSDT", ("BTC", "USDT")),
            ("XETHXXBT", ("ETH", "BTC")),
            ("ZRXXBT", ("ZRX", "BTC")),
            ("XETHZUSD.d", ("ETH", "USD")),
            ("AI16ZEUR", ("AI16Z", "EUR")),
            ("USDCUSDT", ("USDC", "USDT")),
            ("XXRPXXBT", ("XRP", "BTC")),
        ] {
            assert_eq!(kraken_pair(pair), Some(split), "{pair}");
        }
        for (pair, base, quote, split) in [
            ("BNBBTC", "", "", ("BNB", "BTC")),
            ("1INCHUPUSDT", "", "", ("1INCHUP", "USDT")),
            ("BTCFDUSD", "", "", ("BTC", "FDUSD")),
            ("ARBTUSD", "", "", ("ARB", "TUSD")),
            ("GALAEUR", "", "", ("GALA", "EUR")),
            ("BNBUSD", "", "", ("BNB", "USD")),
            ("BNBBUSD", "", "", ("BNB", "BUSD")),
            ("BNBUSDT", "", "", ("BNB", "USDT")),
            ("ARBIDR", "", "", ("ARB", "IDR")),
            ("USDTUSD", "", "", ("USDT", "USD")),
            ("BTCAEUR", "", "", ("BTC", "AEUR")),
            ("BATTUSD", "BATT", "", ("BATT", "USD")),
        ] {
            assert_eq!(binance_pair(pair, base, quote), Some(split), "{pair}");
        }
    }

    #[test]
    fn a_share_of_savings_is_the_coin_behind_it_and_ldo_is_a_coin() {
        assert_eq!(
            (binance("LDBTC"), binance("LDO"), binance("BETH")),
            ("BTC", "LDO", "BETH")
        );
    }
}
