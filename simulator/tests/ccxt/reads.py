"""What ccxt reads from a simulator, compared with the simulator's own account of its market.

Arguments: the simulator's URL, and the time at which its clock stands, in milliseconds: a whole minute.
Nothing of ccxt is changed but the base URLs, and that it does not wait between requests.
"""

import json
import sys
import urllib.parse
import urllib.request
from datetime import datetime
from decimal import Decimal

import ccxt

URL, NOW = sys.argv[1], int(sys.argv[2])
MINUTE, DAY = 60_000, 86_400_000
VENUES = {
    "binance": ("binance", ccxt.binance),
    "coinbase": ("coinbase", ccxt.coinbaseexchange),
    "coinbase-advanced": ("coinbase", ccxt.coinbase),
    "kraken": ("kraken", ccxt.kraken),
}


# No proxy stands before the simulator.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def truth(path, **query):
    with DIRECTLY.open(f"{URL}/admin/{path}?{urllib.parse.urlencode(query)}") as answer:
        return json.load(answer)[path]


def candles(instrument, start, interval):
    """The simulator's candles since `start` as ccxt gives them: decimals of [time, o, h, l, c, volume]."""
    rows = truth(
        "candles",
        venue=instrument["venue"],
        symbol=instrument["symbol"],
        interval=interval // 1000,
        **{"from": start // 1000, "to": NOW // 1000},
    )
    numbers = ("open", "high", "low", "close", "volume")
    return [[time_of(row["open_time"])] + [Decimal(row[name]) for name in numbers] for row in rows]


def time_of(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def exact(number):
    """The decimal that ccxt made this float of."""
    return Decimal(str(number))


def exchange_at(path, exchange):
    exchange = exchange({"enableRateLimit": False})
    for name, url in exchange.urls["api"].items():
        exchange.urls["api"][name] = f"{URL}/{path}{urllib.parse.urlsplit(url).path}"
    return exchange


def check_lists(exchange, instruments):
    markets = exchange.load_markets()
    assert sorted(markets) == sorted(instruments), sorted(markets)
    assert all(market["spot"] and market["active"] for market in markets.values())
    codes = {code for symbol in instruments for code in symbol.split("/")}
    currencies = exchange.fetch_currencies()
    # Binance's takes a key; without one ccxt answers with nothing, and knows the markets' currencies.
    assert set(currencies) == (set() if exchange.id == "binance" else codes), currencies
    assert codes <= set(exchange.currencies), exchange.currencies
    assert abs(exchange.fetch_time() - NOW) < 1000, exchange.fetch_time()


def check_candles(exchange, symbol, instrument):
    for name, interval in {"1m": MINUTE, "5m": 5 * MINUTE, "1h": 60 * MINUTE}.items():
        start = NOW - 120 * MINUTE
        rows = exchange.fetch_ohlcv(symbol, name, start)
        # The one that has just begun has no trade yet; some venues list such minutes, some do not.
        traded = [row for row in rows if row[5] > 0]
        # ccxt's numbers are floats: the nearest to ours.
        ours = [[row[0]] + [float(x) for x in row[1:]] for row in candles(instrument, start, interval)]
        assert traded == ours, (exchange.id, symbol, name)
        assert len(traded) >= 2, traded


def check_trades(exchange, symbol, instrument):
    trades = exchange.fetch_trades(symbol, limit=300)
    ids = [int(trade["id"]) for trade in trades]
    last = instrument["last_trade_id"]
    assert ids == list(range(last - 299, last + 1)), (exchange.id, symbol, ids)
    assert {trade["side"] for trade in trades} == {"buy", "sell"}
    minutes = {}
    for trade in trades:
        minutes.setdefault(trade["timestamp"] // MINUTE * MINUTE, []).append(trade)
    # The first may be only in part here.
    start, *whole = sorted(minutes)
    for minute, candle in zip(whole, candles(instrument, start + MINUTE, MINUTE), strict=True):
        prices = [exact(trade["price"]) for trade in minutes[minute]]
        volume = sum(exact(trade["amount"]) for trade in minutes[minute])
        made = [minute, prices[0], max(prices), min(prices), prices[-1], volume]
        assert made == candle, (exchange.id, symbol, made, candle)
    since = NOW - 2 * MINUTE
    later = exchange.fetch_trades(symbol, since, 50, {"until": NOW})
    assert later and all(since <= trade["timestamp"] <= NOW for trade in later), (exchange.id, later)


def check_prices(exchange, symbol, instrument):
    day = candles(instrument, NOW - DAY, 60 * MINUTE)
    of_day = {
        "last": day[-1][4],
        "close": day[-1][4],
        "high": max(row[2] for row in day),
        "low": min(row[3] for row in day),
        "baseVolume": sum(row[5] for row in day),
    }
    book = exchange.fetch_order_book(symbol)
    bids, asks = ([price for price, *_ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(set(bids), reverse=True) and asks == sorted(set(asks)), book
    assert len(bids) >= 20 and len(asks) >= 20 and bids[0] < asks[0], book
    assert all(amount > 0 for side in ("bids", "asks") for _, amount, *_ in book[side]), book
    assert abs(bids[0] / float(of_day["last"]) - 1) < 0.01, (bids[0], of_day)
    one, two, all_of_them = (
        exchange.fetch_ticker(symbol),
        exchange.fetch_tickers([symbol])[symbol],
        exchange.fetch_tickers(),
    )
    assert sorted(all_of_them) == sorted(exchange.markets), sorted(all_of_them)
    seen = set()
    for ticker in (one, two, all_of_them[symbol]):
        for name, number in of_day.items():
            if ticker[name] is not None:
                assert ticker[name] == float(number), (exchange.id, symbol, name, ticker[name], number)
                seen.add(name)
        for side, best in {"bid": bids[0], "ask": asks[0]}.items():
            assert ticker[side] in (None, best), (exchange.id, symbol, side, ticker[side], best)
    assert {"last", "close", "baseVolume"} <= seen, (exchange.id, seen)


def main():
    listed = truth("instruments")
    for path, (venue, exchange) in VENUES.items():
        exchange = exchange_at(path, exchange)
        instruments = {f"{i['base']}/{i['quote']}": i for i in listed if i["venue"] == venue}
        check_lists(exchange, instruments)
        quote = "USDT" if venue == "binance" else "USD"
        # On Kraken both have names of their own.
        for symbol in (f"BTC/{quote}", f"DOGE/{quote}"):
            check_candles(exchange, symbol, instruments[symbol])
            check_trades(exchange, symbol, instruments[symbol])
            check_prices(exchange, symbol, instruments[symbol])


main()
