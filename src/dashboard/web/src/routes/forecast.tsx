/** The forecasts of a token: the newest, what came of those before, and the models that made them. */

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Card } from "../components/Card";
import { SignInFirst } from "../components/SignInFirst";
import { figures, Table, wide } from "../components/Table";
import { Tabs } from "../components/Tabs";
import { Button, Change, Empty, Failure, Loading } from "../components/ui";
import { Calibration, type Shares } from "../features/forecasts/Calibration";
import { Forecast } from "../features/forecasts/Forecast";
import { Score, Skill } from "../features/forecasts/Score";
import { ApiError, api, change, type Schemas, unwrap } from "../lib/api/client";
import { changePercent, formatPrice, MISSING } from "../lib/decimal";
import { modelsQuery, predictionsQuery } from "../lib/forecasts";
import { tokenQuery } from "../lib/market";
import { useUser } from "../lib/session";
import { useSending } from "../lib/sending";
import { moment } from "../lib/time";

const route = getRouteApi("/forecasts/$token");

const BASES = [
  ["1h", "1h candles"],
  ["1d", "1d candles"],
] as const;

interface Of {
  readonly token: string;
  readonly interval: "1h" | "1d";
  readonly horizon: string;
}

function TrackRecord({ token, interval, horizon }: Of) {
  const newest = useQuery(predictionsQuery(token, interval)).data?.data.find((one) => one.horizon === horizon);
  const record = useQuery({
    queryKey: ["track-record", token, interval, horizon],
    queryFn: () => unwrap(api.GET("/api/v1/predictions/{token}/track-record", { params: { path: { token }, query: { interval, horizon } } })),
    staleTime: 60_000,
  });
  if (record.isError) return <Failure error={record.error} retry={() => void record.refetch()} />;
  if (record.data === undefined) return <Loading what="the track record" />;
  const { score, statement, has_skill } = record.data;
  return (
    <div className="grid gap-4">
      <p className={has_skill ? "" : "text-warn"}>{statement}</p>
      {score != null && <Score score={score} />}
      {score?.coverage != null && <Calibration shares={score.coverage as unknown as Shares} forecasts={score.forecasts} />}
      {newest?.skill.evaluation != null && (
        <>
          <h3 className="font-medium">Before it served, on candles that it was not trained on</h3>
          <p className={newest.skill.has_skill ? "" : "text-warn"}>{newest.skill.statement}</p>
          <Score score={newest.skill.evaluation} />
          {newest.skill.evaluation.coverage != null && (
            <Calibration shares={newest.skill.evaluation.coverage as unknown as Shares} forecasts={newest.skill.evaluation.forecasts} />
          )}
        </>
      )}
    </div>
  );
}

function Past({ one }: { one: Schemas["Page_PastPrediction"]["data"][number] }) {
  const widest = [...one.intervals].sort((a, b) => b.level - a.level)[0];
  const { outcome } = one;
  const inside = outcome == null ? null : widest === undefined ? null : outcome.inside.includes(widest.level);
  return (
    <tr className="border-t border-line">
      <th scope="row" className="text-left font-normal whitespace-nowrap">
        {moment(one.target_time)}
      </th>
      <td className="figures">{formatPrice(one.base_price)}</td>
      <td className="figures hidden sm:table-cell">
        {widest === undefined ? MISSING : `${formatPrice(widest.low)} – ${formatPrice(widest.high)}`}
      </td>
      <td className="figures">{outcome == null ? <span className="text-muted">not yet</span> : formatPrice(outcome.price)}</td>
      <td className="figures">{outcome == null ? MISSING : <Change value={changePercent(one.base_price, outcome.price)} unit=" %" />}</td>
      <td className={inside === false ? "text-warn" : ""}>
        {outcome == null ? MISSING : outcome.inside.length > 0 ? `inside ${Math.min(...outcome.inside)} %` : "outside"}
      </td>
    </tr>
  );
}

function History({ token, interval, horizon }: Of) {
  const history = useInfiniteQuery({
    queryKey: ["past-forecasts", token, interval, horizon],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/predictions/{token}/history", {
          params: { path: { token }, query: { interval, horizon, limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) } },
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
  if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />;
  const all = history.data?.pages.flatMap((page) => page.data);
  if (all === undefined) return <Loading what="forecasts of before" />;
  if (all.length === 0) return <Empty>None has been made for this horizon yet.</Empty>;
  return (
    <>
      <Table label="Forecasts and what came of them, the newest first" columns={["For", figures("From"), wide(figures("95 % range")), figures("Outcome"), figures("Move"), "Range"]}>
            {all.map((one) => (
              <Past key={`${one.open_time} ${one.model}`} one={one} />
            ))}
      </Table>
      {history.hasNextPage && (
        <Button disabled={history.isFetchingNextPage} onClick={() => void history.fetchNextPage()}>
          Earlier ones
        </Button>
      )}
    </>
  );
}

function Models({ token, interval, horizon }: Of) {
  const models = useQuery(modelsQuery);
  const queries = useQueryClient();
  const sending = useSending();
  const isAdmin = useUser()?.role === "admin";
  const own = models.data?.data.filter((model) => model.token === token && model.interval === interval);
  if (models.isError) return <Failure error={models.error} retry={() => void models.refetch()} />;
  if (own === undefined) return <Loading what="the models" />;
  if (own.length === 0) return <Empty>No model has been trained.</Empty>;
  const promote = (id: string) =>
    void sending.send(async () => {
      await change(() => api.POST("/api/v1/models/{id}/promote", { params: { path: { id } } }));
      await queries.invalidateQueries({ queryKey: ["models"] });
    });
  return (
    <>
      {sending.error !== null && <Failure error={sending.error} />}
      <ul>
        {own.map((model) => {
          const at = model.horizons.find((one) => one.horizon === horizon);
          return (
            <li key={model.id} className="flex flex-wrap items-center justify-between gap-2 border-t border-line py-2 first:border-t-0">
              <div className="min-w-0">
                <p>
                  <code className="break-all">{model.id}</code> {model.serves && <span className="text-good">● serves</span>}
                </p>
                <p className="text-xs text-muted">
                  trained {moment(model.created_at)}
                  {at !== undefined && (
                    <>
                      {" "}
                      · in {horizon}: {at.method}, <Skill skill={at.skill} />
                    </>
                  )}
                </p>
                {model.error != null && <p className="text-xs text-bad">{model.error}</p>}
              </div>
              {isAdmin && !model.serves && model.error == null && (
                <Button disabled={sending.isBusy} onClick={() => promote(model.id)}>
                  Make it serve
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}

export function ForecastPage() {
  const { token } = route.useParams();
  const { interval = "1h", horizon } = route.useSearch();
  const known = useQuery(tokenQuery(token));
  const forecasts = useQuery(predictionsQuery(token, interval));
  const choices = interval === "1h" ? ["1h", "24h", "7d"] : ["24h", "7d"];
  const chosen = horizon !== undefined && choices.includes(horizon) ? horizon : (choices[0] ?? "24h");
  const of = { token, interval, horizon: chosen };
  if (known.error instanceof ApiError && known.error.status === 401) return <SignInFirst to={`/forecasts/${token}`} what="forecasts" />;
  if (known.isError) return <Failure error={known.error} retry={() => void known.refetch()} />;
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>{`Forecasts of ${known.data?.name ?? token} · Coinsphere`}</title>
      <p>
        <Link to="/forecasts" className="text-accent">
          ‹ All forecasts
        </Link>
      </p>
      <div className="flex flex-wrap items-end justify-between gap-3">
        <h1>
          Forecasts of{" "}
          <Link to="/tokens/$id" params={{ id: token }} className="hover:underline">
            {known.data?.name ?? token}
          </Link>
        </h1>
        <div className="flex flex-wrap gap-4">
          <Tabs
            label="Candles the forecasts are based on"
            tabs={BASES}
            chosen={interval}
            to={(one) => ({ to: "/forecasts/$token", params: { token }, replace: true, search: { interval: one, horizon } })}
          />
          <Tabs
            label="Horizon"
            tabs={choices.map((one) => [one, `in ${one}`])}
            chosen={chosen}
            to={(one) => ({ to: "/forecasts/$token", params: { token }, replace: true, search: { interval, horizon: one } })}
          />
        </div>
      </div>
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[18rem_minmax(0,1fr)]">
        <Card title="Newest">
          {forecasts.error instanceof ApiError && forecasts.error.status === 404 ? (
            <p className="text-muted">This token is not forecast from {interval} candles.</p>
          ) : forecasts.isError ? (
            <Failure error={forecasts.error} retry={() => void forecasts.refetch()} />
          ) : forecasts.data === undefined ? (
            <Loading what="the newest" />
          ) : (
            (() => {
              const one = forecasts.data.data.find((forecast) => forecast.horizon === chosen);
              return one === undefined ? <p className="text-muted">None has been made yet.</p> : <Forecast one={one} />;
            })()
          )}
        </Card>
        <Card title="Track record">
          <TrackRecord {...of} />
        </Card>
      </div>
      <Card title="Forecasts and outcomes">
        <History key={`${interval} ${chosen}`} {...of} />
      </Card>
      <Card title="Models">
        <Models {...of} />
      </Card>
    </div>
  );
}
