import { describe, expect, it } from "vitest";
import type { Schemas } from "./api/client";
import { barOf, barsOf, merge } from "./candles";

function candle(minute: number, more: Partial<Schemas["Candle"]> = {}): Schemas["Candle"] {
  return {
    open_time: `2026-11-28T03:${String(minute).padStart(2, "0")}:00Z`,
    open: "1",
    high: "2",
    low: "0.5",
    close: "1.5",
    volume: "3",
    quote_volume: "4",
    trades: 5,
    taker_buy_volume: "1",
    complete: true,
    revision: 0,
    ...more,
  };
}

describe("bars", () => {
  it("say how far a candle can be trusted", () => {
    const now = Date.parse("2026-11-28T03:03:30Z");
    const candles = [
      candle(0),
      candle(1, { complete: false }),
      candle(2, { complete: false, trades: 0 }),
      candle(3, { complete: false }),
    ];
    const standings = barsOf(candles, 60, now).map((bar) => bar.standing);
    expect(standings).toEqual(["complete", "incomplete", "unknown", "open"]);
  });

  it("an open candle grows, closes, and the next follows", () => {
    let bars = merge([], barOf(candle(0, { complete: false }), true));
    bars = merge(bars, barOf(candle(0, { complete: false, close: "1.6" }), true));
    expect(bars.map((bar) => bar.candle.close)).toEqual(["1.6"]);
    bars = merge(bars, barOf(candle(0, { close: "1.7" }), false));
    // The open state of before, late.
    bars = merge(bars, barOf(candle(0, { complete: false, close: "1.6" }), true));
    bars = merge(bars, barOf(candle(1), true));
    expect(bars.map((bar) => [bar.candle.close, bar.standing])).toEqual([
      ["1.7", "complete"],
      ["1.5", "open"],
    ]);
  });

  it("a correction replaces its candle, and nothing older replaces a correction", () => {
    const bars = [barOf(candle(0), false), barOf(candle(1), false)];
    const corrected = merge(bars, barOf(candle(0, { revision: 1, close: "9" }), false));
    expect(corrected[0]?.candle.close).toBe("9");
    expect(merge(corrected, barOf(candle(0), false))[0]?.candle.close).toBe("9");
    expect(bars[0]?.candle.close).toBe("1.5");
  });

  it("what is older than everything shown is left out", () => {
    const bars = [barOf(candle(5), false)];
    expect(merge(bars, barOf(candle(4), false))).toBe(bars);
  });
});
