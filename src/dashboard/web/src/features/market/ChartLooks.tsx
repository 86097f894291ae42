/** What a chart shows besides candles: indicators, the scale, other venues. Kept in this browser. */

import { useState } from "react";
import { chosen, INDICATORS } from "../../lib/indicators";
import { keep, kept } from "../../lib/preferences";

interface Looks {
  readonly indicators: readonly string[];
  readonly isLogarithmic: boolean;
  readonly isCompared: boolean;
}

export function useChartLooks() {
  const [looks, setLooks] = useState<Looks>(() => ({
    indicators: (kept("chart-indicators") ?? "").split(" ").filter((one) => one in INDICATORS),
    isLogarithmic: kept("chart-scale") === "logarithmic",
    isCompared: false,
  }));
  const choose = (next: Partial<Looks>) => {
    const all = { ...looks, ...next };
    keep("chart-indicators", all.indicators.length === 0 ? null : all.indicators.join(" "));
    keep("chart-scale", all.isLogarithmic ? "logarithmic" : null);
    setLooks(all);
  };
  return { looks, choose };
}

export function ChartLooks({ looks, choose, canCompare }: { looks: Looks; choose: (next: Partial<Looks>) => void; canCompare: boolean }) {
  const { indicators, isLogarithmic, isCompared } = looks;
  const box = (label: string, isChecked: boolean, set: (isWanted: boolean) => void) => (
    <label key={label} className="flex items-center gap-2">
      <input type="checkbox" checked={isChecked} onChange={(event) => set(event.target.checked)} />
      {label}
    </label>
  );
  return (
    <div className="mt-2 flex flex-wrap items-start gap-x-6 gap-y-1 text-xs">
      {box("Logarithmic scale", isLogarithmic, (is) => choose({ isLogarithmic: is }))}
      {canCompare && box("Other venues as lines", isCompared, (is) => choose({ isCompared: is }))}
      <details>
        <summary className="cursor-pointer text-muted">Indicators{indicators.length > 0 && ` (${indicators.length})`}</summary>
        <div className="mt-1 grid gap-x-6 gap-y-1 sm:grid-cols-2">
          {Object.entries(INDICATORS).map(([name, indicator]) => box(indicator.name, indicators.includes(name), (is) => choose({ indicators: chosen(indicators, name, is) })))}
        </div>
      </details>
    </div>
  );
}
