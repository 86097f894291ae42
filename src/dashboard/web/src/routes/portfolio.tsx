/** One portfolio: what it holds and comes to, how it did and could do, the transactions that made it so, taxes, and whom it is shown. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Tabs } from "../components/Tabs";
import { Failure, Loading } from "../components/ui";
import { Verified } from "../components/Verified";
import { Allocation } from "../features/portfolio/Allocation";
import { Figures } from "../features/portfolio/Figures";
import { Holdings } from "../features/portfolio/Holdings";
import { Import } from "../features/portfolio/Import";
import { Performance } from "../features/portfolio/Performance";
import { Risk } from "../features/portfolio/Risk";
import { Settings } from "../features/portfolio/Settings";
import { ShareLinks } from "../features/portfolio/ShareLinks";
import { Target } from "../features/portfolio/Target";
import { Tax } from "../features/portfolio/Tax";
import { Transactions } from "../features/portfolio/Transactions";
import { Transfers } from "../features/portfolio/Transfers";
import type { Schemas } from "../lib/api/client";
import { portfolioQuery } from "../lib/portfolios";

const route = getRouteApi("/portfolios/$id");

const TABS = [
  ["holdings", "Holdings"],
  ["analysis", "Analysis"],
  ["transactions", "Transactions"],
  ["tax", "Tax"],
  ["settings", "Settings"],
] as const;
export type PortfolioTab = (typeof TABS)[number][0];

function Content({ tab, portfolio }: { tab: PortfolioTab; portfolio: Schemas["PortfolioSummary"] }) {
  const { id, currency } = portfolio;
  switch (tab) {
    case "holdings":
      return (
        <>
          <Figures portfolio={portfolio} />
          <section aria-labelledby="holdings">
            <h2 id="holdings" className="mb-2">
              Holdings
            </h2>
            <Holdings id={id} />
          </section>
          <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <Performance id={id} currency={currency} />
            <Allocation id={id} />
          </div>
        </>
      );
    case "analysis":
      return (
        <>
          <Risk id={id} />
          <Target id={id} currency={currency} />
        </>
      );
    case "transactions":
      return (
        <>
          <Transfers id={id} />
          <Import id={id} />
          <Transactions id={id} currency={currency} />
        </>
      );
    case "tax":
      return <Tax id={id} currency={currency} method={portfolio.method} />;
    case "settings":
      return (
        <>
          <ShareLinks id={id} />
          <Settings portfolio={portfolio} />
        </>
      );
  }
}

function Portfolio({ id }: { id: string }) {
  const { tab = "holdings" } = route.useSearch();
  const portfolio = useQuery(portfolioQuery(id));
  if (portfolio.isError) return <Failure error={portfolio.error} retry={() => void portfolio.refetch()} />;
  if (portfolio.data === undefined) return <Loading what="the portfolio" />;
  return (
    <div className="grid grid-cols-1 gap-6">
      <title>{`${portfolio.data.name} · Coinsphere`}</title>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1>{portfolio.data.name}</h1>
        <Tabs label="This portfolio" tabs={TABS} chosen={tab} to={(one) => ({ to: "/portfolios/$id", params: { id }, search: one === "holdings" ? {} : { tab: one } })} />
      </div>
      <Content tab={tab} portfolio={portfolio.data} />
    </div>
  );
}

export function PortfolioPage() {
  const { id } = route.useParams();
  return (
    <Verified to={`/portfolios/${id}`} what="your portfolios">
      {() => <Portfolio id={id} />}
    </Verified>
  );
}
