/** What a person has chosen of the looks, in this browser. */

import { useSyncExternalStore } from "react";

const CHOICES = {
  /** How much stands on a page. */
  density: ["comfortable", "compact"],
  /** The colours of gain and loss. */
  palette: ["teal", "blue", "reversed"],
  /** Amounts of money and quantities; shares and returns are always shown. */
  amounts: ["shown", "hidden"],
  /** Single keys as shortcuts. */
  keys: ["on", "off"],
} as const;

type Name = keyof typeof CHOICES;
export type Preferences = { readonly [N in Name]: (typeof CHOICES)[N][number] };

const NAMES = Object.keys(CHOICES) as Name[];
const watchers = new Set<() => void>();

function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    // Storage is switched off: what is chosen lasts as long as the page.
    return null;
  }
}

function read(): Preferences {
  return Object.fromEntries(NAMES.map((name) => [name, CHOICES[name].find((one) => one === stored(name)) ?? CHOICES[name][0]])) as Preferences;
}

let now = read();

/** Styles and charts go by the root's attributes. */
function apply(): void {
  Object.assign(document.documentElement.dataset, { density: now.density, palette: now.palette });
}

function take(next: Preferences): void {
  now = next;
  apply();
  for (const call of watchers) call();
}

/** Keeps a text in this browser; null forgets it. */
export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // As above.
  }
}

export function prefer<N extends Name>(name: N, value: Preferences[N]): void {
  keep(name, value);
  take({ ...now, [name]: value });
}

/** The text that this browser keeps, if it keeps one. */
export const kept = stored;

export function turnAmounts(): void {
  prefer("amounts", now.amounts === "hidden" ? "shown" : "hidden");
}

export function turnDensity(): void {
  prefer("density", now.density === "compact" ? "comfortable" : "compact");
}

function watch(call: () => void): () => void {
  watchers.add(call);
  return () => watchers.delete(call);
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(watch, () => now);
}

/** The choices as they are now, outside of React. */
export function preferences(): Preferences {
  return now;
}

/** Follows what is chosen in other tabs, too. */
export function begin(): void {
  apply();
  addEventListener("storage", () => take(read()));
}
