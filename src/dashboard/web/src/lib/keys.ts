/** Single keys as shortcuts: not while somebody types, and not for those who have switched them off. */

import { useEffect, useRef } from "react";
import { preferences } from "./preferences";

/** A key typed into a field is text, not a shortcut. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Calls back with each single key that is pressed, while the component is there. */
export function useKeys(pressed: (key: string, event: KeyboardEvent) => void): void {
  const newest = useRef(pressed);
  newest.current = pressed;
  useEffect(() => {
    const handle = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || preferences().keys === "off") return;
      newest.current(event.key, event);
    };
    addEventListener("keydown", handle);
    return () => removeEventListener("keydown", handle);
  }, []);
}

/** What keys do, for the list of them. */
export const SHORTCUTS = [
  ["/  Ctrl K  ⌘ K", "search pages, tokens, portfolios and actions"],
  ["g o", "overview"],
  ["g m", "market"],
  ["g p", "portfolios"],
  ["g a", "alerts"],
  ["g n", "notifications"],
  ["g f", "forecasts"],
  ["g d", "data quality"],
  ["g s", "settings"],
  ["1 … 6", "the interval of a token’s candles"],
  ["h", "hide or show amounts"],
  ["Shift D", "compact or comfortable"],
  ["?", "this list"],
  ["Esc", "close what is open"],
] as const;
