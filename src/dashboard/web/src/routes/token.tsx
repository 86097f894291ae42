/** One token: its candles, live, and what is forecast beside them. */

import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { CandleChart, type Overlays } from "../components/CandleChart";
import { Gaps } from "../components/Gaps";
import { SignInFirst } from "../components/SignInFirst";
import { Tabs } from "../components/Tabs";
import { Change, Empty, Failure, Loading, Select } from "../components/ui";
import type { GivenLine } from "../components/lines";
import { AlertsHere, canMove, useMoveAlert } from "../features/alerts/AlertsHere";
import { PriceAlert } from "../features/alerts/PriceAlert";
import { ChartLooks, useChartLooks } from "../features/market/ChartLooks";
import { Forecast } from "../features/forecasts/Forecast";
import { type Alert, alertsQuery, conditionIn } from "../lib/alerts";
import { ApiError, api, type Schemas, unwrap } from "../lib/api/client";
import { barsOf } from "../lib/candles";
import { keyOf, pricesOf } from "../lib/conditions";
import { changePercent, formatPrice, isDecimal } from "../lib/decimal";
import { coneOf, predictionsQuery } from "../lib/forecasts";
import { shadesOf } from "../lib/gaps";
import { useKeys } from "../lib/keys";
import { candleTopic, useLiveCandle, useResumed } from "../lib/live";
import { dayBegins, dayQuery, historyQuery, INTERVALS, type Interval, secondsOf, tokenQuery } from "../lib/market";
import { portfoliosQuery } from "../lib/portfolios";
import { useUser } from "../lib/session";

const route = getRouteApi("/tokens/$id");

const MOST_FIRED = 5;
const NONE: readonly Alert[] = [];
const COLOURS = ["warn", "muted", "text", "accent"] as const;

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

/** The closes of a token's other venues, as lines beside the candles of one. */
function useOthers(id: string, interval: Interval, shown: string | undefined, others: readonly string[], isWanted: boolean): readonly GivenLine[] {
  return useQueries({
    queries: others.filter((venue) => venue !== shown).map((venue) => ({ ...historyQuery(id, interval, venue), enabled: isWanted && shown !== undefined })),
    combine: useCallback(
      (found: readonly { data: Schemas["CandleSeries"] | undefined }[]) =>
        found.flatMap(({ data }, at) =>
          data === undefined || !isWanted
            ? []
            : [
                {
                  name: data.instrument.venue,
                  colour: COLOURS[at % COLOURS.length] ?? "muted",
                  points: data.data.map(({ open_time, close, trades, complete }) => ({ time: Math.floor(Date.parse(open_time) / 1000), value: trades === 0 && !complete ? null : Number(close) })),
                },
              ],
        ),
      [isWanted],
    ),
  });
}

/** The user's trades of a token, in all portfolios. */
function useTrades(id: string, isAllowed: boolean) {
  const portfolios = useQuery({ ...portfoliosQuery, enabled: isAllowed }).data?.data ?? [];
  return useQueries({
    queries: portfolios.map((portfolio) => ({
      queryKey: ["portfolio", portfolio.id, "trades", id],
      queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/transactions", { params: { path: { id: portfolio.id }, query: { asset: id, limit: 100 } } })),
      staleTime: 60_000,
    })),
    // A text, so that it is the same as long as it says the same.
    combine: (pages) =>
      pages
        .flatMap((page) => page.data?.data ?? [])
        .flatMap(({ time, kind, received }) => (["buy", "sell", "swap"].includes(kind) ? [`${Math.floor(Date.parse(time) / 1000)} ${received?.asset === id ? "buy" : "sell"}`] : []))
        .join(),
  });
}

function Chart({
  id,
  interval,
  venue,
  venues,
  predictions,
}: {
  id: string;
  interval: Interval;
  venue: string | undefined;
  venues: readonly string[];
  predictions: Schemas["Predictions"] | undefined;
}) {
  const history = useQuery(historyQuery(id, interval, venue));
  const series = history.data;
  const readAt = history.dataUpdatedAt;
  const length = secondsOf(interval);
  const [price, setPrice] = useState("");
  const [isCone, setCone] = useState(true);
  const { looks, choose } = useChartLooks();
  const { isAllowed, alerts, key, events } = useAlertsAt(series?.instrument);
  const moving = useMoveAlert();
  const others = useOthers(id, interval, series?.instrument.venue, venues, looks.isCompared);
  const traded = useTrades(id, isAllowed);
  const bars = useMemo(() => (series === undefined ? [] : barsOf(series.data, length, readAt)), [series, length, readAt]);
  const trades = useMemo(
    () =>
      traded === ""
        ? []
        : traded.split(",").map((one) => {
            const [time, side] = one.split(" ");
            return { time: Number(time), isBuy: side === "buy" };
          }),
    [traded],
  );
  const { move, refusals } = moving;
  const overlays = useMemo<Overlays>(() => {
    const armed = alerts.filter(({ state }) => state === "armed");
    const isDraft = isDecimal(price) && Number(price) > 0;
    // The forecasts are of one instrument, and say so.
    const isOurs = key !== null && predictions?.instrument === key;
    return {
      gaps: shadesOf(series?.coverage.gaps ?? [], readAt),
      prices: [
        ...armed.flatMap((alert) =>
          key === null
            ? []
            : pricesOf(conditionIn(alert), key).map((at) => ({
                price: at,
                title: alert.name,
                ...(canMove(alert) ? { move: (to: string, isDone: boolean) => isDone && void move(alert, to) } : {}),
              })),
        ),
        ...(isDraft ? [{ price, title: "new alert", move: setPrice }] : []),
      ],
      events: events === "" ? [] : events.split(",").map((time) => Math.floor(Date.parse(time) / 1000)),
      trades,
      cone: isCone && isOurs ? coneOf(predictions.data, length, secondsOf(predictions.interval as Interval)) : [],
      indicators: looks.indicators,
      lines: others,
      isLogarithmic: looks.isLogarithmic,
      ...(isAllowed ? { pick: setPrice } : {}),
    };
    // A line whose move was refused goes back to where it was.
  }, [alerts, events, isAllowed, isCone, key, length, looks, move, others, predictions, price, readAt, refusals, series, trades]);
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
      <ChartLooks looks={looks} choose={choose} canCompare={venues.length > 1} />
      {hasCone && (
        <label className="mt-2 flex flex-wrap items-center gap-2 text-xs">
          <input type="checkbox" checked={isCone} onChange={(event) => setCone(event.target.checked)} />
          Forecast: where the price stays in 50, 80 and 95 of 100 cases.
          {!hasSkill && <span className="text-warn">Without skill, so that no middle is drawn.</span>}
        </label>
      )}
      {isAllowed && last !== undefined && <PriceAlert instrument={series.instrument} last={last} price={price} set={setPrice} />}
      {key !== null && <AlertsHere alerts={alerts} instrument={key} moving={moving} />}
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
  useKeys((key) => {
    const one = INTERVALS[Number(key) - 1];
    if (one !== undefined) void navigate({ replace: true, search: (old) => ({ ...old, interval: one }) });
  });
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
          <Tabs
            label="Interval of a candle"
            tabs={INTERVALS.map((one) => [one, one])}
            chosen={interval}
            to={(one) => ({ to: "/tokens/$id", params: { id }, replace: true, search: { interval: one, venue } })}
          />
        </div>
      </div>
      <div className="grid gap-6 lg:grid-cols-[1fr_18rem]">
        <section aria-label="Candles" className="min-w-0">
          <Chart key={`${id} ${interval} ${venue}`} id={id} interval={interval} venue={venue} venues={venues} predictions={predictions} />
        </section>
        <section aria-labelledby="forecasts">
          <h2 id="forecasts">Forecasts</h2>
          <Forecasts id={id} interval={basis} />
        </section>
      </div>
    </>
  );
}
