import { expect, it } from "vitest";
import type { Schemas } from "./api/client";
import { dayBegins } from "./market";

function day(first: string, end: string | null): Schemas["CandleSeries"] {
  const candle = { open_time: first } as Schemas["Candle"];
  const instrument = { venue: "kraken", symbol: "BTC/USD", token: "bitcoin", base: "BTC", quote: "USD" };
  return { data: [candle], coverage: { from: first, to: end, gaps: [] }, instrument, interval: "1h", next_cursor: null };
}

it("takes a day for one only if it is known from its beginning", () => {
  const whole = day("2026-11-27T05:00:00Z", "2026-11-28T04:03:00Z");
  expect(dayBegins(whole)).toBe(whole.data[0]);
  expect(dayBegins(day("2026-11-28T04:00:00Z", "2026-11-28T04:03:00Z"))).toBeUndefined();
  expect(dayBegins(day("2026-11-27T05:00:00Z", null))).toBeUndefined();
  expect(dayBegins({ ...whole, data: [] })).toBeUndefined();
  expect(dayBegins(undefined)).toBeUndefined();
});
