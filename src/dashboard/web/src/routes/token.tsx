/** One token: its candles, live, and what is forecast beside them. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { CandleChart } from "../components/CandleChart";
import { SignInFirst } from "../components/SignInFirst";
import { Change, Empty, Failure, Loading, Select } from "../components/ui";
import { ApiError, type Schemas } from "../lib/api/client";
import { barsOf } from "../lib/candles";
import { changePercent, formatPrice } from "../lib/decimal";
import { candleTopic, useLiveCandle, useResumed } from "../lib/live";
import { dayBegins, dayQuery, forecastQuery, historyQuery, INTERVALS, type Interval, secondsOf, tokenQuery } from "../lib/market";
import { moment } from "../lib/time";

const route = getRouteApi("/tokens/$id");

function Price({ id }: { id: string }) {
  const day = useQuery(dayQuery(id)).data;
  const live = useLiveCandle(day === undefined ? null : candleTopic(day.instrument, "1m"));
  const price = live?.candle.close ?? day?.data.at(-1)?.close;
  const first = dayBegins(day);
  if (day === undefined || price === undefined) return null;
  return (
    <p className="text-xl tabular-nums">
      {formatPrice(price)} <span className="text-sm text-muted">{day.instrument.quote}</span>{" "}
      <span className="text-sm">
        {first !== undefined && <Change value={changePercent(first.open, price)} unit=" % in 24 h" />}
      </span>
    </p>
  );
}

function Chart({ id, interval, venue }: { id: string; interval: Interval; venue: string | undefined }) {
  const history = useQuery(historyQuery(id, interval, venue));
  const series = history.data;
  const readAt = history.dataUpdatedAt;
  const bars = useMemo(
    () => (series === undefined ? [] : barsOf(series.data, secondsOf(interval), readAt)),
    [series, interval, readAt],
  );
  if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />;
  if (series === undefined) return <Loading what="candles" />;
  if (bars.length === 0) return <Empty>No candle has been built yet. The first appears with the first trade.</Empty>;
  const name = `${series.instrument.symbol} on ${series.instrument.venue}, ${interval}`;
  const { gaps } = series.coverage;
  return (
    <>
      <CandleChart bars={bars} topic={candleTopic(series.instrument, interval)} name={name} />
      {gaps.length > 0 && (
        <details className="mt-3">
          <summary className="cursor-pointer text-warn">
            {gaps.length === 1 ? "1 gap" : `${gaps.length} gaps`} in what is known here
          </summary>
          <ul className="mt-2 text-xs">
            {gaps.map((gap) => (
              <li key={`${gap.from} ${gap.reason}`}>
                {moment(gap.from)} – {gap.to == null ? "now" : moment(gap.to)}: {gap.reason.replaceAll("_", " ")}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Forecast({ one }: { one: Schemas["Prediction"] }) {
  return (
    <li className="border-t border-line py-3">
      <h3 className="font-medium">
        In {one.horizon} <span className="font-normal text-muted">({moment(one.target_time)})</span>
      </h3>
      {/* Without skill the middle is no better than the last price: it is not shown as if it were. */}
      {one.skill.has_skill && <p className="tabular-nums">{formatPrice(one.price)}</p>}
      <table className="my-1 w-full text-xs">
        <caption className="sr-only">Prediction intervals in {one.horizon}</caption>
        <tbody>
          {one.intervals.map((interval) => (
            <tr key={interval.level}>
              <th scope="row" className="px-0 py-0.5 text-left font-normal text-muted">
                {interval.level} %
              </th>
              <td className="figures px-0 py-0.5">
                {formatPrice(interval.low)} – {formatPrice(interval.high)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={`text-xs ${one.skill.has_skill ? "text-muted" : "text-warn"}`}>{one.skill.statement}</p>
      <p className="text-xs text-muted">
        From {formatPrice(one.base_price)}, made {moment(one.made_at)}, {one.method}
      </p>
    </li>
  );
}

function Forecasts({ id }: { id: string }) {
  const forecasts = useQuery(forecastQuery(id));
  if (forecasts.error instanceof ApiError && forecasts.error.status === 404) {
    return <p className="text-muted">This token is not forecast.</p>;
  }
  if (forecasts.isError) return <Failure error={forecasts.error} retry={() => void forecasts.refetch()} />;
  if (forecasts.data === undefined) return <Loading what="forecasts" />;
  if (forecasts.data.data.length === 0) return <p className="text-muted">No forecast has been made yet.</p>;
  return (
    <ul>
      {forecasts.data.data.map((one) => (
        <Forecast key={one.horizon} one={one} />
      ))}
    </ul>
  );
}

export function TokenPage() {
  const { id } = route.useParams();
  const { interval = "1h", venue } = route.useSearch();
  const navigate = route.useNavigate();
  const token = useQuery(tokenQuery(id));
  const queries = useQueryClient();
  useResumed(
    useCallback(() => {
      void queries.invalidateQueries({ queryKey: ["history", id] });
      void queries.invalidateQueries({ queryKey: ["day", id] });
    }, [queries, id]),
  );
  if (token.error instanceof ApiError && token.error.status === 401) {
    return <SignInFirst to={`/tokens/${id}`} what="this token" />;
  }
  if (token.isError) return <Failure error={token.error} retry={() => void token.refetch()} />;
  if (token.data === undefined) return <Loading what="the token" />;
  const venues = [...new Set(token.data.instruments.map((instrument) => instrument.venue))];
  return (
    <>
      <title>{`${token.data.name} · Coinsphere`}</title>
      <div className="mb-4 flex flex-wrap items-end justify-between gap-4">
        <div>
          <h1>
            {token.data.name} <span className="font-normal text-muted">{token.data.symbol}</span>
          </h1>
          <Price id={id} />
        </div>
        <div className="flex items-end gap-4">
          <Select
            label="Venue"
            value={venue ?? ""}
            onChange={(event) => {
              const value = event.target.value;
              void navigate({ replace: true, search: (old) => ({ ...old, venue: value || undefined }) });
            }}
          >
            <option value="">Primary</option>
            {venues.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </Select>
          <nav aria-label="Interval of a candle" className="flex gap-1">
            {INTERVALS.map((one) => (
              <Link
                key={one}
                from="/tokens/$id"
                to="/tokens/$id"
                params={{ id }}
                replace
                search={(old) => ({ ...old, interval: one })}
                aria-current={one === interval ? "true" : undefined}
                className={`rounded-md border px-2 py-1 ${one === interval ? "border-accent font-medium" : "border-line text-muted"}`}
              >
                {one}
              </Link>
            ))}
          </nav>
        </div>
      </div>
      <div className="grid gap-6 lg:grid-cols-[1fr_18rem]">
        <section aria-label="Candles" className="min-w-0">
          <Chart id={id} interval={interval} venue={venue} />
        </section>
        <section aria-labelledby="forecasts">
          <h2 id="forecasts">Forecasts</h2>
          <Forecasts id={id} />
        </section>
      </div>
    </>
  );
}
