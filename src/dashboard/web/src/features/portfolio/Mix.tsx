/** The parts of a mix and their weights. */

import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { Button, Input } from "../../components/ui";
import { compare, format } from "../../lib/decimal";
import { tokensQuery } from "../../lib/market";
import { totalOf, type Weight } from "../../lib/mix";

/** The most parts of a mix. */
const MOST = 20;

export function Mix({ weights, change }: { weights: readonly Weight[]; change: (weights: readonly Weight[]) => void }) {
  const list = useId();
  const tokens = useQuery(tokensQuery).data ?? [];
  const total = totalOf(weights);
  return (
    <div className="grid gap-2">
      <datalist id={list}>
        {["USD", "EUR", "GBP"].map((money) => (
          <option key={money} value={money} />
        ))}
        {tokens.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      {weights.map((weight, at) => (
        // Places in a list that is edited: their order is all that they are.
        <div key={at} className="flex items-end gap-2">
          <div className="min-w-0 grow">
            <Input
              label={`Part ${at + 1}`}
              list={list}
              value={weight.asset}
              required
              autoComplete="off"
              placeholder="bitcoin, USD"
              onChange={(event) => change(weights.with(at, { ...weight, asset: event.target.value }))}
            />
          </div>
          <div className="w-24">
            <Input
              label="Per cent"
              inputMode="decimal"
              value={weight.percent}
              required
              autoComplete="off"
              onChange={(event) => change(weights.with(at, { ...weight, percent: event.target.value }))}
            />
          </div>
          <Button aria-label={`Remove part ${at + 1}`} disabled={weights.length === 1} onClick={() => change(weights.toSpliced(at, 1))}>
            ✕
          </Button>
        </div>
      ))}
      <div className="flex flex-wrap items-center gap-3">
        {weights.length < MOST && <Button onClick={() => change([...weights, { asset: "", percent: "" }])}>Another part</Button>}
        <span role="status" className={`tabular-nums ${compare(total, "100") === 0 ? "text-muted" : "text-warn"}`}>
          {format(total)} % {compare(total, "100") === 0 ? "" : "of 100 %"}
        </span>
      </div>
    </div>
  );
}
