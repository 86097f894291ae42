/**
 * Indicators over candles. They are drawn, not counted with, so floats do. Where a price is not known every window begins again:
 * nothing is averaged across a gap.
 */

import type { Bar } from "./candles";

/** One value for each bar; null where there is none. */
export type Values = readonly (number | null)[];

/** The mean of the last values. */
export function average(values: Values, length: number): Values {
  let [known, total] = [0, 0];
  return values.map((value, at) => {
    if (value === null) {
      [known, total] = [0, 0];
      return null;
    }
    known += 1;
    total += value;
    if (known > length) total -= values[at - length] ?? 0;
    return known >= length ? total / length : null;
  });
}

/** The mean in which each value counts less than the next; it begins with the simple mean. `weight` is that of the newest. */
function smoothed(values: Values, length: number, weight: number): Values {
  let [known, total] = [0, 0];
  let mean: number | null = null;
  return values.map((value) => {
    if (value === null) {
      [known, total, mean] = [0, 0, null];
      return null;
    }
    known += 1;
    if (mean !== null) mean += (value - mean) * weight;
    else {
      total += value;
      if (known === length) mean = total / length;
    }
    return mean;
  });
}

export function exponential(values: Values, length: number): Values {
  return smoothed(values, length, 2 / (length + 1));
}

/** The mean, and as many standard deviations above and below it. */
export function bands(values: Values, length: number, deviations: number): { middle: Values; upper: Values; lower: Values } {
  const middle = average(values, length);
  const spread = middle.map((mean, at) => {
    if (mean === null) return null;
    const window = values.slice(at - length + 1, at + 1);
    return deviations * Math.sqrt(window.reduce<number>((sum, value) => sum + ((value ?? mean) - mean) ** 2, 0) / length);
  });
  const moved = (sign: number) => middle.map((mean, at) => (mean === null ? null : mean + sign * (spread[at] ?? 0)));
  return { middle, upper: moved(1), lower: moved(-1) };
}

function changes(values: Values): Values {
  return values.map((value, at) => {
    const before = values[at - 1];
    return value === null || before === null || before === undefined ? null : value - before;
  });
}

/** Relative strength by Wilder: 0 to 100. */
export function strength(values: Values, length: number): Values {
  const moves = changes(values);
  const side = (sign: number) => smoothed(moves.map((move) => (move === null ? null : Math.max(0, sign * move))), length, 1 / length);
  const [gains, losses] = [side(1), side(-1)];
  return gains.map((gain, at) => {
    const loss = losses[at];
    if (gain === null || loss === null || loss === undefined) return null;
    return gain + loss === 0 ? 50 : (100 * gain) / (gain + loss);
  });
}

function difference(a: Values, b: Values): Values {
  return a.map((value, at) => {
    const other = b[at];
    return value === null || other === null || other === undefined ? null : value - other;
  });
}

/** Two exponential means' distance, its own mean, and how far it is from that. */
export function convergence(values: Values): { line: Values; signal: Values; rest: Values } {
  const line = difference(exponential(values, 12), exponential(values, 26));
  const signal = exponential(line, 9);
  return { line, signal, rest: difference(line, signal) };
}

/** The mean true range by Wilder. */
export function trueRange(high: Values, low: Values, close: Values, length: number): Values {
  const ranges = high.map((top, at) => {
    const bottom = low[at];
    const before = close[at - 1] ?? null;
    if (top === null || bottom === null || bottom === undefined) return null;
    return before === null ? top - bottom : Math.max(top, before) - Math.min(bottom, before);
  });
  return smoothed(ranges, length, 1 / length);
}

const DAY = 86_400;

/** The mean price of the day so far (UTC), by volume. */
export function volumeWeighted(times: readonly number[], prices: Values, volumes: Values): Values {
  let [day, paid, traded] = [Number.NaN, 0, 0];
  return prices.map((price, at) => {
    const today = Math.floor((times[at] ?? 0) / DAY);
    if (today !== day) [day, paid, traded] = [today, 0, 0];
    if (price === null) return null;
    const volume = volumes[at] ?? 0;
    paid += price * volume;
    traded += volume;
    return traded === 0 ? null : paid / traded;
  });
}

/** A line of an indicator. */
export interface Line {
  readonly values: Values;
  /** Which of the page's colours it has. */
  readonly colour: "accent" | "warn" | "muted" | "text";
  readonly isBars?: boolean;
}

interface Indicator {
  readonly name: string;
  /** True: below the candles, in a pane of its own. */
  readonly isApart: boolean;
  readonly lines: (bars: readonly Bar[]) => readonly Line[];
}

/** A number of each bar whose price is known. */
function of(bars: readonly Bar[], name: "high" | "low" | "close" | "volume"): Values {
  return bars.map(({ candle, standing }) => (standing === "unknown" ? null : Number(candle[name])));
}

function mean(length: number, colour: Line["colour"], by = average): Indicator["lines"] {
  return (bars) => [{ values: by(of(bars, "close"), length), colour }];
}

export const INDICATORS: Readonly<Record<string, Indicator>> = {
  sma20: { name: "Average of 20", isApart: false, lines: mean(20, "accent") },
  sma50: { name: "Average of 50", isApart: false, lines: mean(50, "warn") },
  sma200: { name: "Average of 200", isApart: false, lines: mean(200, "text") },
  ema20: { name: "Exponential average of 20", isApart: false, lines: mean(20, "muted", exponential) },
  bands: {
    name: "Bollinger bands",
    isApart: false,
    lines: (bars) => {
      const { middle, upper, lower } = bands(of(bars, "close"), 20, 2);
      return [
        { values: middle, colour: "muted" },
        { values: upper, colour: "accent" },
        { values: lower, colour: "accent" },
      ];
    },
  },
  vwap: {
    name: "Average by volume, of the day",
    isApart: false,
    lines: (bars) => {
      const [high, low, close] = [of(bars, "high"), of(bars, "low"), of(bars, "close")];
      const typical = close.map((price, at) => (price === null ? null : (price + (high[at] ?? price) + (low[at] ?? price)) / 3));
      return [{ values: volumeWeighted(bars.map(({ time }) => time), typical, of(bars, "volume")), colour: "warn" }];
    },
  },
  rsi: { name: "Relative strength (RSI) of 14", isApart: true, lines: (bars) => [{ values: strength(of(bars, "close"), 14), colour: "accent" }] },
  macd: {
    name: "MACD 12, 26, 9",
    isApart: true,
    lines: (bars) => {
      const { line, signal, rest } = convergence(of(bars, "close"));
      return [
        { values: rest, colour: "muted", isBars: true },
        { values: line, colour: "accent" },
        { values: signal, colour: "warn" },
      ];
    },
  },
  atr: { name: "True range (ATR) of 14", isApart: true, lines: (bars) => [{ values: trueRange(of(bars, "high"), of(bars, "low"), of(bars, "close"), 14), colour: "accent" }] },
};

/** Panes below the candles that are shown at once. */
const MOST_APART = 2;

/** The choice with one more or one less; a third pane takes the place of the first. */
export function chosen(names: readonly string[], name: string, isWanted: boolean): string[] {
  const rest = names.filter((one) => one !== name && one in INDICATORS);
  if (!isWanted) return rest;
  const apart = rest.filter((one) => INDICATORS[one]?.isApart);
  const dropped = INDICATORS[name]?.isApart && apart.length >= MOST_APART ? apart[0] : undefined;
  return [...rest.filter((one) => one !== dropped), name];
}
