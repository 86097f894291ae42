/** Withdrawals and deposits that may be one transfer: booked as such, their lots keep cost and date. */

import { useQuery } from "@tanstack/react-query";
import { Card } from "../../components/Card";
import { Quantity } from "../../components/Money";
import { Button, Failure } from "../../components/ui";
import { api, change, type Schemas } from "../../lib/api/client";
import { transfersQuery, usePortfolioChanged } from "../../lib/portfolios";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

export function Transfers({ id }: { id: string }) {
  const proposals = useQuery(transfersQuery(id));
  const changed = usePortfolioChanged(id);
  const sending = useSending();
  const book = ({ withdrawal, deposit }: Schemas["TransferProposal"]) => {
    const body = { withdrawal, deposit };
    void sending.send(async (key) => {
      await change(() => api.POST("/api/v1/portfolios/{id}/transfers", { body, params: { path: { id }, header: { "Idempotency-Key": key } } }));
      await changed();
    }, body);
  };
  if (proposals.isError) return <Failure error={proposals.error} retry={() => void proposals.refetch()} />;
  if (proposals.data === undefined || proposals.data.data.length === 0) return null;
  return (
    <Card title="Transfers between your accounts?">
      <p className="mb-2 text-muted">Each of these looks like one movement that is listed twice. As a transfer, its coins keep their cost and date.</p>
      <ul>
        {proposals.data.data.map((one) => (
          <li key={`${one.withdrawal} ${one.deposit}`} className="flex flex-wrap items-center justify-between gap-2 border-t border-line py-2 first:border-t-0">
            <span>
              <Quantity value={one.transfer.sent?.quantity} asset={one.transfer.sent?.asset ?? ""} /> from {one.transfer.account} to {one.transfer.to_account}
              <span className="text-xs text-muted">
                {" "}
                · {moment(one.transfer.time)} · {one.hash != null ? "both name one transaction hash" : one.certain ? "nothing else fits" : "something else fits too"}
              </span>
            </span>
            <Button disabled={sending.isBusy} onClick={() => book(one)}>
              Book it as a transfer
            </Button>
          </li>
        ))}
      </ul>
      {sending.error !== null && <Failure error={sending.error} />}
    </Card>
  );
}
