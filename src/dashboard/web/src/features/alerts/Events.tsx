/** Events of alerts: what fired, with what is doubtful about it. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "../../components/ui";
import type { AlertEvent } from "../../lib/alerts";
import { format, formatPrice } from "../../lib/decimal";
import { stream, useStreamState } from "../../lib/live";
import { moment } from "../../lib/time";

/** What fired it, in words. */
export function causeOf({ trigger }: AlertEvent): string {
  const where = trigger.symbol == null ? "" : ` of ${trigger.symbol} on ${trigger.venue}`;
  switch (trigger.kind) {
    case "trade":
      return `a trade${where} at ${formatPrice(trigger.price)}${trigger.price_before == null ? "" : ` after ${formatPrice(trigger.price_before)}`}`;
    case "candle":
      return `a candle${where} that closed at ${formatPrice(trigger.price)}`;
    case "silence":
      return `no trade${where}`;
    case "gap":
      return `a gap in the trades${where}`;
    default:
      return trigger.kind;
  }
}

function Acknowledge({ event }: { event: AlertEvent }) {
  const isLive = useStreamState().kind === "live";
  const [isAsked, setAsked] = useState(false);
  if (event.acknowledged_at != null) return <span className="text-xs text-muted">seen {moment(event.acknowledged_at)}</span>;
  return (
    <Button disabled={!isLive || isAsked} title={isLive ? undefined : "Needs a live connection"} onClick={() => setAsked(stream.acknowledge(event.id))}>
      Mark as seen
    </Button>
  );
}

export function Events({ events, withNames = false }: { events: readonly AlertEvent[]; withNames?: boolean }) {
  return (
    <ul>
      {events.map((event) => {
        const doubts = [
          event.in_gap && "trades are missing right before it, so it may have been reached earlier",
          event.late && "recorded late: the program was away or behind",
          event.annotations.length > 0 && "a correction was learned later",
        ].filter((doubt) => doubt !== false);
        const { kind, price, value } = event.trigger;
        return (
          <li key={event.id} className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-2 first:border-t-0">
            <div className="min-w-0">
              {withNames && (
                <Link to="/alerts/$id" params={{ id: event.alert_id }} className="font-medium hover:underline">
                  {event.alert_name}
                </Link>
              )}
              <p>
                <time dateTime={event.trigger.time} title={event.trigger.time} className="tabular-nums">
                  {moment(event.trigger.time)}
                </time>
                : {causeOf(event)}
                {value != null && value !== price && kind !== "silence" && <span className="text-muted"> (value {format(value)})</span>}
                {event.severity === "urgent" && <span className="text-bad"> · urgent</span>}
              </p>
              {doubts.length > 0 && <p className="text-xs text-warn">{doubts.join("; ")}</p>}
            </div>
            <Acknowledge event={event} />
          </li>
        );
      })}
    </ul>
  );
}
