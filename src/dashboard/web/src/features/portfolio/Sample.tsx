/** A portfolio with sample transactions, for who wants to look around first. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Button, Failure } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { portfoliosQuery } from "../../lib/portfolios";
import { SAMPLE_NAME, sampleTransactions } from "../../lib/sample";
import { useSending } from "../../lib/sending";

export function Sample() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const sending = useSending();
  const make = () =>
    void sending.send(async (key) => {
      const body = { name: SAMPLE_NAME, currency: "USD", time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, method: "fifo" };
      const { id } = await change(() => api.POST("/api/v1/portfolios", { body, params: { header: { "Idempotency-Key": key } } }));
      await change(() => api.POST("/api/v1/portfolios/{id}/transactions/bulk", { body: { transactions: sampleTransactions(Date.now()) }, params: { path: { id } } }));
      await queries.invalidateQueries({ queryKey: portfoliosQuery.queryKey });
      await navigate({ to: "/portfolios/$id", params: { id } });
    });
  return (
    <>
      <Button disabled={sending.isBusy} onClick={make}>
        Try it with sample data
      </Button>
      {sending.error !== null && <Failure error={sending.error} />}
    </>
  );
}
