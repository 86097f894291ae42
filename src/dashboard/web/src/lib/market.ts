/** What the market's pages ask for. */

import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./api/client";

export const INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;
export type Interval = (typeof INTERVALS)[number];

const LENGTHS: Record<Interval, number> = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400 };

/** How far back a chart reaches: at most some two thousand candles. */
const RANGES = { "1m": "24h", "5m": "7d", "15m": "7d", "1h": "90d", "4h": "1y", "1d": "1y" } as const;

/** How many seconds a candle lasts. */
export function secondsOf(interval: Interval): number {
  return LENGTHS[interval];
}

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async () => {
    const tokens = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
      const page = await unwrap(api.GET("/api/v1/tokens", { params: { query } }));
      tokens.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return tokens.sort((a, b) => (a.rank ?? Number.MAX_SAFE_INTEGER) - (b.rank ?? Number.MAX_SAFE_INTEGER));
  },
  staleTime: 10 * 60_000,
});

export const instrumentsQuery = queryOptions({
  queryKey: ["instruments"],
  queryFn: async () => {
    const instruments: Schemas["Instrument"][] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
      const page = await unwrap(api.GET("/api/v1/instruments", { params: { query } }));
      instruments.push(...page.data);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return instruments;
  },
  staleTime: 10 * 60_000,
});

/** The last day of a token, by the hour: it says which instrument stands for the token, and where it began. */
export function dayQuery(id: string) {
  return queryOptions({
    queryKey: ["day", id],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/tokens/{id}/history", {
          params: { path: { id }, query: { interval: "1h", range: "24h" } },
        }),
      ),
    staleTime: 10 * 60_000,
  });
}

/**
 * The first candle of the last day; undefined where fewer hours are known, so that a change since minutes
 * ago is not taken for that of a day.
 */
export function dayBegins(day: Schemas["CandleSeries"] | undefined): Schemas["Candle"] | undefined {
  const first = day?.data[0];
  const end = day?.coverage.to;
  if (first === undefined || end == null) return undefined;
  return Date.parse(end) - Date.parse(first.open_time) >= 23 * 3_600_000 ? first : undefined;
}

export function tokenQuery(id: string) {
  return queryOptions({
    queryKey: ["token", id],
    queryFn: () => unwrap(api.GET("/api/v1/tokens/{id}", { params: { path: { id } } })),
    staleTime: 10 * 60_000,
  });
}

export function historyQuery(id: string, interval: Interval, venue: string | undefined) {
  return queryOptions({
    queryKey: ["history", id, interval, venue],
    queryFn: () => {
      const query = { interval, range: RANGES[interval], fill: "previous" as const, ...(venue === undefined ? {} : { venue }) };
      return unwrap(api.GET("/api/v1/tokens/{id}/history", { params: { path: { id }, query } }));
    },
    staleTime: 60_000,
  });
}
