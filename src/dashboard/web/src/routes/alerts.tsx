/** All alerts of the user, and what fired. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Card } from "../components/Card";
import { Empty, Failure, Loading } from "../components/ui";
import { Verified } from "../components/Verified";
import { AlertActions, AlertState } from "../features/alerts/actions";
import { Events } from "../features/alerts/Events";
import { useAlertEvents } from "../lib/alertEvents";
import { type Alert, alertsQuery, conditionIn } from "../lib/alerts";
import { wordsOf } from "../lib/conditions";
import { moment } from "../lib/time";

function Line({ alert }: { alert: Alert }) {
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 border-t border-line px-4 py-3 first:border-t-0">
      <div className="min-w-0">
        <p>
          <Link to="/alerts/$id" params={{ id: alert.id }} className="font-medium hover:underline">
            {alert.name}
          </Link>{" "}
          <AlertState alert={alert} />
          {alert.severity !== "normal" && <span className="text-muted"> · {alert.severity}</span>}
        </p>
        <p>
          {wordsOf(conditionIn(alert))}
          {alert.repeat === "always" && ", every time"}
        </p>
        <p className="text-xs text-muted">
          {alert.last_fired_at == null ? "has not fired" : `fired ${alert.fired_count === 1 ? "once" : `${alert.fired_count} times`}, last ${moment(alert.last_fired_at)}`}
          {alert.expires_at != null && ` · until ${moment(alert.expires_at)}`}
        </p>
        {alert.notice != null && <p className="text-xs text-warn">{alert.notice}</p>}
      </div>
      <AlertActions alert={alert} />
    </li>
  );
}

function List() {
  const alerts = useQuery(alertsQuery);
  const events = useAlertEvents();
  if (alerts.isError) return <Failure error={alerts.error} retry={() => void alerts.refetch()} />;
  if (alerts.data === undefined) return <Loading what="your alerts" />;
  return (
    <>
      {events.length > 0 && (
        <Card title="Just fired">
          <Events events={events} withNames />
        </Card>
      )}
      {alerts.data.data.length === 0 ? (
        <Empty>
          No alerts yet.{" "}
          <Link to="/alerts/new" className="font-medium text-accent">
            Create one
          </Link>
          , or click a price in the chart of a token.
        </Empty>
      ) : (
        <ul aria-label="Alerts" className="rounded-lg border border-line">
          {[...alerts.data.data].reverse().map((alert) => (
            <Line key={alert.id} alert={alert} />
          ))}
        </ul>
      )}
    </>
  );
}

export function Alerts() {
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>Alerts · Coinsphere</title>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1>Alerts</h1>
        <Link to="/alerts/new" className="rounded-md border border-accent bg-accent px-3 py-1 font-medium text-on-accent">
          New alert
        </Link>
      </div>
      <Verified to="/alerts" what="your alerts">
        {() => <List />}
      </Verified>
    </div>
  );
}
