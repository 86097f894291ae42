/** Under a chart: an alert at a price, in one line. The same line is on the chart, where it can be dragged. */

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { Button, Failure } from "../../components/ui";
import type { Alert } from "../../lib/alerts";
import { api, change, type Schemas } from "../../lib/api/client";
import { compare, format, isDecimal, step } from "../../lib/decimal";
import { useSending } from "../../lib/sending";

export function PriceAlert({
  instrument,
  last,
  price,
  set,
}: {
  instrument: Schemas["Instrument"];
  /** The newest price: an alert above it waits for a rise. */
  last: string;
  price: string;
  set: (price: string) => void;
}) {
  const queries = useQueryClient();
  const sending = useSending();
  const [created, setCreated] = useState<Alert | null>(null);
  const { venue, symbol, quote } = instrument;
  const operator = isDecimal(price) && compare(price, last) < 0 ? "crosses_down" : "crosses_up";
  const name = `${symbol} at ${format(price)}`;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const condition = { kind: "price", venue, symbol, operator, threshold: price.trim() } as unknown as Record<string, never>;
    const body = { name, condition };
    void sending.send(async (key) => {
      setCreated(await change(() => api.POST("/api/v1/alerts", { body, params: { header: { "Idempotency-Key": key } } })));
      set("");
      await queries.invalidateQueries({ queryKey: ["alerts"] });
    }, body);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "Escape") set("");
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const from = isDecimal(price) ? price : last;
    set(step(from, (event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 10 : 1)));
  };
  return (
    <form onSubmit={submit} aria-label="Alert at a price" className="mt-3 rounded-md border border-line p-3">
      <div className="flex flex-wrap items-center gap-2">
        <label htmlFor="alert-price" className="font-medium">
          Alert me when it {price === "" ? "reaches" : operator === "crosses_up" ? "rises to" : "falls to"}
        </label>
        <input
          id="alert-price"
          value={price}
          inputMode="decimal"
          autoComplete="off"
          placeholder={last}
          onChange={(event) => set(event.target.value)}
          onKeyDown={key}
          aria-describedby="alert-price-hint"
          className="min-h-8 w-36 rounded-md border border-line bg-page px-2 py-1 tabular-nums"
        />
        <span className="text-muted">{quote}</span>
        <Button type="submit" kind="primary" disabled={sending.isBusy || !isDecimal(price.trim())}>
          Create the alert
        </Button>
        <Link to="/alerts/new" search={{ venue, symbol, ...(isDecimal(price) ? { price, operator } : {}) }} className="text-accent">
          More…
        </Link>
      </div>
      <p id="alert-price-hint" className="mt-1 text-xs text-muted">
        Type it, step with the arrow keys (with Shift by ten), or click the chart; the line can be dragged.
      </p>
      <div role="status">
        {created !== null && (
          <p className="mt-1">
            <Link to="/alerts/$id" params={{ id: created.id }} className="font-medium text-accent">
              {created.name}
            </Link>{" "}
            is armed.{created.notice != null && <span className="text-warn"> {created.notice}</span>}
          </p>
        )}
      </div>
      {sending.error !== null && <Failure error={sending.error} />}
    </form>
  );
}
