/** What the portfolio's parts ask for. Each key begins with the portfolio's, so that a change of it reads all again. */

import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "../../lib/api/client";

export const RANGES = ["7d", "30d", "90d", "1y", "all"] as const;
export type Range = (typeof RANGES)[number];

const DAYS: Record<Range, number | null> = { "7d": 7, "30d": 30, "90d": 90, "1y": 365, all: null };

/** The first day of a range that ends today, as the API wants it. */
export function firstDay(range: Range, now: number): string | undefined {
  const days = DAYS[range];
  return days === null ? undefined : new Date(now - days * 86_400_000).toISOString().slice(0, 10);
}

function query(range: Range): { from?: string } {
  const from = firstDay(range, Date.now());
  return from === undefined ? {} : { from };
}

export function historyOf(id: string, range: Range) {
  return queryOptions({
    queryKey: ["portfolio", id, "history", range],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/history", { params: { path: { id }, query: query(range) } })),
    staleTime: 60_000,
  });
}

export function performanceOf(id: string, range: Range) {
  return queryOptions({
    queryKey: ["portfolio", id, "performance", range],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/performance", { params: { path: { id }, query: query(range) } })),
    staleTime: 60_000,
  });
}

export function explanationOf(id: string, figure: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "explain", figure],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/explain", { params: { path: { id }, query: { figure } } })),
    staleTime: 60_000,
  });
}
