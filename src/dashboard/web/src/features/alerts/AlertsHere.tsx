/** The alerts at a price of one instrument: moved by the keyboard here, as by dragging on the chart, and moved back. */

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, type KeyboardEvent, useCallback, useRef, useState } from "react";
import { Button, Failure } from "../../components/ui";
import { type Alert, conditionIn } from "../../lib/alerts";
import { api, change } from "../../lib/api/client";
import { pricesOf, wordsOf } from "../../lib/conditions";
import { format, isDecimal, step } from "../../lib/decimal";
import { useSending } from "../../lib/sending";
import { AlertState } from "./actions";

/** Whether an alert waits for one price, which can be another. */
export function canMove(alert: Alert): boolean {
  const { kind, threshold } = conditionIn(alert);
  return (kind === "price" || kind === "candle") && typeof threshold === "string";
}

export function useMoveAlert() {
  const queries = useQueryClient();
  const sending = useSending();
  const [moved, setMoved] = useState<{ alert: Alert; from: string; to: string } | null>(null);
  const [refusals, setRefusals] = useState(0);
  const send = useRef(sending.send);
  send.current = sending.send;
  const move = useCallback(
    async (alert: Alert, to: string) => {
      const condition = conditionIn(alert);
      const from = String(condition.threshold);
      if (from === to) return;
      const body = { condition: { ...condition, threshold: to } as unknown as Record<string, never> };
      const isMoved = await send.current(async (key) => {
        const saved = await change(() => api.PATCH("/api/v1/alerts/{id}", { body, params: { path: { id: alert.id }, header: { "Idempotency-Key": key } } }));
        setMoved({ alert: saved, from, to });
        await queries.invalidateQueries({ queryKey: ["alerts"] });
      }, { id: alert.id, body });
      if (!isMoved) setRefusals((count) => count + 1);
    },
    [queries],
  );
  const undo = () => {
    if (moved === null) return;
    void move(moved.alert, moved.from).then(() => setMoved(null));
  };
  return { move, moved, undo, refusals, sending };
}

function Line({ alert, instrument, move }: { alert: Alert; instrument: string; move: (alert: Alert, to: string) => Promise<void> }) {
  const [price, setPrice] = useState(() => String(conditionIn(alert).threshold ?? ""));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isDecimal(price.trim())) void move(alert, price.trim());
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "Escape") setPrice(String(conditionIn(alert).threshold));
    if ((event.key !== "ArrowUp" && event.key !== "ArrowDown") || !isDecimal(price)) return;
    event.preventDefault();
    setPrice(step(price, (event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 10 : 1)));
  };
  const isOther = price.trim() !== String(conditionIn(alert).threshold);
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 border-t border-line py-1.5 first:border-t-0">
      <span className="min-w-0">
        <Link to="/alerts/$id" params={{ id: alert.id }} className="font-medium hover:underline">
          {alert.name}
        </Link>{" "}
        <AlertState alert={alert} />
        <span className="block text-xs text-muted">{wordsOf(conditionIn(alert))}</span>
      </span>
      {canMove(alert) ? (
        <form onSubmit={submit} className="flex items-center gap-2">
          <input
            value={price}
            inputMode="decimal"
            autoComplete="off"
            aria-label={`Where ${alert.name} waits`}
            onChange={(event) => setPrice(event.target.value)}
            onKeyDown={key}
            className="min-h-8 w-32 rounded-md border border-line bg-page px-2 py-1 text-right tabular-nums"
          />
          <Button type="submit" disabled={!isOther || !isDecimal(price.trim())} aria-label={`Move ${alert.name}`}>
            Move
          </Button>
        </form>
      ) : (
        <span className="tabular-nums text-muted">{pricesOf(conditionIn(alert), instrument).map(format).join(", ")}</span>
      )}
    </li>
  );
}

export function AlertsHere({ alerts, instrument, moving }: { alerts: readonly Alert[]; instrument: string; moving: ReturnType<typeof useMoveAlert> }) {
  const { move, moved, undo, sending } = moving;
  if (alerts.length === 0) return null;
  return (
    <details className="mt-3 rounded-md border border-line p-3" open>
      <summary className="cursor-pointer font-medium">Alerts here ({alerts.length})</summary>
      <ul aria-label="Alerts here" className="mt-1">
        {alerts.map((alert) => (
          // Its field is filled again when it is moved from elsewhere.
          <Line key={`${alert.id} ${alert.revision}`} alert={alert} instrument={instrument} move={move} />
        ))}
      </ul>
      <p className="mt-1 text-xs text-muted">Drag a line on the chart, or type here and step with the arrow keys. A line that is moved waits from the price there is then.</p>
      <div role="status">
        {moved !== null && (
          <span className="mt-1 flex flex-wrap items-center gap-2">
            {moved.alert.name} waits at {format(moved.to)} instead of {format(moved.from)}.
            <Button disabled={sending.isBusy} onClick={undo}>
              Undo
            </Button>
          </span>
        )}
      </div>
      {sending.error !== null && <Failure error={sending.error} />}
    </details>
  );
}
