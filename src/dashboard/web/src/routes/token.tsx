/** One token: its candles, live, and what is forecast beside them. */

import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { CandleChart, type Overlays } from "../components/CandleChart";
import { Gaps } from "../components/Gaps";
import { SignInFirst } from "../components/SignInFirst";
import { Change, Empty, Failure, Loading, Select } from "../components/ui";
import { PriceAlert } from "../features/alerts/PriceAlert";
import { Forecast } from "../features/forecasts/Forecast";
import { type Alert, alertsQuery, conditionIn } from "../lib/alerts";
import { ApiError, api, type Schemas, unwrap } from "../lib/api/client";
import { barsOf } from "../lib/candles";
import { keyOf, pricesOf } from "../lib/conditions";
import { changePercent, formatPrice, isDecimal } from "../lib/decimal";
import { coneOf, predictionsQuery } from "../lib/forecasts";
import { shadesOf } from "../lib/gaps";
import { candleTopic, useLiveCandle, useResumed } from "../lib/live";
import { dayBegins, dayQuery, historyQuery, INTERVALS, type Interval, secondsOf, tokenQuery } from "../lib/market";
import { useUser } from "../lib/session";

const route = getRouteApi("/tokens/$id");

const MOST_FIRED = 5;
const NONE: readonly Alert[] = [];

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

/** Alerts at a price of an instrument that are armed: their lines, and what they have fired. */
function useAlertsAt(instrument: Schemas["Instrument"] | undefined) {
  const user = useUser();
  const isAllowed = user?.email_verified === true;
  const alerts = useQuery({ ...alertsQuery, enabled: isAllowed }).data?.data;
  const key = instrument === undefined ? null : keyOf(instrument);
  const shown = useMemo(
    () => (key === null ? [] : (alerts ?? []).filter((alert) => pricesOf(conditionIn(alert), key).length > 0)),
    [alerts, key],
  );
  const fired = useMemo(() => shown.filter((alert) => alert.fired_count > 0).slice(-MOST_FIRED), [shown]);
  const events = useQueries({
    queries: fired.map(({ id }) => ({
      queryKey: ["alerts", id, "newest"],
      queryFn: () => unwrap(api.GET("/api/v1/alerts/{id}/events", { params: { path: { id }, query: { limit: 100 } } })),
    })),
    combine: (pages) => pages.flatMap((page) => page.data?.data.map(({ trigger }) => trigger.time) ?? []).join(),
  });
  return { isAllowed, alerts: key === null ? NONE : shown, key, events };
}

function Chart({ id, interval, venue, predictions }: { id: string; interval: Interval; venue: string | undefined; predictions: Schemas["Predictions"] | undefined }) {
  const history = useQuery(historyQuery(id, interval, venue));
  const series = history.data;
  const readAt = history.dataUpdatedAt;
  const length = secondsOf(interval);
  const [price, setPrice] = useState("");
  const [isCone, setCone] = useState(true);
  const { isAllowed, alerts, key, events } = useAlertsAt(series?.instrument);
  const bars = useMemo(() => (series === undefined ? [] : barsOf(series.data, length, readAt)), [series, length, readAt]);
  const overlays = useMemo<Overlays>(() => {
    const armed = alerts.filter(({ state }) => state === "armed");
    const isDraft = isDecimal(price) && Number(price) > 0;
    // The forecasts are of one instrument, and say so.
    const isOurs = key !== null && predictions?.instrument === key;
    return {
      gaps: shadesOf(series?.coverage.gaps ?? [], readAt),
      prices: [
        ...armed.flatMap((alert) => (key === null ? [] : pricesOf(conditionIn(alert), key).map((at) => ({ price: at, title: alert.name })))),
        ...(isDraft ? [{ price, title: "new alert", move: setPrice }] : []),
      ],
      events: events === "" ? [] : events.split(",").map((time) => Math.floor(Date.parse(time) / 1000)),
      cone: isCone && isOurs ? coneOf(predictions.data, length, secondsOf(predictions.interval as Interval)) : [],
      ...(isAllowed ? { pick: setPrice } : {}),
    };
  }, [alerts, events, isAllowed, isCone, key, length, predictions, price, readAt, series]);
  if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />;
  if (series === undefined) return <Loading what="candles" />;
  if (bars.length === 0) return <Empty>No candle has been built yet. The first appears with the first trade.</Empty>;
  const name = `${series.instrument.symbol} on ${series.instrument.venue}, ${interval}`;
  const last = bars.findLast(({ standing }) => standing !== "unknown")?.candle.close;
  const hasCone = predictions?.instrument === key && coneOf(predictions.data, length, secondsOf(predictions.interval as Interval)).length > 0;
  const hasSkill = predictions?.data.some(({ skill }) => skill.has_skill) === true;
  return (
    <>
      <CandleChart bars={bars} length={length} topic={candleTopic(series.instrument, interval)} name={name} overlays={overlays} />
      {hasCone && (
        <label className="mt-2 flex flex-wrap items-center gap-2 text-xs">
          <input type="checkbox" checked={isCone} onChange={(event) => setCone(event.target.checked)} />
          Forecast: where the price stays in 50, 80 and 95 of 100 cases.
          {!hasSkill && <span className="text-warn">Without skill, so that no middle is drawn.</span>}
        </label>
      )}
      {isAllowed && last !== undefined && <PriceAlert instrument={series.instrument} last={last} price={price} set={setPrice} />}
      <Gaps instrument={series.instrument} coverage={series.coverage} />
    </>
  );
}

function Forecasts({ id, interval }: { id: string; interval: "1h" | "1d" }) {
  const forecasts = useQuery(predictionsQuery(id, interval));
  if (forecasts.error instanceof ApiError && forecasts.error.status === 404) {
    return <p className="text-muted">This token is not forecast.</p>;
  }
  if (forecasts.isError) return <Failure error={forecasts.error} retry={() => void forecasts.refetch()} />;
  if (forecasts.data === undefined) return <Loading what="forecasts" />;
  if (forecasts.data.data.length === 0) return <p className="text-muted">No forecast has been made yet.</p>;
  return (
    <ul>
      {forecasts.data.data.map((one) => (
        <li key={one.horizon} className="border-t border-line py-3">
          <Forecast one={one} />
        </li>
      ))}
      <li className="border-t border-line py-3">
        <Link to="/forecasts/$token" params={{ token: id }} search={{ interval }} className="text-accent">
          How good were they?
        </Link>
      </li>
    </ul>
  );
}

export function TokenPage() {
  const { id } = route.useParams();
  const { interval = "1h", venue } = route.useSearch();
  const navigate = route.useNavigate();
  const token = useQuery(tokenQuery(id));
  // Days are forecast from days; for anything shorter the hourly forecasts are as long as the chart.
  const basis = interval === "1d" ? "1d" : "1h";
  const predictions = useQuery({ ...predictionsQuery(id, basis), retry: false }).data;
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
          <Chart key={`${id} ${interval} ${venue}`} id={id} interval={interval} venue={venue} predictions={predictions} />
        </section>
        <section aria-labelledby="forecasts">
          <h2 id="forecasts">Forecasts</h2>
          <Forecasts id={id} interval={basis} />
        </section>
      </div>
    </>
  );
}
