/** The feeds of the venues, as the server sees them. */

import { useQuery } from "@tanstack/react-query";
import { figures, Table, wide } from "../../components/Table";
import { Failure, Loading } from "../../components/ui";
import { PartStatus } from "../admin/PartStatus";
import { healthQuery } from "../../lib/health";
import { time } from "../../lib/time";

interface Connection {
  readonly phase?: string;
  readonly instruments?: number;
  readonly subscribed?: number;
  readonly trades?: number;
  readonly reconnects?: number;
  readonly last_frame_at?: string | null;
  readonly last_error?: string | null;
  readonly refused_symbols?: Readonly<Record<string, string>>;
}

/** The connections of a feed, from the state that it reports. */
function connectionsOf(state: unknown): readonly Connection[] {
  const detail = (state as { detail?: { connections?: unknown } } | null | undefined)?.detail;
  return Array.isArray(detail?.connections) ? (detail.connections as Connection[]) : [];
}

export function FeedTable() {
  const health = useQuery(healthQuery);
  if (health.isError) return <Failure error={health.error} retry={() => void health.refetch()} />;
  if (health.data === undefined) return <Loading what="the feeds" />;
  const feeds = Object.entries(health.data.services).filter(([name]) => name.startsWith("feed_"));
  if (feeds.length === 0) return <p className="text-muted">This server listens to no venue itself.</p>;
  const sum = (connections: readonly Connection[], of: (one: Connection) => number | undefined) =>
    connections.reduce((all, one) => all + (of(one) ?? 0), 0);
  return (
    <Table label="Feeds of the venues since the server's start" columns={["Venue", "State", figures("Instruments"), wide(figures("Trades")), wide(figures("Reconnects")), figures("Heard last")]}>
          {feeds.map(([name, part]) => {
            const connections = connectionsOf(part.state);
            const heard = connections.map((one) => Date.parse(one.last_frame_at ?? "")).filter((at) => !Number.isNaN(at));
            const refused = connections.flatMap((one) => Object.entries(one.refused_symbols ?? {}));
            const wrong = [part.message, ...connections.map((one) => one.last_error), ...refused.map(([symbol, why]) => `${symbol}: ${why}`)].filter((text) => text != null);
            return (
              <tr key={name} className="border-t border-line">
                <th scope="row" className="text-left font-medium">
                  {name.slice("feed_".length)}
                  {wrong.length > 0 && <p className="text-xs font-normal text-warn">{wrong.join("; ")}</p>}
                </th>
                <td>
                  <PartStatus status={part.status} />
                </td>
                <td className="figures">
                  {sum(connections, (one) => one.subscribed)} of {sum(connections, (one) => one.instruments)}
                </td>
                <td className="figures hidden sm:table-cell">{sum(connections, (one) => one.trades).toLocaleString("en")}</td>
                <td className="figures hidden sm:table-cell">{sum(connections, (one) => one.reconnects)}</td>
                <td className="figures">{heard.length === 0 ? "never" : time(Math.max(...heard))}</td>
              </tr>
            );
          })}
    </Table>
  );
}
