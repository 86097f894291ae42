/** How an alert's events are sent: by which channels, escalation, silence, and a test of all that. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Card } from "../../components/Card";
import { Button, Failure } from "../../components/ui";
import type { Alert } from "../../lib/alerts";
import { api, change } from "../../lib/api/client";
import { channelsQuery } from "../../lib/notifications";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

const HOURS = [1, 8, 24];

export function SendingOf({ alert }: { alert: Alert }) {
  const channels = useQuery(channelsQuery).data?.data ?? [];
  const [isTested, setTested] = useState(false);
  const queries = useQueryClient();
  const sending = useSending();
  const params = { path: { id: alert.id } };
  const named = (ids: readonly string[]) => ids.map((id) => channels.find((one) => one.id === id)?.name ?? "a channel that was removed").join(", ");
  const silence = (hours: number | null) =>
    void sending.send(async () => {
      const silenced_until = hours === null ? null : new Date(Date.now() + hours * 3_600_000).toISOString();
      await change(() => api.PATCH("/api/v1/alerts/{id}", { params, body: { silenced_until } }));
      await queries.invalidateQueries({ queryKey: ["alerts"] });
    });
  const test = () =>
    void sending.send(async () => {
      await change(() => api.POST("/api/v1/alerts/{id}/test", { params }));
      setTested(true);
      await queries.invalidateQueries({ queryKey: ["notifications"] });
    });
  const isSilenced = alert.silenced_until != null && Date.parse(alert.silenced_until) > Date.now();
  return (
    <Card title="Sent to">
      <p>
        The inbox{alert.channels.length > 0 && `, ${named(alert.channels)}`}
        {alert.escalation.map((step) => (
          <span key={step.after_minutes}>
            ; unless it is acknowledged, after {step.after_minutes} min {named(step.channels)}
          </span>
        ))}
        .
      </p>
      {isSilenced && <p className="text-warn">Silent until {moment(alert.silenced_until)}: events are recorded, and sent by no channel.</p>}
      <div className="mt-2 flex flex-wrap gap-2">
        <Button disabled={sending.isBusy} onClick={test}>
          Send a test
        </Button>
        {isSilenced ? (
          <Button disabled={sending.isBusy} onClick={() => silence(null)}>
            End the silence
          </Button>
        ) : (
          HOURS.map((hours) => (
            <Button key={hours} disabled={sending.isBusy} onClick={() => silence(hours)}>
              Silence {hours} h
            </Button>
          ))
        )}
      </div>
      <p role="status" className="mt-1">
        {isTested && (
          <>
            The test is on its way: <Link to="/notifications" className="text-accent">the inbox</Link> says how it was delivered.
          </>
        )}
      </p>
      {sending.error !== null && <Failure error={sending.error} />}
    </Card>
  );
}
