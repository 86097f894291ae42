/** What a portfolio comes to: live where prices move it. Each figure opens what it is made of. */

import { Gain, Money } from "../../components/Money";
import { Change } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { ratioPercent } from "../../lib/decimal";
import { usePortfolioValue } from "../../lib/live";
import { Explain } from "./Explain";

function Figure({ name, why, children }: { name: string; why?: string | null | undefined; children: React.ReactNode }) {
  return (
    <div className="rounded-md border border-line bg-panel px-4 py-3">
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="text-base tabular-nums">{children}</dd>
      {why != null && <dd className="text-xs text-warn">{why}</dd>}
    </div>
  );
}

export function Figures({ portfolio }: { portfolio: Schemas["PortfolioSummary"] }) {
  const live = usePortfolioValue(portfolio.id);
  const figures = portfolio.figures;
  if (figures == null) return portfolio.figures_reason == null ? null : <p className="text-warn">{portfolio.figures_reason}</p>;
  const value = live ?? figures;
  const explain = (figure: string, name: string) => <Explain id={portfolio.id} figure={figure} name={name} />;
  return (
    <>
      <dl className="grid grid-cols-2 gap-3 md:grid-cols-4">
        <Figure name={`Value in ${portfolio.currency}`} why={value.value_reason}>
          <Money value={value.value} reason={value.value_reason} />
          {explain("value", "Value")}
        </Figure>
        <Figure name="Today" why={value.day_change_reason}>
          <Gain value={value.day_change} />{" "}
          {value.day_change_ratio != null && (
            <span className="text-xs">
              <Change value={ratioPercent(value.day_change_ratio)} unit=" %" />
            </span>
          )}
        </Figure>
        <Figure name="Unrealised gain">
          <Gain value={value.unrealized} />
          {explain("unrealized", "Unrealised gain")}
        </Figure>
        <Figure name="Realised gain">
          <Gain value={figures.realized} />
          {explain("realized", "Realised gain")}
        </Figure>
        <Figure name="Net invested">
          <Money value={figures.net_invested} />
          {explain("net_invested", "Net invested")}
        </Figure>
        <Figure name="Income">
          <Money value={figures.income} />
          {explain("income", "Income")}
        </Figure>
        <Figure name="Fees">
          <Money value={figures.fees} />
          {explain("fees", "Fees")}
        </Figure>
        <Figure name="Implied deposits">
          <Money value={figures.implied_deposits} />
          {explain("implied_deposits", "Implied deposits")}
        </Figure>
      </dl>
      {figures.flags > 0 && (
        <p className="text-warn">
          {figures.flags === 1 ? "Something is missing" : `${figures.flags} things are missing`} in the data: the tax report says what, and how to mend it.
          {figures.unexplained != null && (
            <>
              {" "}
              It leaves <Money value={figures.unexplained} currency={portfolio.currency} /> open.
            </>
          )}
        </p>
      )}
    </>
  );
}
