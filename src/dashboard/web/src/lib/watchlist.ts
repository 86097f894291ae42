/** Tokens that a person watches, in this browser. */

import { useSyncExternalStore } from "react";
import { keep, kept } from "./preferences";

const PLACE = "watchlist";

function read(): ReadonlySet<string> {
  return new Set((kept(PLACE) ?? "").split(" ").filter((id) => id !== ""));
}

let now = read();
const watchers = new Set<() => void>();

function take(next: ReadonlySet<string>): void {
  now = next;
  for (const call of watchers) call();
}

export function watch(id: string, isWanted: boolean): void {
  const next = new Set(now);
  if (isWanted) next.add(id);
  else next.delete(id);
  keep(PLACE, next.size === 0 ? null : [...next].join(" "));
  take(next);
}

function follow(call: () => void): () => void {
  watchers.add(call);
  return () => watchers.delete(call);
}

export function useWatchlist(): ReadonlySet<string> {
  return useSyncExternalStore(follow, () => now);
}
