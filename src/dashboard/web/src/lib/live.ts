/** The page's one stream, and the newest candle of each topic for React: drawn at most four times a second. */

import { useCallback, useEffect, useSyncExternalStore } from "react";
import type { Schemas } from "./api/client";
import { Stream, type StreamMessage, type StreamState } from "./stream";

export type Candle = Schemas["Candle"];

export interface LiveCandle {
  readonly candle: Candle;
  readonly isClosed: boolean;
}

const DRAW_EVERY = 250;

export const stream = new Stream({
  open: () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return new WebSocket(`${scheme}://${location.host}/api/v1/stream`) as never;
  },
  now: () => Date.now(),
  random: () => Math.random(),
  setTimer: (call, milliseconds) => window.setTimeout(call, milliseconds),
  clearTimer: (timer) => window.clearTimeout(timer as number | undefined),
});

addEventListener("online", stream.retryNow);
addEventListener("offline", stream.lose);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && stream.state.kind === "reconnecting") stream.retryNow();
});

export function useStreamState(): StreamState {
  return useSyncExternalStore(stream.watch, () => stream.state);
}

const newest = new Map<string, unknown>();
const waiting = new Set<() => void>();
let timer: number | null = null;

/** Calls back with everything else that changed, in one frame. */
function draw(call: () => void): void {
  waiting.add(call);
  timer ??= window.setTimeout(() => {
    timer = null;
    requestAnimationFrame(() => {
      const calls = [...waiting];
      waiting.clear();
      for (const one of calls) one();
    });
  }, DRAW_EVERY);
}

export function candleTopic(instrument: Schemas["Instrument"], interval: string): string {
  return `candles:${instrument.venue}:${instrument.symbol}:${interval}`;
}

/** Whether a message is a candle, and which. */
export function candleOf(message: StreamMessage): LiveCandle | null {
  if (message.type !== "candle") return null;
  return { candle: message.data as Candle, isClosed: message.closed === true };
}

/** The newest of what a topic brings, as `read` finds it in a message. */
function useNewest<T>(topic: string | null, read: (message: StreamMessage) => T | null): T | undefined {
  const subscribe = useCallback(
    (changed: () => void) => {
      if (topic === null) return () => {};
      const leave = stream.subscribe(topic, (message) => {
        const found = read(message);
        if (found === null) return;
        newest.set(topic, found);
        draw(changed);
      });
      return () => {
        waiting.delete(changed);
        leave();
      };
    },
    [topic, read],
  );
  // A topic has one kind of value: that of its one reader.
  return useSyncExternalStore(subscribe, () => (topic === null ? undefined : (newest.get(topic) as T | undefined)));
}

/** The newest candle of a topic, as the stream brings it. */
export function useLiveCandle(topic: string | null): LiveCandle | undefined {
  return useNewest(topic, candleOf);
}

/** What a portfolio comes to, as prices move: the fields of the REST API. */
export interface PortfolioValue {
  readonly value: string | null;
  readonly value_reason: string | null;
  readonly unrealized: string | null;
  readonly day_change: string | null;
  readonly day_change_ratio: string | null;
  readonly day_change_reason: string | null;
  readonly holdings: readonly {
    readonly asset: string;
    readonly account: string;
    readonly quantity: string;
    readonly price: string | null;
    readonly price_at: string | null;
    readonly value: string | null;
    readonly unrealized: string | null;
    readonly day_change: string | null;
  }[];
}

function portfolioOf(message: StreamMessage): PortfolioValue | null {
  return message.type === "portfolio" ? (message.data as PortfolioValue) : null;
}

/** The newest value of a portfolio. */
export function usePortfolioValue(id: string): PortfolioValue | undefined {
  return useNewest(`portfolio:${id}`, portfolioOf);
}

/** Forgets what the user before was shown. */
export function forget(): void {
  newest.clear();
  stream.restart();
}

/** Calls back when messages may have been missed. */
export function useResumed(call: () => void): void {
  useEffect(() => stream.onResumed(call), [call]);
}
