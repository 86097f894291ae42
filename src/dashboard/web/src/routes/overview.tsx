/** How am I doing? The total of all portfolios, live, what it is made of, and what moves. */

import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { Card, Figure } from "../components/Card";
import { Gain, Money } from "../components/Money";
import { Change, Empty, Failure, Loading } from "../components/ui";
import { Verified } from "../components/Verified";
import { Guide } from "../features/overview/Guide";
import { Recent } from "../features/overview/Recent";
import { Shares } from "../features/portfolio/Allocation";
import { Performance } from "../features/portfolio/Performance";
import type { Schemas } from "../lib/api/client";
import { changePercent, compare, formatPrice, ratioPercent } from "../lib/decimal";
import { candleTopic, useLiveCandle, usePortfolioValue, useResumed } from "../lib/live";
import { dayBegins, dayQuery, tokensQuery } from "../lib/market";
import { allocationQuery, portfolioQuery, portfoliosQuery } from "../lib/portfolios";

/** One portfolio's line; its value follows the stream. */
function Line({ portfolio }: { portfolio: Schemas["Portfolio"] }) {
  const summary = useQuery(portfolioQuery(portfolio.id));
  const live = usePortfolioValue(portfolio.id);
  const figures = summary.data?.figures;
  const value = live === undefined ? figures?.value : live.value;
  const day = live === undefined ? figures?.day_change : live.day_change;
  const ratio = live === undefined ? figures?.day_change_ratio : live.day_change_ratio;
  const reason = live === undefined ? figures?.value_reason : live.value_reason;
  const failed = summary.error?.message ?? summary.data?.figures_reason;
  return (
    <tr className="border-t border-line">
      <th scope="row" className="text-left font-medium">
        <Link to="/portfolios/$id" params={{ id: portfolio.id }} className="hover:underline">
          {portfolio.name}
        </Link>
        {failed && <p className="text-xs font-normal text-warn">{failed}</p>}
      </th>
      <td className="figures text-base">
        <Money value={value} currency={portfolio.currency} reason={reason} />
      </td>
      <td className="figures">
        <Gain value={day} />
      </td>
      <td className="figures">
        <Change value={ratio == null ? null : ratioPercent(ratio)} unit=" %" />
      </td>
    </tr>
  );
}

function Mover({ token }: { token: Schemas["Token"] }) {
  const day = useQuery(dayQuery(token.id)).data;
  const live = useLiveCandle(day === undefined ? null : candleTopic(day.instrument, "1m"));
  const price = live?.candle.close ?? day?.data.at(-1)?.close;
  const first = dayBegins(day);
  return (
    <li className="flex justify-between gap-3 border-t border-line py-1 first:border-t-0">
      <Link to="/tokens/$id" params={{ id: token.id }} className="hover:underline">
        {token.name} <span className="text-muted">{token.symbol}</span>
      </Link>
      <span className="whitespace-nowrap tabular-nums">
        {formatPrice(price)} <Change value={first === undefined || price === undefined ? null : changePercent(first.open, price)} unit=" %" />
      </span>
    </li>
  );
}

/** What rose and fell most in the last day. The order is that of the last reading: rows do not jump under a pointer. */
function Movers() {
  const tokens = useQuery(tokensQuery);
  const all = tokens.data ?? [];
  const days = useQueries({ queries: all.map((token) => dayQuery(token.id)) });
  const changes = all.flatMap((token, at) => {
    const day = days[at]?.data;
    const [first, last] = [dayBegins(day), day?.data.at(-1)];
    const change = first && last && changePercent(first.open, last.close);
    return change ? [{ token, change }] : [];
  });
  changes.sort((a, b) => compare(b.change, a.change));
  if (tokens.isError) return <Failure error={tokens.error} retry={() => void tokens.refetch()} />;
  if (changes.length === 0) return days.some((day) => day.isPending) || tokens.isPending ? <Loading what="the market" /> : <Empty>No token is known for a whole day yet.</Empty>;
  const risen = changes.filter(({ change }) => compare(change, "0") > 0).slice(0, 4);
  const fallen = changes.filter(({ change }) => compare(change, "0") < 0).slice(-4).reverse();
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {([["Risen", risen], ["Fallen", fallen]] as const).map(([name, movers]) => (
        <div key={name}>
          <h3 className="text-xs text-muted">{name}</h3>
          {movers.length === 0 ? <p className="text-muted">None.</p> : <ul>{movers.map(({ token }) => <Mover key={token.id} token={token} />)}</ul>}
        </div>
      ))}
    </div>
  );
}

function Breakdown({ portfolio }: { portfolio: Schemas["Portfolio"] }) {
  const allocation = useQuery(allocationQuery(portfolio.id));
  const summary = useQuery(portfolioQuery(portfolio.id)).data?.figures;
  return (
    <Card title={`${portfolio.name}: allocation`}>
      {allocation.isError && <Failure error={allocation.error} retry={() => void allocation.refetch()} />}
      {allocation.isPending && <Loading what="the allocation" />}
      {allocation.data && (allocation.data.by_asset.length === 0 ? <Empty>Nothing is held yet.</Empty> : <Shares shares={allocation.data.by_asset} currency={portfolio.currency} most={6} />)}
      {summary && (
        <dl className="mt-4 grid grid-cols-2 gap-3">
          <Figure name="Unrealised">
            <Gain value={summary.unrealized} />
          </Figure>
          <Figure name="Realised">
            <Gain value={summary.realized} />
          </Figure>
          <Figure name="Income">
            <Money value={summary.income} />
          </Figure>
        </dl>
      )}
    </Card>
  );
}

function Mine() {
  const portfolios = useQuery(portfoliosQuery);
  const [chosen, setChosen] = useState<string | null>(null);
  const queries = useQueryClient();
  useResumed(useCallback(() => void queries.invalidateQueries({ queryKey: ["portfolio"] }), [queries]));
  if (portfolios.isError) return <Failure error={portfolios.error} retry={() => void portfolios.refetch()} />;
  if (portfolios.data === undefined) return <Loading what="your portfolios" />;
  const all = portfolios.data.data;
  if (all.length === 0) {
    return (
      <Empty>
        No portfolio yet.{" "}
        <Link to="/portfolios" className="font-medium text-accent">
          Create one
        </Link>
        , then import a file of your exchange or add what you hold.
      </Empty>
    );
  }
  const one = all.find(({ id }) => id === chosen) ?? all[0];
  return (
    <>
      <Card title="Portfolios">
        <div role="group" aria-label="Portfolios" tabIndex={0} className="relative overflow-x-auto">
          <table className="w-full">
            <thead className="text-xs text-muted">
              <tr>
                <th scope="col" className="text-left font-normal">
                  Name
                </th>
                <th scope="col" className="figures font-normal">
                  Value
                </th>
                <th scope="col" className="figures font-normal" colSpan={2}>
                  Today
                </th>
              </tr>
            </thead>
            <tbody>
              {all.map((portfolio) => (
                <Line key={portfolio.id} portfolio={portfolio} />
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      {one !== undefined && (
        <>
          {all.length > 1 && (
            <label className="flex items-center gap-2">
              <span className="text-muted">Below:</span>
              <select className="rounded-md border border-line bg-page px-2 py-1" value={one.id} onChange={(event) => setChosen(event.target.value)}>
                {all.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <Performance id={one.id} currency={one.currency} />
            <Breakdown portfolio={one} />
          </div>
        </>
      )}
    </>
  );
}

export function Overview() {
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>Overview · Coinsphere</title>
      <h1>Overview</h1>
      <Verified to="/overview" what="your portfolios">
        {(user) => (
          <>
            <Guide user={user} />
            <Mine />
            <Recent />
          </>
        )}
      </Verified>
      <Card title="Movers, 24 h">
        <Movers />
      </Card>
    </div>
  );
}
