/** Gaps below a chart, with what is being done about them. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas, unwrap } from "../lib/api/client";
import { reasonOf, repairOf } from "../lib/gaps";
import { moment } from "../lib/time";

export function coverageQuery({ venue, symbol }: Pick<Schemas["Instrument"], "venue" | "symbol">, from: string, to: string) {
  return {
    queryKey: ["coverage", venue, symbol, from, to],
    queryFn: () =>
      unwrap(api.GET("/api/v1/instruments/{venue}/{symbol}/coverage", { params: { path: { venue, symbol }, query: { from, to } } })),
    staleTime: 60_000,
  };
}

export function GapList({ gaps }: { gaps: readonly Schemas["CoverageGap"][] }) {
  return (
    <ul className="text-xs">
      {gaps.map((gap) => (
        <li key={`${gap.from} ${gap.reason}`} className="py-0.5">
          {moment(gap.from)} – {gap.to == null ? "now" : moment(gap.to)}: {reasonOf(gap.reason)}, {repairOf(gap)}
          {gap.last_error != null && <span className="text-warn"> ({gap.last_error})</span>}
        </li>
      ))}
    </ul>
  );
}

export function Gaps({ instrument, coverage }: { instrument: Schemas["Instrument"]; coverage: Schemas["Coverage"] }) {
  const [isOpen, setOpen] = useState(false);
  const { from, to, gaps } = coverage;
  const report = useQuery({ ...coverageQuery(instrument, from ?? "", to ?? ""), enabled: isOpen && from != null && to != null });
  if (gaps.length === 0) return null;
  return (
    <details className="mt-3" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-warn">
        {gaps.length === 1 ? "1 gap" : `${gaps.length} gaps`} in what is known here
        {report.data !== undefined && `: ${report.data.proven_percent} % is proven`}
      </summary>
      <div className="mt-2">
        {report.data === undefined ? (
          <ul className="text-xs">
            {gaps.map((gap) => (
              <li key={`${gap.from} ${gap.reason}`} className="py-0.5">
                {moment(gap.from)} – {gap.to == null ? "now" : moment(gap.to)}: {reasonOf(gap.reason)}
              </li>
            ))}
          </ul>
        ) : (
          <GapList gaps={report.data.gaps} />
        )}
      </div>
    </details>
  );
}
