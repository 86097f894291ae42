/** Events of alerts as they come, on whatever page: the newest of this visit, and those of the time between two visits. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import type { AlertEvent } from "./alerts";
import { stream } from "./live";

/** The most that are kept. */
const MOST = 50;

let events: readonly AlertEvent[] = [];
const watchers = new Set<() => void>();

function show(next: readonly AlertEvent[]): void {
  events = next;
  for (const call of watchers) call();
}

function watch(call: () => void): () => void {
  watchers.add(call);
  return () => watchers.delete(call);
}

/** The newest events, the newest first. */
export function useAlertEvents(): readonly AlertEvent[] {
  return useSyncExternalStore(watch, () => events);
}

const PLACE = "alerts-cursor";

/** The newest event that this user was shown in this browser. */
function placeOf(user: string): string | undefined {
  try {
    const [whose, cursor] = (localStorage.getItem(PLACE) ?? "").split(" ");
    return whose === user && cursor !== undefined && /^\d+$/.test(cursor) ? cursor : undefined;
  } catch {
    // Storage is switched off: events begin now.
    return undefined;
  }
}

function keepPlace(user: string, cursor: string): void {
  try {
    localStorage.setItem(PLACE, `${user} ${cursor}`);
  } catch {
    // As above.
  }
}

/** Follows the events of a user's alerts; of none for a visitor. */
export function useAlertStream(user: string | null): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (user === null) return;
    const leave = stream.subscribe(
      "alerts",
      (message) => {
        if (message.type === "alert") {
          const event = message.data as AlertEvent;
          // One may come twice after a reconnect.
          if (events.some(({ id }) => id === event.id)) return;
          keepPlace(user, event.cursor);
          show([event, ...events].slice(0, MOST));
        } else if (message.type === "acknowledged") {
          const acknowledged_at = new Date().toISOString();
          show(events.map((event) => (event.id === message.event ? { ...event, acknowledged_at } : event)));
        } else {
          return;
        }
        void queries.invalidateQueries({ queryKey: ["alerts"] });
        void queries.invalidateQueries({ queryKey: ["notifications"] });
      },
      placeOf(user),
    );
    return () => {
      leave();
      show([]);
    };
  }, [user, queries]);
}
