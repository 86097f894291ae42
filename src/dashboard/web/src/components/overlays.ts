/** What is drawn over and under candles: gaps as shades, forecasts as a cone. Pixels only. */

import type {
  AutoscaleInfo,
  IChartApi,
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesApi,
  ISeriesPrimitive,
  Logical,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";

export interface Shade {
  /** Seconds since 1970. */
  readonly from: number;
  readonly to: number;
}

export interface ConeEdge {
  /** Seconds since 1970. */
  readonly time: number;
  readonly middle: number | null;
  /** The widest last. */
  readonly ranges: readonly (readonly [low: number, high: number])[];
}

/** The place of an instant among evenly spaced bars, between them too. */
export function placeIn(times: readonly number[], length: number, time: number): number {
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined) return 0;
  if (time <= first) return (time - first) / length;
  if (time >= last) return times.length - 1 + (time - last) / length;
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= time) low = middle;
    else high = middle;
  }
  const [before, after] = [times[low] ?? first, times[high] ?? last];
  return low + (time - before) / (after - before);
}

abstract class Layer implements ISeriesPrimitive<Time> {
  protected chart: IChartApi | null = null;
  protected series: ISeriesApi<"Candlestick"> | null = null;
  #redraw: (() => void) | null = null;
  readonly #views: readonly IPrimitivePaneView[];

  constructor() {
    const renderer: IPrimitivePaneRenderer = {
      draw: (target) => target.useMediaCoordinateSpace(({ context, mediaSize }) => this.draw(context, mediaSize.height)),
    };
    this.#views = [{ zOrder: () => "bottom", renderer: () => renderer }];
  }

  attached({ chart, series, requestUpdate }: SeriesAttachedParameter<Time, "Candlestick">): void {
    this.chart = chart as IChartApi;
    this.series = series;
    this.#redraw = requestUpdate;
  }

  detached(): void {
    this.chart = null;
    this.series = null;
    this.#redraw = null;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  protected redraw(): void {
    this.#redraw?.();
  }

  /** The library knows whole places alone: between two of them, the way is as even as they are. */
  protected x(place: number): number | null {
    const scale = this.chart?.timeScale();
    const whole = Math.floor(place);
    const left = scale?.logicalToCoordinate(whole as Logical) ?? null;
    const right = scale?.logicalToCoordinate((whole + 1) as Logical) ?? null;
    return left === null || right === null ? null : left + (place - whole) * (right - left);
  }

  protected y(price: number): number | null {
    return this.series?.priceToCoordinate(price) ?? null;
  }

  protected abstract draw(context: CanvasRenderingContext2D, height: number): void;
}

/** Hatched stretches over the whole height. */
export class Shades extends Layer {
  #places: readonly (readonly [number, number])[] = [];
  #colour = "";

  show(shades: readonly Shade[], times: readonly number[], length: number, colour: string): void {
    // Whole bars, each half a place on either side of its own: a gap of seconds would not be seen.
    this.#places = shades.map(({ from, to }) => {
      const first = Math.floor(placeIn(times, length, from));
      return [first - 0.5, Math.max(Math.ceil(placeIn(times, length, to)), first + 1) - 0.5];
    });
    this.#colour = colour;
    this.redraw();
  }

  protected draw(context: CanvasRenderingContext2D, height: number): void {
    const width = this.chart?.timeScale().width() ?? 0;
    for (const [from, to] of this.#places) {
      const [left, right] = [Math.max(0, this.x(from) ?? 0), Math.min(width, this.x(to) ?? 0)];
      if (right <= left) continue;
      context.save();
      context.beginPath();
      context.rect(left, 0, Math.max(right - left, 2), height);
      context.clip();
      context.fillStyle = `${this.#colour}26`;
      context.fillRect(left, 0, Math.max(right - left, 2), height);
      context.strokeStyle = `${this.#colour}80`;
      context.beginPath();
      // Lines that stay where they are while the chart is moved over them.
      for (let at = left - ((left % 8) + 8) - height; at < right; at += 8) {
        context.moveTo(at, height);
        context.lineTo(at + height, 0);
      }
      context.stroke();
      context.restore();
    }
  }
}

/** Ranges that widen to the right; a dashed middle where there is one to show. */
export class Cone extends Layer {
  #edges: readonly ConeEdge[] = [];
  #places: readonly number[] = [];
  #colour = "";

  show(edges: readonly ConeEdge[], times: readonly number[], length: number, colour: string): void {
    this.#edges = edges;
    this.#places = edges.map(({ time }) => placeIn(times, length, time));
    this.#colour = colour;
    this.redraw();
  }

  /** The widest range is seen whole where it is in sight. */
  autoscaleInfo(from: number, to: number): AutoscaleInfo | null {
    const seen = this.#edges.filter((_, at) => (this.#places[at] ?? 0) >= from && (this.#places[at] ?? 0) <= to);
    const ends = seen.flatMap(({ ranges }) => ranges.flat());
    return ends.length === 0 ? null : { priceRange: { minValue: Math.min(...ends), maxValue: Math.max(...ends) } };
  }

  protected draw(context: CanvasRenderingContext2D): void {
    const levels = this.#edges[0]?.ranges.length ?? 0;
    for (let level = levels - 1; level >= 0; level--) {
      context.beginPath();
      const corners = (side: 0 | 1) => this.#edges.map((edge, at) => [this.x(this.#places[at] ?? 0), this.y(edge.ranges[level]?.[side] ?? 0)] as const);
      for (const [x, y] of [...corners(1), ...corners(0).reverse()]) if (x !== null && y !== null) context.lineTo(x, y);
      context.closePath();
      context.fillStyle = `${this.#colour}33`;
      context.fill();
    }
    context.beginPath();
    context.setLineDash([4, 4]);
    context.strokeStyle = this.#colour;
    for (const [at, { middle }] of this.#edges.entries()) {
      const [x, y] = [this.x(this.#places[at] ?? 0), middle === null ? null : this.y(middle)];
      if (x === null || y === null) break;
      context.lineTo(x, y);
    }
    context.stroke();
    context.setLineDash([]);
  }
}
