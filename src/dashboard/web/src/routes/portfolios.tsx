/** All portfolios of the user. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { SignInFirst } from "../components/SignInFirst";
import { Unverified } from "../components/Unverified";
import { Button, Empty, Failure, Input, Loading, Select } from "../components/ui";
import { api, change } from "../lib/api/client";
import { field, fieldError, useForm } from "../lib/form";
import { portfoliosQuery } from "../lib/portfolios";
import { useUser } from "../lib/session";

function NewPortfolio() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { error, isSending, submit } = useForm(async (fields, key) => {
    const body = {
      name: field(fields, "name"),
      currency: field(fields, "currency"),
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      method: field(fields, "method"),
    };
    const params = { header: { "Idempotency-Key": key } };
    const made = await change(() => api.POST("/api/v1/portfolios", { body, params }));
    await queries.invalidateQueries({ queryKey: portfoliosQuery.queryKey });
    await navigate({ to: "/portfolios/$id", params: { id: made.id } });
  });
  return (
    <form onSubmit={submit} className="grid max-w-md gap-4" aria-labelledby="new">
      <h2 id="new">New portfolio</h2>
      <Input label="Name" name="name" required maxLength={100} error={fieldError(error, "name")} />
      <Input label="Currency" name="currency" required defaultValue="USD" hint="Values are counted in it; it stays." error={fieldError(error, "currency")} />
      <Select label="Which lots a sale takes" name="method" defaultValue="fifo">
        <option value="fifo">First in, first out</option>
        <option value="lifo">Last in, first out</option>
        <option value="hifo">Highest cost first</option>
        <option value="average">Average cost</option>
        <option value="uk">United Kingdom</option>
      </Select>
      {error !== null && <Failure error={error} />}
      <Button kind="primary" type="submit" disabled={isSending}>
        Create
      </Button>
    </form>
  );
}

function List() {
  const portfolios = useQuery(portfoliosQuery);
  if (portfolios.isError) return <Failure error={portfolios.error} retry={() => void portfolios.refetch()} />;
  if (portfolios.data === undefined) return <Loading what="portfolios" />;
  if (portfolios.data.data.length === 0) return <Empty>No portfolio yet. Create the first one below.</Empty>;
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
  const user = useUser();
  if (user === undefined) return <Loading what="portfolios" />;
  if (user === null) return <SignInFirst to="/portfolios" what="your portfolios" />;
  if (!user.email_verified) return <Unverified email={user.email} />;
  return (
    <div className="grid gap-8">
      <title>Portfolios · Coinsphere</title>
      <h1>Portfolios</h1>
      <List />
      <NewPortfolio />
    </div>
  );
}
