/** What is proven, missing and unknown of a period, as a strip. */

import type { Schemas } from "../../lib/api/client";
import { reasonOf } from "../../lib/gaps";

export function Strip({ report }: { report: Schemas["CoverageReport"] }) {
  const [start, end] = [Date.parse(report.from), Date.parse(report.to)];
  const place = (text: string | null | undefined) => {
    const at = text == null ? end : Date.parse(text);
    return ((Math.min(Math.max(at, start), end) - start) / (end - start)) * 1000;
  };
  const bar = (from: string, to: string | null | undefined, look: string, title: string) => {
    const [left, right] = [place(from), place(to)];
    return (
      <rect key={`${title} ${from}`} x={left} width={Math.max(right - left, 3)} y="0" height="14" className={look}>
        <title>{title}</title>
      </rect>
    );
  };
  const words = `${report.proven_percent} % proven, ${report.gaps.length} ${report.gaps.length === 1 ? "gap" : "gaps"}`;
  return (
    <svg viewBox="0 0 1000 14" preserveAspectRatio="none" role="img" aria-label={words} className="h-3.5 w-full min-w-16 sm:min-w-32 rounded-sm bg-line">
      {report.proven.map(({ from, to, source }) => bar(from, to, "fill-good", source === "trades" ? "own trades" : source))}
      {report.gaps.map(({ from, to, reason }) => bar(from, to, "fill-warn", reasonOf(reason)))}
    </svg>
  );
}
