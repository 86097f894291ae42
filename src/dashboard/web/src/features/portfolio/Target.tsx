/** What it is to become: a target, and the trades that lead there. The target is kept in this browser. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Money, Quantity } from "../../components/Money";
import { figures, Table } from "../../components/Table";
import { Button, Failure, Input, Loading } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { format, formatPrice, isDecimal, MISSING, percentRatio, ratioPercent } from "../../lib/decimal";
import { mixOf, type Weight, weightsIn } from "../../lib/mix";
import { allocationQuery } from "../../lib/portfolios";
import { keep, kept } from "../../lib/preferences";
import { Mix } from "./Mix";

const ACTIONS: Readonly<Record<string, string>> = { buy: "Buy", sell: "Sell", keep: "Keep" };

function Trades({ target, currency }: { target: Schemas["TargetAllocation"]; currency: string }) {
  const share = (ratio: string | null | undefined) => (ratio == null ? MISSING : `${format(ratioPercent(ratio))} %`);
  return (
    <>
      {target.reason != null && <p className="text-warn">{target.reason}</p>}
      <Table label={`Trades that restore the target, in ${currency}`} columns={["Asset", figures("Now"), figures("Target"), "Trade", figures("Quantity"), figures("For"), figures("At")]}>
            {target.lines.map((line) => (
              <tr key={line.asset} className="border-t border-line">
                <th scope="row" className="text-left font-medium">{line.asset}</th>
                <td className="figures">{share(line.share)}</td>
                <td className="figures">{share(line.target)}</td>
                <td className={line.action === "keep" ? "text-muted" : "font-medium"}>{ACTIONS[line.action ?? ""] ?? MISSING}</td>
                <td className="figures">{line.action === "keep" ? "" : <Quantity value={line.trade_quantity} />}</td>
                <td className="figures">{line.action === "keep" ? "" : <Money value={line.amount} />}</td>
                <td className="figures">{formatPrice(line.price)}</td>
              </tr>
            ))}
      </Table>
      <p className="text-xs text-muted">At the last prices and without fees. Nothing is traded here.</p>
    </>
  );
}

export function Target({ id, currency }: { id: string; currency: string }) {
  const place = `target:${id}`;
  const [weights, setWeights] = useState<readonly Weight[]>(() => {
    const before = weightsIn(kept(place));
    return before.length > 0 ? before : [{ asset: "bitcoin", percent: "60" }, { asset: currency, percent: "40" }];
  });
  const [tolerance, setTolerance] = useState("2");
  const [asked, setAsked] = useState<{ mix: string; tolerance: string } | null>(() => {
    const mix = mixOf(weightsIn(kept(place)));
    return mix === null ? null : { mix, tolerance: "0.02" };
  });
  const allocation = useQuery({ ...allocationQuery(id, asked), enabled: asked !== null });
  const mix = mixOf(weights);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (mix === null) return;
    keep(place, JSON.stringify(weights));
    setAsked({ mix, tolerance: percentRatio(tolerance) ?? "0" });
  };
  return (
    <Card title="Target">
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[20rem_minmax(0,1fr)]">
        <form onSubmit={submit} className="grid gap-3">
          <Mix weights={weights} change={setWeights} />
          <Input label="Leave alone what is within (per cent)" inputMode="decimal" value={tolerance} autoComplete="off" onChange={(event) => setTolerance(event.target.value)} />
          <div>
            <Button type="submit" kind="primary" disabled={mix === null || !isDecimal(tolerance)}>
              Show the trades
            </Button>
          </div>
        </form>
        <div className="grid gap-2">
          {allocation.isError && <Failure error={allocation.error} />}
          {asked !== null && allocation.isPending && <Loading what="the trades" />}
          {allocation.data?.target != null && <Trades target={allocation.data.target} currency={allocation.data.currency} />}
          {asked === null && <p className="text-muted">Say how the value is to be shared out, and see what to buy and sell. The target is kept in this browser.</p>}
        </div>
      </div>
    </Card>
  );
}
