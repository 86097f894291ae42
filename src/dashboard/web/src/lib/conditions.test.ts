import { describe, expect, it } from "vitest";
import { type Condition, choicesAt, conditionOf, draftFrom, draftOf, instrumentsOf, isFilled, KINDS, kindsAt, pricesOf, wordsOf } from "./conditions";

const BTC = { venue: "binance", symbol: "BTCUSDT" };
const KRAKEN = { venue: "kraken", symbol: "BTC/USD" };

const EXAMPLES: readonly [Condition, string][] = [
  [{ kind: "price", ...BTC, operator: "crosses_up", threshold: "60000.50" }, "BTCUSDT on binance rises to 60,000.50"],
  [{ kind: "change", ...BTC, operator: "falls_by", percent: "5", window: "1h" }, "BTCUSDT on binance falls by 5 % within 1h"],
  [
    { kind: "average", ...BTC, interval: "1h", length: 20, weights: "exponential", operator: "crosses", percent: "0" },
    "BTCUSDT on binance crosses its exponential average of 20 1h closes",
  ],
  [
    { kind: "average", ...BTC, interval: "1h", length: 20, weights: "simple", operator: "above", percent: "2.5" },
    "BTCUSDT on binance: the distance from its simple average of 20 1h closes is at or above 2.5 %",
  ],
  [{ kind: "trailing", ...BTC, operator: "falls_by", percent: "8" }, "BTCUSDT on binance falls from its highest by 8 %"],
  [
    { kind: "volume", ...BTC, interval: "5m", length: 24, times: "3" },
    "BTCUSDT on binance: the volume of a 5m candle reaches 3 times the median of the 24 before",
  ],
  [
    { kind: "volatility", ...BTC, interval: "1h", length: 12, usual: 100, times: "2" },
    "BTCUSDT on binance: the volatility of 12 1h moves reaches 2 times that of 100",
  ],
  [
    { kind: "candle", ...BTC, interval: "4h", operator: "closes_below", threshold: "50000", count: 2 },
    "BTCUSDT on binance: 2 4h candles close below 50,000 in a row",
  ],
  [
    { kind: "candle", ...BTC, interval: "4h", operator: "closes_above", threshold: "50000", count: 1 },
    "BTCUSDT on binance: a 4h candle closes above 50,000",
  ],
  [
    { kind: "spread", ...BTC, against: KRAKEN, operator: "above", percent: "-0.5", max_age_seconds: 60 },
    "BTCUSDT on binance over BTC/USD on kraken: the difference is at or above \u22120.5 %",
  ],
  [{ kind: "new_high", ...BTC, days: 1 }, "BTCUSDT on binance makes a new high of a day"],
  [{ kind: "new_low", ...BTC, days: 30 }, "BTCUSDT on binance makes a new low of 30 days"],
  [
    { kind: "agreement", instruments: [BTC, KRAKEN], operator: "below", threshold: "1000" },
    "BTCUSDT on binance, BTC/USD on kraken: each is at or below 1,000",
  ],
  [{ kind: "gap", ...BTC, seconds: 0 }, "BTCUSDT on binance: a gap in the trades has ended"],
  [{ kind: "gap", ...BTC, seconds: 30 }, "BTCUSDT on binance: a gap in the trades of at least 30 s has ended"],
  [{ kind: "stale", ...KRAKEN, seconds: 60 }, "BTC/USD on kraken: no trade for 60 s"],
  [
    {
      kind: "all",
      of: [
        { kind: "price", ...BTC, operator: "above", threshold: "1" },
        { kind: "any", of: [{ kind: "new_high", ...BTC, days: 7 }, { kind: "new_high", ...KRAKEN, days: 7 }] },
      ],
    },
    "all of: BTCUSDT on binance is at or above 1; (any of: BTCUSDT on binance makes a new high of 7 days; BTC/USD on kraken makes a new high of 7 days)",
  ],
];

describe("conditions", () => {
  it("have words, and go through a draft without a change", () => {
    for (const [condition, words] of EXAMPLES) {
      expect(wordsOf(condition)).toBe(words);
      const draft = draftFrom(condition);
      expect(draft).not.toBeNull();
      if (draft === null) continue;
      expect(isFilled(draft)).toBe(true);
      expect(conditionOf(draft)).toEqual(condition);
    }
    const kinds = new Set(EXAMPLES.map(([{ kind }]) => kind));
    expect(Object.keys(KINDS).filter((kind) => !kinds.has(kind))).toEqual(["any"]);
  });

  it("of a kind that the form does not know are left alone, inside others too", () => {
    const signal = { kind: "signal", name: "portfolio", operator: "above", threshold: "10" };
    expect(draftFrom(signal)).toBeNull();
    expect(draftFrom({ kind: "any", of: [signal, signal] })).toBeNull();
    expect(wordsOf(signal)).toBe("portfolio is at or above 10");
    expect(wordsOf({ kind: "of another year" })).toBe("of another year");
  });

  it("that other parts feed have words", () => {
    const portfolio = "7d0c";
    const fed: readonly [Condition, string][] = [
      [{ kind: "portfolio", portfolio, figure: "value", operator: "below", threshold: "10000" }, "portfolio 7d0c: its value is at or below 10,000"],
      [{ kind: "portfolio", portfolio, figure: "drawdown", operator: "above", threshold: "20" }, "portfolio 7d0c: its distance below its highest is at or above 20 %"],
      [{ kind: "holding", portfolio, asset: "bitcoin", figure: "weight", operator: "crosses_up", percent: "50" }, "bitcoin in portfolio 7d0c: its share rises to 50 %"],
      [
        { kind: "forecast", ...BTC, interval: "1h", figure: "expected_return", operator: "below", percent: "-1", without_skill: true },
        "BTCUSDT on binance: the expected return of the 1h forecast is at or below \u22121 %, skill or not",
      ],
      [{ kind: "health_factor", account: "main", protocol: "aave", operator: "below", threshold: "1.2" }, "the health factor of main on aave is at or below 1.2"],
      [{ kind: "connection", connection: "kraken-1", seconds: 600 }, "the exchange connection kraken-1 has not worked for 600 s"],
      [{ kind: "listing", venue: "kraken", quote: "EUR" }, "a new instrument is listed on kraken in EUR"],
      [{ kind: "listing", venue: "kraken" }, "a new instrument is listed on kraken"],
      [{ kind: "account", account: "a", event: "new_key" }, "an API key is made in your account"],
    ];
    for (const [condition, words] of fed) expect(wordsOf(condition)).toBe(words);
  });

  it("keep what another kind asks for too", () => {
    const price = { kind: "price", texts: { instrument: "kraken:BTC/USD", operator: "below", threshold: "7" }, instruments: [], parts: [] };
    const candle = draftOf("candle", 0, price);
    expect(candle.texts).toEqual({ instrument: "kraken:BTC/USD", interval: "1m", operator: "closes_above", threshold: "7", count: "1" });
    expect(draftOf("agreement", 0, price).instruments).toEqual(["kraken:BTC/USD", ""]);
    expect(draftOf("all", 0, price).parts.map((part) => [part.kind, part.texts.instrument])).toEqual([
      ["price", "kraken:BTC/USD"],
      ["volume", "kraken:BTC/USD"],
    ]);
  });

  it("inside others are true for a while", () => {
    expect(kindsAt(0)).toContain("stale");
    expect(kindsAt(1)).not.toContain("stale");
    expect(kindsAt(1)).not.toContain("trailing");
    expect(kindsAt(1)).toContain("any");
    expect(kindsAt(2)).not.toContain("any");
    expect(draftOf("price", 1).texts.operator).toBe("above");
    const operator = KINDS.price?.fields.find((field) => field.name === "operator");
    expect(operator?.type === "choice" && choicesAt(operator, 1).map(([value]) => value)).toEqual(["above", "below"]);
  });

  it("are not sent half filled in", () => {
    expect(isFilled(draftOf("price", 0))).toBe(false);
    const half = draftFrom({ kind: "price", ...BTC, operator: "above", threshold: "1e5" });
    expect(half && isFilled(half)).toBe(false);
  });

  it("know their instruments and prices", () => {
    const candle = EXAMPLES.map(([condition]) => condition).find(({ kind }) => kind === "candle");
    const all = EXAMPLES.at(-1)?.[0];
    expect(candle && pricesOf(candle, "binance:BTCUSDT")).toEqual(["50000"]);
    expect(all && instrumentsOf(all)).toEqual(["binance:BTCUSDT", "kraken:BTC/USD"]);
    expect(all && pricesOf(all, "binance:BTCUSDT")).toEqual(["1"]);
    expect(all && pricesOf(all, "kraken:BTC/USD")).toEqual([]);
  });
});
