/** How far could it fall? Risk by daily returns, concentration, and which assets move together. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Card, Figure } from "../../components/Card";
import { Failure, Loading } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { format, MISSING, ratioPercent, round } from "../../lib/decimal";
import { type Range, riskQuery } from "../../lib/portfolios";
import { RangeChoice } from "./RangeChoice";

/** A share of one that has no direction: no sign and no arrow. */
function percent(ratio: string | null | undefined): string {
  return ratio == null ? MISSING : `${format(ratioPercent(ratio))} %`;
}

function number(text: string | null | undefined): string {
  return text == null ? MISSING : format(round(text, 2));
}

function Correlation({ correlation }: { correlation: Schemas["Correlations"] }) {
  const { assets, matrix, days } = correlation;
  if (assets.length < 2) return <p className="mt-3 text-muted">With two assets or more, here is how they move together.</p>;
  return (
    <>
      <h3 className="mt-4 mb-1 font-medium">Which move together</h3>
      <p className="mb-1 text-xs text-muted">Correlation of daily returns: 1 as one, 0 independent, −1 opposite. Fewer than 30 common days are grey.</p>
      <div role="group" aria-label="Correlation" tabIndex={0} className="overflow-x-auto">
        <table>
          <caption className="sr-only">Correlation of daily returns</caption>
          <thead>
            <tr>
              <td />
              {assets.map((asset) => (
                <th key={asset} scope="col" className="figures text-xs font-normal text-muted">
                  {asset}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {assets.map((asset, row) => (
              <tr key={asset}>
                <th scope="row" className="text-left font-normal">
                  {asset}
                </th>
                {assets.map((other, column) => {
                  const [value, common] = [matrix[row]?.[column], days[row]?.[column] ?? 0];
                  // The stronger the bond, the more of the colour, whichever way it goes.
                  const strength = Math.round(Math.abs(Number(value ?? "0")) * 40);
                  return (
                    <td
                      key={other}
                      className={`figures border border-line ${common < 30 ? "text-muted" : ""}`}
                      title={`${common} common days`}
                      style={{ backgroundColor: row === column ? undefined : `color-mix(in srgb, var(--accent) ${strength}%, transparent)` }}
                    >
                      {number(value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

export function Risk({ id }: { id: string }) {
  const [range, setRange] = useState<Range>("all");
  const risk = useQuery(riskQuery(id, range));
  const found = risk.data;
  return (
    <Card title="Risk" action={<RangeChoice range={range} choose={setRange} />}>
      {risk.isError && <Failure error={risk.error} retry={() => void risk.refetch()} />}
      {risk.isPending && <Loading what="the risk" />}
      {found !== undefined && (
        <>
          {found.few_returns && (
            <p className="mb-3 text-warn">
              {found.returns === 0 ? "No daily returns" : found.returns === 1 ? "One daily return" : `${found.returns} daily returns`}: with fewer than 30 these figures say little.
            </p>
          )}
          <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
            <Figure name="Volatility, a year" title={found.volatility_reason ?? undefined}>
              {percent(found.volatility)}
            </Figure>
            <Figure name="Loss of a bad day" title={found.value_at_risk_95_reason ?? "95 of 100 days stay within it (value at risk, 95 %, historical)"}>
              {percent(found.value_at_risk_95)}
            </Figure>
            <Figure name="Mean loss beyond it" title={found.expected_shortfall_95_reason ?? "The mean of the other 5 of 100 days (expected shortfall, 95 %)"}>
              {percent(found.expected_shortfall_95)}
            </Figure>
            <Figure name="Deepest fall" title={found.max_drawdown_reason ?? undefined}>
              {percent(found.max_drawdown)}
            </Figure>
            <Figure name="Sharpe ratio" title={found.sharpe_reason ?? "Return for its volatility, with a risk-free rate of 0"}>
              {number(found.sharpe)}
            </Figure>
            <Figure name="Sortino ratio" title={found.sortino_reason ?? "Return for the volatility of losses alone"}>
              {number(found.sortino)}
            </Figure>
            <Figure name="Concentration" title="The sum of squared shares: 1 is all in one, 0.1 is ten of equal size">
              {number(found.hhi)}
            </Figure>
            <Figure name="Daily returns">{found.returns}</Figure>
          </dl>
          <Correlation correlation={found.correlation} />
        </>
      )}
    </Card>
  );
}
