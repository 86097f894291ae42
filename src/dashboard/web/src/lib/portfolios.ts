/** What the portfolios' pages ask for. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./api/client";

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

export function transactionsQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["portfolio", id, "transactions"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const query = { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET("/api/v1/portfolios/{id}/transactions", { params: { path: { id }, query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}
