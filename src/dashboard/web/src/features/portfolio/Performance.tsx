/** How did it do? Value by day and the returns of a range, beside those of a benchmark, each with the reason where there is none. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { Card, Figure } from "../../components/Card";
import { Choice } from "../../components/Choice";
import { LineChart } from "../../components/LineChart";
import { Gain, Money, useAmounts } from "../../components/Money";
import { Button, Empty, Failure, Loading } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { formatMoney } from "../../lib/decimal";
import { mixOf, type Weight } from "../../lib/mix";
import { courseQuery, performanceQuery, type Range } from "../../lib/portfolios";
import { Explain } from "./Explain";
import { Mix } from "./Mix";
import { RangeChoice } from "./RangeChoice";
import { Ratio } from "./Ratio";

const LINES = [
  ["value", "Value"],
  ["index", "Index"],
] as const;

function Contribution({ contribution }: { contribution: Schemas["Contributions"] }) {
  if (contribution.by_asset.length === 0) return null;
  const others = [
    ["Trades, against the closing price of their day", contribution.trading],
    ["Fees", contribution.fees],
    ["Together", contribution.total],
  ] as const;
  return (
    <details className="mt-3">
      <summary className="cursor-pointer text-muted">What contributed to the return</summary>
      {contribution.total_reason && <p className="text-xs text-muted">{contribution.total_reason}</p>}
      <table className="mt-2 w-full max-w-md">
        <tbody>
          {[...contribution.by_asset.map((one) => [one.asset, one.contribution] as const), ...others].map(([name, value]) => (
            <tr key={name} className="border-t border-line">
              <th scope="row" className="text-left font-normal">
                {name}
              </th>
              <td className="figures">
                <Ratio value={value} reason={contribution.total_reason} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** The same deposits and withdrawals in a mix. */
function Comparison({ than, performance }: { than: Schemas["BenchmarkComparison"]; performance: Schemas["PortfolioPerformance"] }) {
  const rows = [
    ["Time-weighted return", performance.twr, performance.twr_reason, than.twr, than.twr_reason],
    ["Money-weighted, a year", performance.xirr, performance.xirr_reason, than.xirr, than.xirr_reason],
    ["Deepest fall", performance.max_drawdown, performance.max_drawdown_reason, than.max_drawdown, than.max_drawdown_reason],
  ] as const;
  return (
    <div role="group" aria-label="Comparison" tabIndex={0} className="overflow-x-auto">
      <table className="mt-3 w-full max-w-lg">
        <thead className="text-xs text-muted">
          <tr>
            <td />
            <th scope="col" className="figures font-normal">This portfolio</th>
            <th scope="col" className="figures font-normal">The mix</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, own, why, other, whyOther]) => (
            <tr key={name} className="border-t border-line">
              <th scope="row" className="text-left font-normal">{name}</th>
              <td className="figures">
                <Ratio value={own} reason={why} />
              </td>
              <td className="figures">
                <Ratio value={other} reason={whyOther} />
              </td>
            </tr>
          ))}
          <tr className="border-t border-line">
            <th scope="row" className="text-left font-normal">Value of the same flows</th>
            <td className="figures">
              <Gain value={than.difference} /> <span className="text-xs text-muted">ahead</span>
            </td>
            <td className="figures">
              <Money value={than.value} reason={than.value_reason} />
            </td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function Benchmark({ compare }: { compare: (mix: string | null) => void }) {
  const [weights, setWeights] = useState<readonly Weight[]>([{ asset: "bitcoin", percent: "100" }]);
  const mix = mixOf(weights);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    compare(mix);
  };
  return (
    <details className="mt-3" onToggle={(event) => !event.currentTarget.open && compare(null)}>
      <summary className="cursor-pointer text-muted">Compare it with something else</summary>
      <form onSubmit={submit} className="mt-2 grid max-w-md gap-3">
        <p className="text-xs text-muted">What the same deposits and withdrawals would have come to.</p>
        <Mix weights={weights} change={setWeights} />
        <div>
          <Button type="submit" kind="primary" disabled={mix === null}>
            Compare
          </Button>
        </div>
      </form>
    </details>
  );
}

export function Performance({ id, currency }: { id: string; currency: string }) {
  const [range, setRange] = useState<Range>("all");
  const [line, setLine] = useState<"value" | "index">("value");
  const [mix, setMix] = useState<string | null>(null);
  const course = useQuery(courseQuery(id, range));
  const performance = useQuery(performanceQuery(id, range, mix));
  const { isHidden, money } = useAmounts();
  const points = useMemo(
    () => (course.data?.data ?? []).map((day) => ({ date: day.date, value: (line === "value" ? day.value : day.index) ?? null })),
    [course.data, line],
  );
  const figures = performance.data;
  // What is explained is the whole time.
  const why = (figure: string, name: string) => range === "all" && <Explain id={id} figure={figure} name={name} />;
  return (
    <Card
      title="Performance"
      action={
        <div className="flex flex-wrap gap-2">
          <Choice label="What is drawn" choices={LINES} chosen={line} choose={setLine} />
          <RangeChoice range={range} choose={setRange} />
        </div>
      }
    >
      {course.isError && <Failure error={course.error} retry={() => void course.refetch()} />}
      {course.isPending && <Loading what="the history" />}
      {course.data !== undefined &&
        (points.length === 0 ? (
          <Empty>There is no history before the first transaction.</Empty>
        ) : (
          <LineChart
            points={points}
            label={line === "value" ? `Value in ${currency}` : "Index of the time-weighted return"}
            hasHeights={line === "index" || !isHidden}
            show={(value) => (line === "value" ? `${money(value)} ${currency}` : formatMoney(value))}
          />
        ))}
      {performance.isError && <Failure error={performance.error} retry={() => void performance.refetch()} />}
      {figures !== undefined && (
        <>
          <dl className="mt-4 grid grid-cols-2 gap-3 sm:grid-cols-3">
            <Figure name="Time-weighted return" title={figures.twr_reason ?? undefined}>
              <Ratio value={figures.twr} reason={figures.twr_reason} />
              {why("twr", "Time-weighted return")}
            </Figure>
            <Figure name="Money-weighted, a year" title={figures.xirr_reason ?? undefined}>
              <Ratio value={figures.xirr} reason={figures.xirr_reason} />
              {why("xirr", "Money-weighted return")}
            </Figure>
            <Figure name="Simple return" title={figures.simple_return_reason ?? undefined}>
              <Ratio value={figures.simple_return} reason={figures.simple_return_reason} />
            </Figure>
            <Figure name="Modified Dietz" title={figures.modified_dietz_reason ?? undefined}>
              <Ratio value={figures.modified_dietz} reason={figures.modified_dietz_reason} />
            </Figure>
            <Figure name="Deepest fall" title={figures.max_drawdown_reason ?? undefined}>
              <Ratio value={figures.max_drawdown} reason={figures.max_drawdown_reason} />
              {why("max_drawdown", "Deepest fall")}
            </Figure>
            <Figure name="Days without a price">{figures.days_unpriced}</Figure>
          </dl>
          <Contribution contribution={figures.contribution} />
        </>
      )}
      <Benchmark compare={setMix} />
      {figures?.benchmark != null && <Comparison than={figures.benchmark} performance={figures} />}
    </Card>
  );
}
