/** What can be done with an alert, wherever it is shown. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Confirm } from "../../components/Confirm";
import { Button, Failure } from "../../components/ui";
import type { Alert } from "../../lib/alerts";
import { api, change } from "../../lib/api/client";
import { useSending } from "../../lib/sending";

const STATES: Record<string, [words: string, colour: string]> = {
  armed: ["● armed", "text-good"],
  paused: ["‖ paused", "text-muted"],
  fired: ["✓ fired", "text-accent"],
  expired: ["○ expired", "text-muted"],
  blocked: ["■ blocked", "text-bad"],
};

export function AlertState({ alert }: { alert: Alert }) {
  const [words, colour] = STATES[alert.state] ?? [alert.state, "text-muted"];
  return <span className={`whitespace-nowrap ${colour}`}>{words}</span>;
}

export function AlertActions({ alert, deleted }: { alert: Alert; deleted?: () => void }) {
  const [isDeleting, setDeleting] = useState(false);
  const queries = useQueryClient();
  const sending = useSending();
  const params = { path: { id: alert.id } };
  const run = (request: () => Promise<unknown>) =>
    void sending.send(async () => {
      await request();
      await queries.invalidateQueries({ queryKey: ["alerts"] });
    });
  const remove = () =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/alerts/{id}", { params }));
      setDeleting(false);
      deleted?.();
      queries.removeQueries({ queryKey: ["alerts", alert.id] });
      await queries.invalidateQueries({ queryKey: ["alerts"] });
    });
  return (
    <>
      <div className="flex flex-wrap gap-2">
        {alert.state === "armed" ? (
          <Button disabled={sending.isBusy} aria-label={`Pause ${alert.name}`} onClick={() => run(() => change(() => api.POST("/api/v1/alerts/{id}/pause", { params })))}>
            Pause
          </Button>
        ) : (
          <Button disabled={sending.isBusy} aria-label={`Resume ${alert.name}`} onClick={() => run(() => change(() => api.POST("/api/v1/alerts/{id}/resume", { params })))}>
            Resume
          </Button>
        )}
        <Button kind="danger" aria-label={`Delete ${alert.name}`} onClick={() => setDeleting(true)}>
          Delete
        </Button>
      </div>
      {sending.error !== null && !isDeleting && <Failure error={sending.error} />}
      <Confirm title={`Delete ${alert.name}?`} isOpen={isDeleting} sending={sending} run={remove} close={() => setDeleting(false)}>
        Its events go with it, and nothing brings them back.
      </Confirm>
    </>
  );
}
