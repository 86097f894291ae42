/** What the alerts' pages ask for. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./api/client";
import type { Condition } from "./conditions";

export type Alert = Schemas["Alert"];
export type AlertEvent = Schemas["AlertEvent"];

/** A condition as the API has it: its fields depend on its kind. */
export function conditionIn(alert: Pick<Alert, "condition">): Condition {
  return alert.condition as unknown as Condition;
}

export const alertsQuery = queryOptions({
  queryKey: ["alerts"],
  queryFn: () => unwrap(api.GET("/api/v1/alerts")),
});

export function alertQuery(id: string) {
  return queryOptions({
    queryKey: ["alerts", id],
    queryFn: () => unwrap(api.GET("/api/v1/alerts/{id}", { params: { path: { id } } })),
  });
}

export function alertEventsQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["alerts", id, "events"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const query = { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET("/api/v1/alerts/{id}/events", { params: { path: { id }, query } }));
    },
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
}
