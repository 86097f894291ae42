/** Where the value is: a bar for each share, longest first. The bar is drawn; the share is the server's text. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Card } from "../../components/Card";
import { Choice } from "../../components/Choice";
import { useAmounts } from "../../components/Money";
import { Empty, Failure, Loading } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { compare, format, MISSING, ratioPercent } from "../../lib/decimal";
import { allocationQuery } from "../../lib/portfolios";

const WAYS = [
  ["by_asset", "Asset"],
  ["by_account", "Account"],
  ["by_category", "Kind"],
] as const;

export function Shares({ shares, currency, most }: { shares: readonly Schemas["AllocationShare"][]; currency: string; most?: number }) {
  const { money, exact } = useAmounts();
  const sorted = [...shares].sort((a, b) => compare(b.share ?? "0", a.share ?? "0"));
  const shown = sorted.slice(0, most ?? sorted.length);
  return (
    <>
      <ul className="grid gap-2">
        {shown.map((one) => (
          <li key={one.name}>
            <div className="flex justify-between gap-3">
              <span className="truncate">{one.name}</span>
              <span className="whitespace-nowrap tabular-nums" title={one.value == null ? "no price" : `${exact(one.value)} ${currency}`}>
                <span className="text-muted">{money(one.value)}</span> {one.share ? `${format(ratioPercent(one.share))} %` : MISSING}
              </span>
            </div>
            <div className="mt-1 h-1.5 rounded bg-panel" aria-hidden="true">
              <div className="h-full rounded bg-accent" style={{ width: `${Math.max(0, Math.min(1, Number(one.share ?? "0"))) * 100}%` }} />
            </div>
          </li>
        ))}
      </ul>
      {sorted.length > shown.length && <p className="mt-2 text-xs text-muted">and {sorted.length - shown.length} more</p>}
    </>
  );
}

export function Allocation({ id }: { id: string }) {
  const [way, setWay] = useState<(typeof WAYS)[number][0]>("by_asset");
  const allocation = useQuery(allocationQuery(id));
  return (
    <Card
      title="Allocation"
      action={
        <Choice label="Shares by" choices={WAYS} chosen={way} choose={setWay} />
      }
    >
      {allocation.isError && <Failure error={allocation.error} retry={() => void allocation.refetch()} />}
      {allocation.isPending && <Loading what="the allocation" />}
      {allocation.data !== undefined && (
        <>
          {allocation.data.value_reason && <p className="mb-2 text-warn">{allocation.data.value_reason}</p>}
          {allocation.data[way].length === 0 ? <Empty>Nothing is held yet.</Empty> : <Shares shares={allocation.data[way]} currency={allocation.data.currency} />}
        </>
      )}
    </Card>
  );
}
