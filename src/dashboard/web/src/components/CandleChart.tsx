/**
 * Candles on a canvas. It draws with floats, and only that: the legend shows the API's own texts.
 * Live bars go past React.
 */

import {
  type CandlestickData,
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  LineSeries,
  LineStyle,
  PriceScaleMode,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
  type WhitespaceData,
} from "lightweight-charts";
import { useEffect, useId, useRef, useState } from "react";
import { type Bar, barOf, merge, STANDINGS } from "../lib/candles";
import { type Colours, colours, onColours } from "../lib/colours";
import { changePercent, compare, format, formatPrice, formatSigned } from "../lib/decimal";
import { INDICATORS } from "../lib/indicators";
import { candleOf, stream } from "../lib/live";
import { moment } from "../lib/time";
import { CandleTable } from "./CandleTable";
import { type GivenLine, liner } from "./lines";
import { Cone, type ConeEdge, type Shade, Shades } from "./overlays";

/** A price that the chart marks. */
export interface PriceMark {
  readonly price: string;
  readonly title: string;
  /** Called while the line is dragged, with the price where it is let go at last. */
  readonly move?: (price: string, isDone: boolean) => void;
}

/** What a chart shows besides candles. */
export interface Overlays {
  readonly prices?: readonly PriceMark[];
  /** Instants that are marked, in seconds since 1970. */
  readonly events?: readonly number[];
  readonly gaps?: readonly (Shade & { readonly reason: string })[];
  readonly cone?: readonly ConeEdge[];
  /** Trades of one's own. */
  readonly trades?: readonly { readonly time: number; readonly isBuy: boolean }[];
  /** Names of indicators. */
  readonly indicators?: readonly string[];
  readonly lines?: readonly GivenLine[];
  readonly isLogarithmic?: boolean;
  /** Called with the price that was clicked. */
  readonly pick?: (price: string) => void;
}

const NOTHING: Overlays = {};
/** How near to a line, in pixels, it is taken hold of. */
const REACH = 8;

type Point = CandlestickData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;

/** Complete: filled. Open: hollow. Incomplete: hollow, in the colour of warnings. */
function pointOf({ time, candle, standing }: Bar, colour: Colours): Point {
  const at = time as UTCTimestamp;
  if (standing === "unknown") return { time: at };
  const way = compare(candle.close, candle.open) < 0 ? colour.down : colour.up;
  const edge = standing === "incomplete" ? colour.warn : way;
  return {
    time: at,
    open: Number(candle.open),
    high: Number(candle.high),
    low: Number(candle.low),
    close: Number(candle.close),
    color: standing === "complete" ? way : colour.page,
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

function Legend({ bar, gaps }: { bar: Bar | undefined; gaps: Overlays["gaps"] }) {
  if (bar === undefined) return null;
  const { candle, standing } = bar;
  const gap = gaps?.find(({ from, to }) => bar.time < to && bar.time >= from);
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
        {gap !== undefined && (standing === "incomplete" || standing === "unknown") && ` (${gap.reason})`}
        {candle.revision > 0 && `, corrected ${candle.revision === 1 ? "once" : `${candle.revision} times`}`}
      </span>
    </p>
  );
}

/** Shows the newest candles, and as much of what is ahead as leaves them room. */
function look(chart: IChartApi, bars: number, ahead: number) {
  chart.timeScale().setVisibleLogicalRange({ from: bars - 120, to: bars + Math.min(60, Math.max(4, ahead + 2)) });
}

/** Draws over a chart what is asked for, in place of what was asked for before. */
function overlayer(chart: IChartApi, candles: ISeriesApi<"Candlestick">, length: number, times: () => readonly number[], colour: () => Colours) {
  const [shades, cone] = [new Shades(), new Cone()];
  candles.attachPrimitive(shades);
  candles.attachPrimitive(cone);
  const markers = createSeriesMarkers(candles, []);
  // The time scale reaches as far as its series do; this one has nothing but times.
  const future = chart.addSeries(LineSeries, { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false });
  let lines: { line: IPriceLine; mark: PriceMark }[] = [];
  let hasCone = false;
  return {
    lines: () => lines,
    show({ prices = [], events = [], gaps = [], trades = [], cone: edges = [] }: Overlays) {
      const known = times();
      const colours = colour();
      for (const { line } of lines) candles.removePriceLine(line);
      lines = prices.map((mark) => ({
        mark,
        line: candles.createPriceLine({
          price: Number(mark.price),
          title: mark.title,
          color: colours.accent,
          lineWidth: mark.move === undefined ? 1 : 2,
          lineStyle: LineStyle.Dashed,
          axisLabelVisible: true,
        }),
      }));
      const first = known[0] ?? 0;
      const barOf = (time: number) => (known[known.findLastIndex((one) => one <= time)] ?? time) as UTCTimestamp;
      const places = (all: readonly { time: number }[]) => [...new Set(all.filter(({ time }) => time >= first).map(({ time }) => barOf(time)))];
      const marks: SeriesMarker<Time>[] = [
        ...places(events.map((time) => ({ time }))).map((time) => ({ time, position: "aboveBar" as const, shape: "arrowDown" as const, color: colours.accent })),
        ...places(trades.filter(({ isBuy }) => isBuy)).map((time) => ({ time, position: "belowBar" as const, shape: "circle" as const, color: colours.up, text: "bought" })),
        ...places(trades.filter(({ isBuy }) => !isBuy)).map((time) => ({ time, position: "aboveBar" as const, shape: "circle" as const, color: colours.down, text: "sold" })),
      ];
      markers.setMarkers(marks.sort((a, b) => Number(a.time) - Number(b.time)));
      shades.show(gaps, known, length, colours.warn);
      const last = known.at(-1) ?? 0;
      const until = edges.at(-1)?.time ?? last;
      const ahead = Array.from({ length: Math.max(0, Math.ceil((until - last) / length)) }, (_, at) => ({ time: (last + (at + 1) * length) as UTCTimestamp }));
      const isNew = edges.length > 0 && !hasCone;
      hasCone = edges.length > 0;
      future.setData(ahead);
      // A cone that comes after its candles is brought into view, once.
      if (isNew) look(chart, known.length, ahead.length);
      cone.show(edges, known, length, colours.accent);
    },
  };
}

export function CandleChart({
  bars,
  length,
  topic,
  name,
  overlays = NOTHING,
}: {
  bars: readonly Bar[];
  /** Seconds of a candle. */
  length: number;
  topic: string;
  name: string;
  overlays?: Overlays;
}) {
  const place = useRef<HTMLDivElement>(null);
  const draw = useRef<((overlays: Overlays) => void) | null>(null);
  const wanted = useRef(overlays);
  const hint = useId();
  // Prices that change by themselves are not read out.
  const [isWalking, setWalking] = useState(false);
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
    const over = overlayer(chart, candles, length, () => known.map((bar) => bar.time), () => colour);
    const lines = liner(chart);
    let drawn: Overlays | null = null;
    const show = (overlays: Overlays) => {
      over.show(overlays);
      // A line that is dragged is no reason to draw every other one again.
      if (drawn === null || drawn.indicators !== overlays.indicators || drawn.lines !== overlays.lines) {
        lines.show(overlays.indicators ?? [], overlays.lines ?? [], known, colour);
      }
      drawn = overlays;
      candles.priceScale().applyOptions({ mode: overlays.isLogarithmic ? PriceScaleMode.Logarithmic : PriceScaleMode.Normal });
    };

    const paint = () => {
      colour = colours();
      const grid = { color: `${colour.line}80` };
      chart.applyOptions({
        layout: { background: { color: colour.page }, textColor: colour.muted, panes: { separatorColor: colour.line } },
        grid: { vertLines: grid, horzLines: grid },
        rightPriceScale: { borderColor: colour.line },
        timeScale: { borderColor: colour.line },
      });
      candles.setData(known.map((bar) => pointOf(bar, colour)));
      volumes.setData(known.map((bar) => volumeOf(bar, colour)));
      drawn = null;
      show(wanted.current);
    };
    paint();
    draw.current = show;
    setShown(known.at(-1));
    const unwatch = onColours(paint);

    look(chart, known.length, ((wanted.current.cone?.at(-1)?.time ?? 0) - (known.at(-1)?.time ?? 0)) / length);
    chart.subscribeCrosshairMove(({ time }) => {
      pointed = typeof time === "number" ? time : null;
      setShown(pointed === null ? known.at(-1) : known.find((bar) => bar.time === pointed));
    });

    const priceAt = (y: number): string | null => {
      const price = candles.coordinateToPrice(y);
      return price === null || price <= 0 ? null : price.toFixed(precision);
    };
    chart.subscribeClick(({ point, paneIndex = 0 }) => {
      const price = point === undefined || paneIndex > 0 ? null : priceAt(point.y);
      if (price !== null) wanted.current.pick?.(price);
    });
    // The arrows move the crosshair as a pointer does.
    const walk = (event: KeyboardEvent) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") {
        if (event.key === "Escape") chart.clearCrosshairPosition();
        return;
      }
      event.preventDefault();
      const from = pointed === null ? known.length : known.findIndex((bar) => bar.time === pointed);
      const next = known[Math.max(0, Math.min(known.length - 1, from + (event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1)))];
      if (next === undefined) return;
      pointed = next.time;
      chart.setCrosshairPosition(Number(next.candle.close), next.time as UTCTimestamp, candles);
      setShown(next);
    };
    element.addEventListener("keydown", walk);
    const within = (event: PointerEvent) => event.clientY - element.getBoundingClientRect().top;
    const near = (event: PointerEvent) =>
      over.lines().find(({ mark }) => mark.move !== undefined && Math.abs((candles.priceToCoordinate(Number(mark.price)) ?? -99) - within(event)) <= REACH);
    let held: { line: IPriceLine; mark: PriceMark } | null = null;
    let heldAt: string | null = null;
    const grab = (event: PointerEvent) => {
      held = near(event) ?? null;
      if (held === null) return;
      heldAt = null;
      chart.applyOptions({ handleScroll: false, handleScale: false });
      element.setPointerCapture(event.pointerId);
    };
    const drag = (event: PointerEvent) => {
      if (held === null) {
        element.style.cursor = near(event) === undefined ? "" : "ns-resize";
        return;
      }
      const price = priceAt(within(event));
      if (price === null) return;
      heldAt = price;
      const last = known.findLast(({ standing }) => standing !== "unknown")?.candle.close;
      const away = last === undefined ? null : changePercent(last, price);
      held.line.applyOptions({ price: Number(price), title: away === null ? held.mark.title : `${held.mark.title} ${formatSigned(away)} %` });
      held.mark.move?.(price, false);
    };
    const restore = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || held === null) return;
      held.line.applyOptions({ price: Number(held.mark.price), title: held.mark.title });
      held.mark.move?.(held.mark.price, false);
      heldAt = null;
      drop();
    };
    const drop = () => {
      if (held === null) return;
      chart.applyOptions({ handleScroll: true, handleScale: true });
      const { mark } = held;
      held = null;
      if (heldAt !== null) mark.move?.(heldAt, true);
    };
    element.addEventListener("pointerdown", grab, true);
    element.addEventListener("pointermove", drag);
    element.addEventListener("pointerup", drop);
    element.addEventListener("pointercancel", drop);
    addEventListener("keydown", restore);

    const leave = stream.subscribe(topic, (message) => {
      const live = candleOf(message);
      if (live === null) return;
      const bar = barOf(live.candle, !live.isClosed);
      const merged = merge(known, bar);
      if (merged === known) return;
      known = merged;
      const isNewest = known.at(-1) === bar;
      candles.update(pointOf(bar, colour), !isNewest);
      volumes.update(volumeOf(bar, colour), !isNewest);
      if (isNewest) lines.update(known);
      if (pointed === bar.time || (pointed === null && isNewest)) setShown(bar);
    });
    return () => {
      leave();
      draw.current = null;
      unwatch();
      chart.remove();
      element.removeEventListener("keydown", walk);
      element.removeEventListener("pointerdown", grab, true);
      element.removeEventListener("pointermove", drag);
      element.removeEventListener("pointerup", drop);
      element.removeEventListener("pointercancel", drop);
      removeEventListener("keydown", restore);
    };
  }, [bars, length, topic]);

  useEffect(() => {
    wanted.current = overlays;
    draw.current?.(overlays);
  }, [overlays]);

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
      <figcaption aria-live={isWalking ? "polite" : "off"}>
        <Legend bar={shown} gaps={overlays.gaps} />
      </figcaption>
      <div ref={place} role="img" tabIndex={0} aria-label={summary} aria-describedby={hint} onKeyDown={() => setWalking(true)} onBlur={() => setWalking(false)} className={`mt-2 w-full ${(overlays.indicators ?? []).some((name) => INDICATORS[name]?.isApart) ? "h-[34rem]" : "h-[24rem]"}`} />
      <p id={hint} className="sr-only">
        The left and right arrow keys go from candle to candle, with Shift by ten.
      </p>
      <p className="mt-1 text-xs text-muted">
        Filled: complete. Hollow: still open. Hollow in{" "}
        <span className="text-warn">this colour</span>: trades are missing. Hatched: a gap. Chart by{" "}
        <a href="https://www.tradingview.com/" rel="noreferrer" className="underline">
          TradingView Lightweight Charts™
        </a>
        , © TradingView, Inc.
      </p>
      <CandleTable bars={bars} name={name} />
    </figure>
  );
}
