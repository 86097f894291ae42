/** How did it do? Value by day and the returns of a range, each with the reason where there is none. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Card, Figure } from "../../components/Card";
import { LineChart } from "../../components/LineChart";
import { Button, Change, Empty, Failure, Loading } from "../../components/ui";
import { formatMoney, MISSING, ratioPercent } from "../../lib/decimal";
import { historyOf, performanceOf, RANGES, type Range } from "./queries";

const LINES = [
  ["Value", "value"],
  ["Index", "index"],
] as const;

/** A ratio in per cent, or a dash with the reason in the title. */
export function Ratio({ value, reason }: { value: string | null | undefined; reason?: string | null | undefined }) {
  if (value === null || value === undefined) return <span title={reason ?? "not known"}>{MISSING}</span>;
  return <Change value={ratioPercent(value)} unit=" %" />;
}

export function Performance({ id, currency }: { id: string; currency: string }) {
  const [range, setRange] = useState<Range>("all");
  const [line, setLine] = useState<"value" | "index">("value");
  const history = useQuery(historyOf(id, range));
  const performance = useQuery(performanceOf(id, range));
  const points = useMemo(
    () => (history.data?.data ?? []).map((day) => ({ date: day.date, value: (line === "value" ? day.value : day.index) ?? null })),
    [history.data, line],
  );
  const figures = performance.data;
  const reason = figures?.contribution.total_reason;
  return (
    <Card
      title="Performance"
      action={
        <div className="flex flex-wrap gap-2">
          <div role="group" aria-label="What is drawn" className="flex gap-1">
            {LINES.map(([name, kind]) => (
              <Button key={kind} aria-pressed={line === kind} kind={line === kind ? "primary" : "plain"} onClick={() => setLine(kind)}>
                {name}
              </Button>
            ))}
          </div>
          <div role="group" aria-label="Range" className="flex gap-1">
            {RANGES.map((one) => (
              <Button key={one} aria-pressed={range === one} kind={range === one ? "primary" : "plain"} onClick={() => setRange(one)}>
                {one}
              </Button>
            ))}
          </div>
        </div>
      }
    >
      {history.isError && <Failure error={history.error} retry={() => void history.refetch()} />}
      {history.isPending && <Loading what="the history" />}
      {history.data !== undefined &&
        (points.length === 0 ? (
          <Empty>There is no history before the first transaction.</Empty>
        ) : (
          <LineChart
            points={points}
            label={line === "value" ? `Value in ${currency}` : "Index of the time-weighted return"}
            show={(value) => (line === "value" ? `${formatMoney(value)} ${currency}` : formatMoney(value))}
          />
        ))}
      {performance.isError && <Failure error={performance.error} retry={() => void performance.refetch()} />}
      {figures !== undefined && (
        <>
          <dl className="mt-4 grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-5">
            <Figure name="Time-weighted return" title={figures.twr_reason ?? undefined}>
              <Ratio value={figures.twr} reason={figures.twr_reason} />
            </Figure>
            <Figure name="Money-weighted, a year" title={figures.xirr_reason ?? undefined}>
              <Ratio value={figures.xirr} reason={figures.xirr_reason} />
            </Figure>
            <Figure name="Simple return" title={figures.simple_return_reason ?? undefined}>
              <Ratio value={figures.simple_return} reason={figures.simple_return_reason} />
            </Figure>
            <Figure name="Deepest fall" title={figures.max_drawdown_reason ?? undefined}>
              <Ratio value={figures.max_drawdown} reason={figures.max_drawdown_reason} />
            </Figure>
            <Figure name="Days without a price">{figures.days_unpriced}</Figure>
          </dl>
          {figures.contribution.by_asset.length > 0 && (
            <details className="mt-3">
              <summary className="cursor-pointer text-muted">What contributed to the return</summary>
              {reason && <p className="text-xs text-muted">{reason}</p>}
              <table className="mt-2 w-full max-w-md">
                <tbody>
                  {figures.contribution.by_asset.map((one) => (
                    <tr key={one.asset} className="border-t border-line">
                      <th scope="row" className="text-left font-normal">
                        {one.asset}
                      </th>
                      <td className="figures">
                        <Ratio value={one.contribution} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </details>
          )}
        </>
      )}
    </Card>
  );
}
