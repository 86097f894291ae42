/** Forecasts as a chart draws them, and as what is known of their skill allows. */

import { queryOptions } from "@tanstack/react-query";
import type { ConeEdge } from "../components/overlays";
import { api, type Schemas, unwrap } from "./api/client";

export type Prediction = Schemas["Prediction"];

/** Further ahead than this many candles a chart does not look. */
const FURTHEST = 200;

/**
 * The cone of the newest forecasts over candles of `length` seconds. A candle stands where it opens and shows its close
 * there; so does a forecast. Forecasts without intervals are left out, and middles without skill.
 */
export function coneOf(predictions: readonly Prediction[], length: number, candle: number): ConeEdge[] {
  const seconds = (text: string) => Date.parse(text) / 1000;
  const newest = predictions.reduce((last, { open_time }) => (open_time > last ? open_time : last), "");
  const shown = predictions
    .filter(({ open_time, intervals, target_time }) => {
      const ahead = (seconds(target_time) - seconds(open_time) - candle) / length;
      return open_time === newest && intervals.length > 0 && ahead >= 0.5 && ahead <= FURTHEST;
    })
    .sort((a, b) => seconds(a.target_time) - seconds(b.target_time));
  const first = shown[0];
  if (first === undefined) return [];
  const base = Number(first.base_price);
  const hasMiddle = first.skill.has_skill;
  return [
    { time: seconds(first.open_time) + candle - length, middle: hasMiddle ? base : null, ranges: first.intervals.map(() => [base, base] as const) },
    ...shown.map(({ target_time, price, skill, intervals }) => ({
      time: seconds(target_time) - length,
      middle: skill.has_skill ? Number(price) : null,
      ranges: [...intervals].sort((a, b) => a.level - b.level).map(({ low, high }) => [Number(low), Number(high)] as const),
    })),
  ];
}

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: () => unwrap(api.GET("/api/v1/models")),
  staleTime: 60_000,
});

export function predictionsQuery(token: string, interval: "1h" | "1d") {
  return queryOptions({
    queryKey: ["forecast", token, interval],
    queryFn: () => unwrap(api.GET("/api/v1/predictions/{token}", { params: { path: { token }, query: { interval } } })),
    staleTime: 60_000,
  });
}
