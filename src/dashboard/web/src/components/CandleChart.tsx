/**
 * Candles on a canvas. It draws with floats, and only that: the legend shows the API's own texts.
 * Live bars go past React.
 */

import {
  type CandlestickData,
  CandlestickSeries,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
  type WhitespaceData,
} from "lightweight-charts";
import { useEffect, useRef, useState } from "react";
import { type Bar, barOf, merge } from "../lib/candles";
import { compare, format, formatPrice } from "../lib/decimal";
import { candleOf, stream } from "../lib/live";
import { moment } from "../lib/time";

type Point = CandlestickData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;

interface Colours {
  readonly [name: string]: string;
}

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const names = ["page", "line", "text", "muted", "up", "down", "warn"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Complete: filled. Open: hollow. Incomplete: hollow, in the colour of warnings. */
function pointOf({ time, candle, standing }: Bar, colour: Colours): Point {
  const at = time as UTCTimestamp;
  if (standing === "unknown") return { time: at };
  const way = (compare(candle.close, candle.open) < 0 ? colour.down : colour.up) ?? "";
  const edge = standing === "incomplete" ? (colour.warn ?? "") : way;
  return {
    time: at,
    open: Number(candle.open),
    high: Number(candle.high),
    low: Number(candle.low),
    close: Number(candle.close),
    color: standing === "complete" ? way : (colour.page ?? ""),
    borderColor: edge,
    wickColor: edge,
  };
}

function volumeOf({ time, candle, standing }: Bar, colour: Colours) {
  const at = time as UTCTimestamp;
  return standing === "unknown" ? { time: at } : { time: at, value: Number(candle.volume), color: `${colour.muted}66` };
}

/** The smallest step that the prices show: what the axis is written with. */
function precisionOf(bars: readonly Bar[]): number {
  return bars.reduce((most, { candle }) => Math.max(most, candle.close.split(".")[1]?.length ?? 0), 2);
}

const STANDINGS = {
  complete: "complete",
  incomplete: "incomplete: trades are missing",
  open: "still open",
  unknown: "unknown: inside a gap",
};

function Legend({ bar }: { bar: Bar | undefined }) {
  if (bar === undefined) return null;
  const { candle, standing } = bar;
  const parts = [
    ["O", candle.open],
    ["H", candle.high],
    ["L", candle.low],
    ["C", candle.close],
  ] as const;
  return (
    <p className="flex flex-wrap gap-x-3 text-xs tabular-nums">
      <span className="text-muted">{moment(candle.open_time)}</span>
      {standing !== "unknown" &&
        parts.map(([name, price]) => (
          <span key={name}>
            <span className="text-muted">{name}</span> {formatPrice(price)}
          </span>
        ))}
      <span>
        <span className="text-muted">Volume</span> {format(candle.volume)}
      </span>
      <span className={standing === "incomplete" || standing === "unknown" ? "text-warn" : "text-muted"}>
        {STANDINGS[standing]}
        {candle.revision > 0 && `, corrected ${candle.revision === 1 ? "once" : `${candle.revision} times`}`}
      </span>
    </p>
  );
}

export function CandleChart({ bars, topic, name }: { bars: readonly Bar[]; topic: string; name: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Bar | undefined>(bars.at(-1));

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let colour = colours();
    let known = bars;
    let pointed: number | null = null;
    const precision = precisionOf(bars);
    const chart: IChartApi = createChart(element, {
      autoSize: true,
      // Its logo brings a style element, which the page's policy forbids: the notice below stands for it.
      layout: { attributionLogo: false, fontFamily: "system-ui, sans-serif" },
      timeScale: { timeVisible: true, secondsVisible: false },
    });
    const candles: ISeriesApi<"Candlestick"> = chart.addSeries(CandlestickSeries, {
      priceFormat: { type: "price", precision, minMove: 1 / 10 ** precision },
    });
    const volumes: ISeriesApi<"Histogram"> = chart.addSeries(HistogramSeries, {
      priceScaleId: "",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    volumes.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });

    const paint = () => {
      colour = colours();
      const grid = { color: `${colour.line}80` };
      chart.applyOptions({
        layout: { background: { color: colour.page ?? "" }, textColor: colour.muted ?? "" },
        grid: { vertLines: grid, horzLines: grid },
        rightPriceScale: { borderColor: colour.line ?? "" },
      });
      candles.setData(known.map((bar) => pointOf(bar, colour)));
      volumes.setData(known.map((bar) => volumeOf(bar, colour)));
    };
    paint();
    setShown(known.at(-1));
    const painter = new MutationObserver(paint);
    painter.observe(document.documentElement, { attributeFilter: ["data-theme"] });

    const last = known.length;
    chart.timeScale().setVisibleLogicalRange({ from: last - 120, to: last + 4 });
    chart.subscribeCrosshairMove(({ time }) => {
      pointed = typeof time === "number" ? time : null;
      setShown(pointed === null ? known.at(-1) : known.find((bar) => bar.time === pointed));
    });
    const leave = stream.subscribe(topic, (message) => {
      const live = candleOf(message);
      if (live === null) return;
      const bar = barOf(live.candle, !live.isClosed);
      const merged = merge(known, bar);
      if (merged === known) return;
      known = merged;
      const isNewest = known.at(-1) === bar;
      if (isNewest) {
        candles.update(pointOf(bar, colour));
        volumes.update(volumeOf(bar, colour));
      } else {
        candles.update(pointOf(bar, colour), true);
        volumes.update(volumeOf(bar, colour), true);
      }
      if (pointed === bar.time || (pointed === null && isNewest)) setShown(bar);
    });
    return () => {
      leave();
      painter.disconnect();
      chart.remove();
    };
  }, [bars, topic]);

  const traded = bars.filter((bar) => bar.standing !== "unknown");
  const [first, newest] = [traded[0], traded.at(-1)];
  const marked = bars.filter((bar) => bar.standing === "incomplete" || bar.standing === "unknown").length;
  const way = first && newest ? compare(newest.candle.close, first.candle.open) : 0;
  const summary =
    first && newest
      ? `${name}: ${way > 0 ? "up" : way < 0 ? "down" : "level"} from ${format(first.candle.open)} to ${format(newest.candle.close)}, ${bars.length} candles, ${marked} of them incomplete`
      : `${name}: no candles`;
  return (
    <figure>
      <figcaption>
        <Legend bar={shown} />
      </figcaption>
      <div ref={place} role="img" aria-label={summary} className="mt-2 h-96 w-full" />
      <p className="mt-1 text-xs text-muted">
        Filled: complete. Hollow: still open. Hollow in{" "}
        <span className="text-warn">this colour</span>: trades are missing. Empty: unknown, inside a gap. Chart by{" "}
        <a href="https://www.tradingview.com/" rel="noreferrer" className="underline">
          TradingView Lightweight Charts™
        </a>
        , © TradingView, Inc.
      </p>
    </figure>
  );
}
