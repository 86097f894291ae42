/**
 * A line over days. What is drawn comes from floats; what is read, in the legend and the table, is the text that the
 * server gave. A day without a value is a hole, never a line across it.
 */

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colours, onColours } from "../lib/colours";
import { Button } from "./ui";

export interface Point {
  readonly date: string;
  readonly value: string | null;
}

export function LineChart({
  points,
  label,
  show,
  hasHeights = true,
}: {
  points: readonly Point[];
  label: string;
  /** How a value is written. */
  show: (value: string) => string;
  /** False: the axis beside it is empty, as its amounts are hidden. */
  hasHeights?: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [isTable, setTable] = useState(false);
  const [look, setLook] = useState(0);

  useEffect(() => onColours(() => setLook((count) => count + 1)), []);

  useEffect(() => {
    const element = place.current;
    if (element === null || isTable) return;
    const times = points.map((point) => Date.parse(`${point.date}T00:00:00Z`) / 1000);
    const heights = points.map((point) => (point.value === null ? null : Number(point.value)));
    const colour = colours();
    const axis = { stroke: colour.muted, grid: { stroke: colour.line, width: 1 }, ticks: { show: false } };
    const chart = new uPlot(
      {
        width: element.clientWidth || 300,
        height: 220,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: true } },
        tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "UTC"),
        axes: [axis, { ...axis, ...(hasHeights ? { size: 70 } : { size: 20, values: (_: uPlot, ticks: number[]) => ticks.map(() => "") }) }],
        series: [
          {},
          { stroke: colour.accent, width: 2, spanGaps: false, points: { show: points.length < 3 } },
        ],
        hooks: { setCursor: [(chart) => setAt(chart.cursor.idx ?? null)] },
      },
      [times, heights],
      element,
    );
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 220 }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [points, isTable, look, hasHeights]);

  const known = points.filter((point) => point.value !== null);
  const [first, last] = [known[0], known.at(-1)];
  const shown = (at === null ? undefined : points[at]) ?? last;
  const holes = points.length - known.length;
  const summary =
    first?.value && last?.value
      ? `${label}: ${show(first.value)} on ${first.date} to ${show(last.value)} on ${last.date}${holes > 0 ? `, ${holes} days without a value` : ""}`
      : `${label}: no values`;
  return (
    <figure>
      <figcaption className="mb-1 flex flex-wrap items-center justify-between gap-2 text-xs text-muted">
        <span className="tabular-nums">
          {shown ? `${shown.date}: ${shown.value === null ? "no value" : show(shown.value)}` : "no values"}
          {holes > 0 && ` · ${holes} ${holes === 1 ? "day" : "days"} without a value`}
        </span>
        <Button onClick={() => setTable(!isTable)}>{isTable ? "Show as chart" : "Show as table"}</Button>
      </figcaption>
      {isTable ? (
        <div className="max-h-56 overflow-y-auto">
          <table className="w-full">
            <thead className="text-left text-xs text-muted">
              <tr>
                <th scope="col">Day</th>
                <th scope="col" className="figures">
                  {label}
                </th>
              </tr>
            </thead>
            <tbody>
              {[...points].reverse().map((point) => (
                <tr key={point.date} className="border-t border-line">
                  <td>{point.date}</td>
                  <td className="figures" title={point.value === null || !hasHeights ? undefined : point.value}>
                    {point.value === null ? "–" : show(point.value)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <div ref={place} role="img" aria-label={summary} className="h-[220px] overflow-hidden" />
      )}
    </figure>
  );
}
