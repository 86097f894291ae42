/** What the portfolios' pages ask for. Each key of a portfolio begins with its id, so that a change of it reads all again. */

import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./api/client";

/** How the lots of a disposal are chosen. */
export const METHODS = [
  ["fifo", "First in, first out"],
  ["lifo", "Last in, first out"],
  ["hifo", "Highest cost first"],
  ["average", "Average cost"],
  ["uk", "United Kingdom"],
  ["specific", "Lots that transactions name"],
] as const;

export const RANGES = ["7d", "30d", "90d", "1y", "all"] as const;
export type Range = (typeof RANGES)[number];

const DAYS: Record<Range, number | null> = { "7d": 7, "30d": 30, "90d": 90, "1y": 365, all: null };

/** The first day of a range that ends today, as the API wants it. */
function firstDay(range: Range): { from?: string } {
  const days = DAYS[range];
  return days === null ? {} : { from: new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10) };
}

/** Reads a portfolio again, and the list that counts its transactions. */
export function usePortfolioChanged(id: string): () => Promise<unknown> {
  const queries = useQueryClient();
  return () => Promise.all([queries.invalidateQueries({ queryKey: ["portfolio", id] }), queries.invalidateQueries({ queryKey: ["portfolios"] })]);
}

export const portfoliosQuery = queryOptions({
  queryKey: ["portfolios"],
  queryFn: () => unwrap(api.GET("/api/v1/portfolios")),
});

export function portfolioQuery(id: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "figures"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}", { params: { path: { id } } })),
  });
}

export function holdingsQuery(id: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "holdings"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/holdings", { params: { path: { id } } })),
  });
}

/** Which transactions are shown; what is empty asks for nothing. */
export interface Filter {
  readonly asset: string;
  readonly kind: string;
  readonly account: string;
}

export function transactionsQuery(id: string, filter: Filter) {
  return infiniteQueryOptions({
    queryKey: ["portfolio", id, "transactions", filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const asked = Object.fromEntries(Object.entries(filter).filter(([, text]) => text !== ""));
      const query = { limit: 50, ...asked, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET("/api/v1/portfolios/{id}/transactions", { params: { path: { id }, query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}

export function accountsQuery(id: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "accounts"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/accounts", { params: { path: { id } } })),
  });
}

export function importsQuery(id: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "imports"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/imports", { params: { path: { id } } })),
  });
}

export function transfersQuery(id: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "transfers"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/transfers/proposals", { params: { path: { id } } })),
  });
}

export function shareLinksQuery(id: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "share-links"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/share-links", { params: { path: { id } } })),
  });
}

/** Its value and index by day. */
export function courseQuery(id: string, range: Range) {
  return queryOptions({
    queryKey: ["portfolio", id, "history", range],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/history", { params: { path: { id }, query: firstDay(range) } })),
    staleTime: 60_000,
  });
}

/** Its returns, beside those of a mix (`bitcoin:0.6,USD:0.4`). */
export function performanceQuery(id: string, range: Range, benchmark: string | null) {
  return queryOptions({
    queryKey: ["portfolio", id, "performance", range, benchmark],
    queryFn: () => {
      const query = { ...firstDay(range), ...(benchmark === null ? {} : { benchmark }) };
      return unwrap(api.GET("/api/v1/portfolios/{id}/performance", { params: { path: { id }, query } }));
    },
    staleTime: 60_000,
  });
}

export function riskQuery(id: string, range: Range) {
  return queryOptions({
    queryKey: ["portfolio", id, "risk", range],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/risk", { params: { path: { id }, query: firstDay(range) } })),
    staleTime: 60_000,
  });
}

/** Where its value is; with a target (`bitcoin:0.6,USD:0.4`), the trades that lead there. */
export function allocationQuery(id: string, target: { readonly mix: string; readonly tolerance: string } | null = null) {
  return queryOptions({
    queryKey: ["portfolio", id, "allocation", target],
    queryFn: () => {
      const query = target === null ? {} : { target: target.mix, tolerance: target.tolerance };
      return unwrap(api.GET("/api/v1/portfolios/{id}/allocation", { params: { path: { id }, query } }));
    },
    staleTime: 30_000,
  });
}

export function explanationQuery(id: string, figure: string) {
  return queryOptions({
    queryKey: ["portfolio", id, "explain", figure],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/explain", { params: { path: { id }, query: { figure } } })),
    staleTime: 60_000,
  });
}
