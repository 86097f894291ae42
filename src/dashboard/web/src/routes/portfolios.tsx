/** All portfolios of the user. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { Verified } from "../components/Verified";
import { Button, Empty, Failure, Input, Loading, Select } from "../components/ui";
import { Sample } from "../features/portfolio/Sample";
import { api, change } from "../lib/api/client";
import { METHODS, portfoliosQuery } from "../lib/portfolios";
import { texts, useSending } from "../lib/sending";

function NewPortfolio() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { name = "", currency = "", method = "" } = texts(event.currentTarget);
    const body = { name: name.trim(), currency: currency.trim(), time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, method };
    void sending.send(async (key) => {
      const made = await change(() => api.POST("/api/v1/portfolios", { body, params: { header: { "Idempotency-Key": key } } }));
      await queries.invalidateQueries({ queryKey: portfoliosQuery.queryKey });
      await navigate({ to: "/portfolios/$id", params: { id: made.id }, search: { tab: "transactions" } });
    }, body);
  };
  return (
    <form onSubmit={submit} className="grid max-w-md gap-4" aria-labelledby="new">
      <h2 id="new">New portfolio</h2>
      <Input label="Name" name="name" required maxLength={100} error={sending.field("name")} />
      <Input label="Currency" name="currency" required defaultValue="USD" hint="Values are counted in it; it stays." error={sending.field("currency")} />
      <Select label="Which lots a sale takes" name="method" defaultValue="fifo">
        {METHODS.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </Select>
      {sending.error !== null && <Failure error={sending.error} />}
      <Button kind="primary" type="submit" disabled={sending.isBusy}>
        Create
      </Button>
    </form>
  );
}

function List() {
  const portfolios = useQuery(portfoliosQuery);
  if (portfolios.isError) return <Failure error={portfolios.error} retry={() => void portfolios.refetch()} />;
  if (portfolios.data === undefined) return <Loading what="portfolios" />;
  if (portfolios.data.data.length === 0) {
    return (
      <Empty>
        <p className="mb-2">No portfolio yet. Create the first one below.</p>
        <Sample />
      </Empty>
    );
  }
  return (
    <ul className="rounded-md border border-line">
      {portfolios.data.data.map((one) => (
        <li key={one.id} className="border-line px-4 py-2 not-first:border-t">
          <Link to="/portfolios/$id" params={{ id: one.id }} className="font-medium hover:underline">
            {one.name}
          </Link>{" "}
          <span className="text-muted">
            {one.currency} · {one.transactions === 1 ? "1 transaction" : `${one.transactions} transactions`}
          </span>
        </li>
      ))}
    </ul>
  );
}

export function Portfolios() {
  return (
    <div className="grid gap-8">
      <title>Portfolios · Coinsphere</title>
      <h1>Portfolios</h1>
      <Verified to="/portfolios" what="your portfolios">
        {() => (
          <>
            <List />
            <NewPortfolio />
          </>
        )}
      </Verified>
    </div>
  );
}
