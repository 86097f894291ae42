/** One alert: its condition on the chart, and its events; or a form for a new one. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Overlays } from "../components/CandleChart";
import { Card, Figure } from "../components/Card";
import { Button, Empty, Failure, Loading } from "../components/ui";
import { Verified } from "../components/Verified";
import { AlertForm } from "../features/alerts/AlertForm";
import { AlertActions, AlertState } from "../features/alerts/actions";
import { Events } from "../features/alerts/Events";
import { InstrumentChart } from "../features/alerts/InstrumentChart";
import { SendingOf } from "../features/alerts/Sending";
import { alertEventsQuery, alertQuery, conditionIn } from "../lib/alerts";
import { draftFrom, draftOf, instrumentsOf, keyOf, pricesOf, wordsOf } from "../lib/conditions";
import { formatPrice } from "../lib/decimal";
import { moment } from "../lib/time";

function Shown({ id }: { id: string }) {
  const navigate = getRouteApi("/alerts/$id").useNavigate();
  const { edit = false } = getRouteApi("/alerts/$id").useSearch();
  const found = useQuery(alertQuery(id));
  const events = useInfiniteQuery(alertEventsQuery(id));
  const alert = found.data;
  const all = useMemo(() => events.data?.pages.flatMap((page) => page.data) ?? [], [events.data]);
  const condition = alert === undefined ? undefined : conditionIn(alert);
  const instrument = condition === undefined ? undefined : instrumentsOf(condition)[0];
  const overlays = useMemo<Overlays>(
    () => ({
      prices: condition === undefined || instrument === undefined ? [] : pricesOf(condition, instrument).map((price) => ({ price, title: "" })),
      events: all.map(({ trigger }) => Math.floor(Date.parse(trigger.time) / 1000)),
    }),
    [condition, instrument, all],
  );
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (alert === undefined || condition === undefined) return <Loading what="the alert" />;
  const isKnown = draftFrom(condition) !== null;
  const close = () => void navigate({ search: {} });
  return (
    <>
      <title>{`${alert.name} · Coinsphere`}</title>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <h1>{alert.name}</h1>
          <p>
            <AlertState alert={alert} /> · {wordsOf(condition)}
          </p>
          {alert.notice != null && <p className="text-xs text-warn">{alert.notice}</p>}
          {alert.note && <p className="text-muted">{alert.note}</p>}
        </div>
        {!edit && (
          <div className="flex flex-wrap items-start gap-2">
            {isKnown && <Button onClick={() => void navigate({ search: { edit: true } })}>Edit</Button>}
            <AlertActions alert={alert} deleted={() => void navigate({ to: "/alerts", search: {} })} />
          </div>
        )}
      </div>
      {edit && isKnown ? (
        // A form that was filled from another state of the alert would undo it.
        <AlertForm key={alert.revision} alert={alert} initial={draftOf("price", 0)} done={close} cancel={close} />
      ) : (
        <>
          <dl className="grid grid-cols-2 gap-3 sm:grid-cols-5">
            <Figure name="Fires">{alert.repeat === "once" ? "once" : "every time"}</Figure>
            <Figure name="Fired" title={alert.last_fired_at ?? undefined}>
              {alert.fired_count === 0 ? "not yet" : alert.fired_count}
            </Figure>
            <Figure name="Armed" title={alert.armed_at ?? undefined}>
              {moment(alert.armed_at)}
            </Figure>
            <Figure name="Price then">{formatPrice(alert.armed_price)}</Figure>
            <Figure name="Until">{alert.expires_at == null ? "forever" : moment(alert.expires_at)}</Figure>
          </dl>
          {instrument !== undefined && (
            <Card title="The last 30 days">
              <InstrumentChart instrument={instrument} overlays={overlays} />
            </Card>
          )}
          <SendingOf alert={alert} />
          <Card title="Events">
            {events.isError && <Failure error={events.error} retry={() => void events.refetch()} />}
            {events.isPending && <Loading what="its events" />}
            {events.data !== undefined && all.length === 0 && <Empty>It has not fired.</Empty>}
            <Events events={all} />
            {events.hasNextPage && (
              <Button disabled={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
                Earlier events
              </Button>
            )}
          </Card>
        </>
      )}
    </>
  );
}

export function AlertPage() {
  const { id } = getRouteApi("/alerts/$id").useParams();
  return (
    <div className="grid grid-cols-1 gap-4">
      <p>
        <Link to="/alerts" className="text-accent">
          ‹ All alerts
        </Link>
      </p>
      <Verified to={`/alerts/${id}`} what="your alerts">
        {() => <Shown id={id} />}
      </Verified>
    </div>
  );
}

export function NewAlert() {
  const route = getRouteApi("/alerts/new");
  const { venue, symbol, price, operator } = route.useSearch();
  const navigate = route.useNavigate();
  const initial = useMemo(() => {
    const draft = draftOf("price", 0);
    const texts = {
      ...draft.texts,
      ...(venue !== undefined && symbol !== undefined ? { instrument: keyOf({ venue, symbol }) } : {}),
      ...(price === undefined ? {} : { threshold: price }),
      ...(operator === undefined ? {} : { operator }),
    };
    return { ...draft, texts };
  }, [venue, symbol, price, operator]);
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>New alert · Coinsphere</title>
      <h1>New alert</h1>
      <Verified to="/alerts/new" what="your alerts">
        {() => (
          <AlertForm
            initial={initial}
            done={({ id }) => void navigate({ to: "/alerts/$id", params: { id }, search: {} })}
            cancel={() => void navigate({ to: "/alerts", search: {} })}
          />
        )}
      </Verified>
    </div>
  );
}
