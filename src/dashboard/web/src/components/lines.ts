/** Lines over and under candles: indicators, and closes of other venues. */

import { HistogramSeries, type IChartApi, type ISeriesApi, LineSeries, type UTCTimestamp } from "lightweight-charts";
import type { Bar } from "../lib/candles";
import type { Colours } from "../lib/colours";
import { INDICATORS } from "../lib/indicators";

/** A line that is given by its points. */
export interface GivenLine {
  readonly name: string;
  readonly colour: keyof Colours;
  readonly points: readonly { readonly time: number; readonly value: number | null }[];
}

interface Drawn {
  readonly series: ISeriesApi<"Line"> | ISeriesApi<"Histogram">;
  readonly indicator: string;
  readonly at: number;
}

function point(time: number, value: number | null | undefined) {
  return value === null || value === undefined ? { time: time as UTCTimestamp } : { time: time as UTCTimestamp, value };
}

const QUIET = { lastValueVisible: false, priceLineVisible: false };

/** Draws what is asked for in place of what was asked for before. */
export function liner(chart: IChartApi) {
  let drawn: Drawn[] = [];
  let given: ISeriesApi<"Line">[] = [];
  return {
    show(names: readonly string[], lines: readonly GivenLine[], bars: readonly Bar[], colours: Colours) {
      for (const { series } of drawn) chart.removeSeries(series);
      for (const series of given) chart.removeSeries(series);
      let pane = 0;
      drawn = names.flatMap((name) => {
        const indicator = INDICATORS[name];
        if (indicator === undefined) return [];
        if (indicator.isApart) pane += 1;
        const where = indicator.isApart ? pane : 0;
        return indicator.lines(bars).map(({ values, colour, isBars }, at) => {
          const series = isBars
            ? chart.addSeries(HistogramSeries, { ...QUIET, color: colours[colour] }, where)
            : chart.addSeries(LineSeries, { ...QUIET, color: colours[colour], lineWidth: 1, crosshairMarkerVisible: false, title: at === 0 && indicator.isApart ? indicator.name : "" }, where);
          series.setData(bars.map(({ time }, at) => point(time, values[at])));
          return { series, indicator: name, at };
        });
      });
      given = lines.map(({ name, colour, points }) => {
        const series = chart.addSeries(LineSeries, { ...QUIET, color: colours[colour], lineWidth: 1, crosshairMarkerVisible: false, title: name });
        series.setData(points.map(({ time, value }) => point(time, value)));
        return series;
      });
      for (const [at, one] of chart.panes().entries()) one.setStretchFactor(at === 0 ? 3 : 1);
    },
    /** The newest bar has changed, or a newer has come. */
    update(bars: readonly Bar[]) {
      const time = bars.at(-1)?.time;
      if (time === undefined) return;
      for (const name of new Set(drawn.map(({ indicator }) => indicator))) {
        const lines = INDICATORS[name]?.lines(bars);
        for (const { series, at } of drawn.filter(({ indicator }) => indicator === name)) series.update(point(time, lines?.[at]?.values.at(-1)));
      }
    },
  };
}
