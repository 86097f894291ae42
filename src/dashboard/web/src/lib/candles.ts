/** Candles as a chart takes them: one place for each interval, and what is known about each. */

import type { Schemas } from "./api/client";

type Candle = Schemas["Candle"];

/** How far a candle can be trusted. */
export type Standing = "complete" | "incomplete" | "open" | "unknown";

/** What each means, in words. */
export const STANDINGS: Readonly<Record<Standing, string>> = {
  complete: "complete",
  incomplete: "incomplete: trades are missing",
  open: "still open",
  unknown: "unknown: inside a gap",
};

export interface Bar {
  /** Seconds since 1970. */
  readonly time: number;
  readonly candle: Candle;
  readonly standing: Standing;
}

function secondsAt(text: string): number {
  return Math.floor(Date.parse(text) / 1000);
}

/** The bar of a candle; `isOpen` says whether its interval still runs. */
export function barOf(candle: Candle, isOpen: boolean): Bar {
  const time = secondsAt(candle.open_time);
  // Nothing was traded as far as we know, but we may have missed it: no price is drawn.
  const isUnknown = candle.trades === 0 && !candle.complete;
  const standing = isOpen ? "open" : isUnknown ? "unknown" : candle.complete ? "complete" : "incomplete";
  return { time, candle, standing };
}

/** The bars of an answer; the last is open while its interval lasts. */
export function barsOf(candles: readonly Candle[], length: number, now: number): Bar[] {
  return candles.map((candle) => barOf(candle, secondsAt(candle.open_time) + length > now / 1000));
}

/**
 * The bars with one more: it replaces its own time's, follows the last, or is dropped. A closed candle is
 * never taken back by the open one of before, nor a correction by what it corrected.
 */
export function merge(bars: readonly Bar[], bar: Bar): readonly Bar[] {
  const last = bars.at(-1);
  if (last === undefined || bar.time > last.time) return [...bars, bar];
  const at = bars.findLastIndex((one) => one.time === bar.time);
  const old = bars[at];
  if (old === undefined) return bars;
  if (old.standing !== "open" && bar.standing === "open") return bars;
  if (old.standing !== "open" && old.candle.revision > bar.candle.revision) return bars;
  return bars.with(at, bar);
}
