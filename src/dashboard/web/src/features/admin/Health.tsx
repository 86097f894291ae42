/** The server's parts, with the state that each reports. */

import { useQuery } from "@tanstack/react-query";
import { Failure, Loading } from "../../components/ui";
import { healthQuery } from "../../lib/health";
import { moment } from "../../lib/time";
import { PartStatus } from "./PartStatus";

interface State {
  readonly since?: string;
  readonly restarts?: number;
  readonly last_error?: string | null;
  readonly detail?: unknown;
}

/** What needs looking at stands first. */
const ORDER = ["down", "degraded", "starting", "ok", "off"];

export function Health() {
  const health = useQuery(healthQuery);
  if (health.isError) return <Failure error={health.error} retry={() => void health.refetch()} />;
  if (health.data === undefined) return <Loading what="the parts" />;
  const parts = Object.entries(health.data.services).sort(([a, one], [b, other]) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status) || a.localeCompare(b));
  return (
    <>
      <p className="mb-3">
        The server is{" "}
        <strong className={health.data.status === "ok" ? "text-good" : "text-bad"}>{health.data.status === "ok" ? "ready" : health.data.status}</strong>, {parts.length} parts.
      </p>
      <ul aria-label="Parts">
        {parts.map(([name, { status, message, state }]) => {
          const { since, restarts = 0, last_error, detail } = (state ?? {}) as State;
          return (
            <li key={name} className="border-t border-line py-2 first:border-t-0">
              <div className="flex flex-wrap justify-between gap-2">
                <span className="font-medium">{name}</span>
                <PartStatus status={status} />
              </div>
              {message != null && <p className="text-xs text-warn">{message}</p>}
              <p className="text-xs text-muted">
                {since !== undefined && `since ${moment(since)}`}
                {restarts > 0 && ` · ${restarts === 1 ? "1 restart" : `${restarts} restarts`}`}
                {last_error != null && <span className="text-bad"> · {last_error}</span>}
              </p>
              {detail != null && (
                <details className="text-xs">
                  <summary className="cursor-pointer text-muted">State of {name}</summary>
                  {/* It can be scrolled, by the keyboard too. */}
                  <pre tabIndex={0} className="mt-1 overflow-x-auto rounded-md bg-panel p-2">
                    {JSON.stringify(detail, null, 2)}
                  </pre>
                </details>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
