/** One portfolio: what it holds, what it comes to, and the transactions that made it so. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { SignInFirst } from "../components/SignInFirst";
import { Transactions } from "../components/Transactions";
import { Unverified } from "../components/Unverified";
import { Change, Empty, Failure, Loading } from "../components/ui";
import { Allocation } from "../features/portfolio/Allocation";
import { Explain } from "../features/portfolio/Explain";
import { Import } from "../features/portfolio/Import";
import { Manage } from "../features/portfolio/Manage";
import { Performance } from "../features/portfolio/Performance";
import { Tax } from "../features/portfolio/Tax";
import type { Schemas } from "../lib/api/client";
import { format, formatMoney, formatPrice, MISSING, ratioPercent, round } from "../lib/decimal";
import { usePortfolioValue } from "../lib/live";
import { holdingsQuery, portfolioQuery } from "../lib/portfolios";
import { useUser } from "../lib/session";
import { moment } from "../lib/time";

const route = getRouteApi("/portfolios/$id");

function Figure({ name, children, why }: { name: string; children: React.ReactNode; why?: string | null | undefined }) {
  return (
    <div className="rounded-md border border-line bg-panel px-4 py-3">
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="text-base tabular-nums">{children}</dd>
      {why != null && <dd className="text-xs text-warn">{why}</dd>}
    </div>
  );
}

function Amount({ text }: { text: string | null | undefined }) {
  return <span title={text == null ? undefined : format(text)}>{formatMoney(text)}</span>;
}

function twoDecimals(text: string | null | undefined): string | null {
  return text == null ? null : round(text, 2);
}

function Figures({ portfolio }: { portfolio: Schemas["PortfolioSummary"] }) {
  const live = usePortfolioValue(portfolio.id);
  const figures = portfolio.figures;
  if (figures == null) return null;
  const value = live ?? figures;
  return (
    <dl className="grid grid-cols-2 gap-3 md:grid-cols-4">
      <Figure name={`Value in ${portfolio.currency}`} why={value.value_reason}>
        <Amount text={value.value} />
        <Explain id={portfolio.id} figure="value" name="Value" />
      </Figure>
      <Figure name="Today" why={value.day_change_reason}>
        <Change value={twoDecimals(value.day_change)} exact={value.day_change} />{" "}
        <span className="text-xs text-muted">
          {value.day_change_ratio == null ? "" : `${format(ratioPercent(value.day_change_ratio))} %`}
        </span>
      </Figure>
      <Figure name="Unrealised gain">
        <Change value={twoDecimals(value.unrealized)} exact={value.unrealized} />
        <Explain id={portfolio.id} figure="unrealized" name="Unrealised gain" />
      </Figure>
      <Figure name="Realised gain">
        <Change value={twoDecimals(figures.realized)} exact={figures.realized} />
        <Explain id={portfolio.id} figure="realized" name="Realised gain" />
      </Figure>
    </dl>
  );
}

function Holdings({ id }: { id: string }) {
  const holdings = useQuery(holdingsQuery(id));
  const live = usePortfolioValue(id);
  if (holdings.isError) return <Failure error={holdings.error} retry={() => void holdings.refetch()} />;
  if (holdings.data === undefined) return <Loading what="holdings" />;
  if (holdings.data.data.length === 0) return <Empty>Nothing is held yet. Add a transaction below.</Empty>;
  return (
    <div role="group" aria-label="Holdings" tabIndex={0} className="relative overflow-x-auto rounded-md border border-line">
      <table className="w-full">
        <caption className="sr-only">Holdings, with values in {holdings.data.currency}</caption>
        <thead className="bg-panel text-xs text-muted">
          <tr>
            <th scope="col" className="text-left">Asset</th>
            <th scope="col" className="figures">Quantity</th>
            <th scope="col" className="figures">Price</th>
            <th scope="col" className="figures">Value</th>
            <th scope="col" className="figures">Cost</th>
            <th scope="col" className="figures">Unrealised</th>
            <th scope="col" className="figures">Share</th>
          </tr>
        </thead>
        <tbody>
          {holdings.data.data.map((one) => {
            const same = live?.holdings.find(({ asset, account }) => asset === one.asset && account === one.account);
            const now = { ...one, ...same };
            const price = one.price_reason ?? `${one.price_source ?? ""} ${moment(now.price_at)}`;
            return (
              <tr key={`${one.asset} ${one.account}`} className="border-t border-line">
                <th scope="row" className="text-left font-medium">
                  {one.asset} {one.account !== "*" && <span className="font-normal text-muted">{one.account}</span>}
                </th>
                <td className="figures">{format(now.quantity)}</td>
                <td className="figures" title={price}>
                  {now.price == null ? <span className="text-warn">no price</span> : formatPrice(now.price)}
                </td>
                <td className="figures">
                  <Amount text={now.value} />
                </td>
                <td className="figures">
                  <Amount text={now.basis} />
                </td>
                <td className="figures">
                  <Change value={twoDecimals(now.unrealized)} exact={now.unrealized} />
                </td>
                <td className="figures">{now.share == null ? MISSING : `${format(ratioPercent(now.share))} %`}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Portfolio({ id }: { id: string }) {
  const portfolio = useQuery(portfolioQuery(id));
  if (portfolio.isError) return <Failure error={portfolio.error} retry={() => void portfolio.refetch()} />;
  if (portfolio.data === undefined) return <Loading what="the portfolio" />;
  return (
    <div className="grid grid-cols-1 gap-6">
      <title>{`${portfolio.data.name} · Coinsphere`}</title>
      <h1>{portfolio.data.name}</h1>
      <Figures portfolio={portfolio.data} />
      <section aria-labelledby="holdings">
        <h2 id="holdings" className="mb-2">
          Holdings
        </h2>
        <Holdings id={id} />
      </section>
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Performance id={id} currency={portfolio.data.currency} />
        <Allocation id={id} />
      </div>
      <Transactions id={id} currency={portfolio.data.currency} />
      <Import id={id} />
      <Tax id={id} method={portfolio.data.method} />
      <Manage id={id} name={portfolio.data.name} />
    </div>
  );
}

export function PortfolioPage() {
  const { id } = route.useParams();
  const user = useUser();
  if (user === undefined) return <Loading what="the portfolio" />;
  if (user === null) return <SignInFirst to={`/portfolios/${id}`} what="your portfolios" />;
  if (!user.email_verified) return <Unverified email={user.email} />;
  return <Portfolio id={id} />;
}
