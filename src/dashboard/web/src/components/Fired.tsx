/** What fired just now, over whatever page is open. */

import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { causeOf } from "../features/alerts/Events";
import { useAlertEvents, useAlertStream } from "../lib/alertEvents";
import { useUser } from "../lib/session";
import { Button } from "./ui";

/** How long it is shown, in milliseconds; and how many at once. */
const SHOWN_FOR = 12_000;
const MOST = 3;

export function Fired() {
  const user = useUser();
  useAlertStream(user?.email_verified === true ? user.id : null);
  const events = useAlertEvents();
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const fresh = events.filter(({ id }) => !seen.has(id));
  const newest = fresh[0]?.id;
  useEffect(() => {
    if (newest === undefined) return;
    const timer = setTimeout(() => setSeen(new Set(events.map(({ id }) => id))), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [newest, events]);
  return (
    <div role="status" aria-label="Alerts that fired" className="fixed inset-x-4 bottom-4 z-10 grid gap-2 sm:left-auto sm:w-96">
      {fresh.slice(0, MOST).map((event) => (
        <div key={event.id} className="flex items-start justify-between gap-3 rounded-lg border border-accent bg-panel p-3 shadow-xl">
          <div className="min-w-0">
            <Link to="/alerts/$id" params={{ id: event.alert_id }} className="font-medium hover:underline">
              {event.alert_name}
            </Link>
            <p className="text-xs text-muted">fired by {causeOf(event)}</p>
          </div>
          <Button aria-label={`Dismiss ${event.alert_name}`} onClick={() => setSeen(new Set([...seen, event.id]))}>
            ✕
          </Button>
        </div>
      ))}
      {fresh.length > MOST && (
        <p className="rounded-lg border border-line bg-panel p-2 text-center text-xs">
          <Link to="/alerts" className="text-accent">
            and {fresh.length - MOST} more
          </Link>
        </p>
      )}
    </div>
  );
}
