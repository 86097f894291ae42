/** The transactions of a portfolio: what was added last comes first; adding and deleting. */

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, change, type Schemas } from "../lib/api/client";
import { format } from "../lib/decimal";
import { field, fieldError, useForm } from "../lib/form";
import { transactionsQuery } from "../lib/portfolios";
import { moment } from "../lib/time";
import { Button, Empty, Failure, Input, Loading, Select } from "./ui";

const DECIMAL = "[0-9]+([.][0-9]+)?";

/** Which legs a kind has; further kinds come by import. */
const KINDS = {
  buy: ["sent", "received"],
  sell: ["sent", "received"],
  swap: ["sent", "received"],
  deposit: ["received"],
  withdrawal: ["sent"],
  staking: ["received"],
  interest: ["received"],
  airdrop: ["received"],
  gift_in: ["received"],
  gift_out: ["sent"],
  loss: ["sent"],
} as const;
type Kind = keyof typeof KINDS;

const LEGS = { sent: "Sent", received: "Received" } as const;

function useRefresh(id: string) {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: ["portfolio", id] });
    await queries.invalidateQueries({ queryKey: ["portfolios"] });
  };
}

function leg(fields: FormData, name: string): Schemas["TransactionLeg"] | undefined {
  const [asset, quantity] = [field(fields, `${name}.asset`), field(fields, `${name}.quantity`)];
  return asset === "" && quantity === "" ? undefined : { asset, quantity };
}

function Add({ id, currency, done }: { id: string; currency: string; done: () => void }) {
  const [kind, setKind] = useState<Kind>("buy");
  const refresh = useRefresh(id);
  const { error, isSending, submit } = useForm(async (fields, key) => {
    const [sent, received, fee] = [leg(fields, "sent"), leg(fields, "received"), leg(fields, "fee")];
    const value = field(fields, "value");
    const note = field(fields, "note");
    const body: Schemas["Transaction"] = {
      kind,
      time: new Date(field(fields, "time")).toISOString(),
      account: field(fields, "account"),
      ...(sent === undefined ? {} : { sent }),
      ...(received === undefined ? {} : { received }),
      ...(fee === undefined ? {} : { fees: [fee] }),
      ...(value === "" ? {} : { value }),
      ...(note === "" ? {} : { note }),
    };
    const params = { path: { id }, header: { "Idempotency-Key": key } };
    await change(() => api.POST("/api/v1/portfolios/{id}/transactions", { body, params }));
    await refresh();
    done();
  });
  const legs: readonly (keyof typeof LEGS)[] = KINDS[kind];
  return (
    <form onSubmit={submit} aria-label="New transaction" className="mb-4 grid gap-4 rounded-md border border-line p-4 sm:grid-cols-2">
      <Select label="Kind" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
        {Object.keys(KINDS).map((one) => (
          <option key={one} value={one}>
            {one.replaceAll("_", " ")}
          </option>
        ))}
      </Select>
      <Input label="Time" name="time" type="datetime-local" step="1" required error={fieldError(error, "time")} />
      {legs.map((name) => (
        <fieldset key={name} className="grid grid-cols-2 gap-2">
          <legend className="sr-only">{LEGS[name]}</legend>
          <Input
            label={`${LEGS[name]}: quantity`}
            name={`${name}.quantity`}
            inputMode="decimal"
            pattern={DECIMAL}
            title="Digits with a point, such as 0.25"
            autoComplete="off"
            required
            error={fieldError(error, `${name}.quantity`)}
          />
          <Input
            label={`${LEGS[name]}: asset`}
            name={`${name}.asset`}
            placeholder={(kind === "sell") === (name === "received") ? currency : "BTC"}
            autoComplete="off"
            required
            error={fieldError(error, `${name}.asset`)}
          />
        </fieldset>
      ))}
      <fieldset className="grid grid-cols-2 gap-2">
        <legend className="sr-only">Fee</legend>
        <Input label="Fee: quantity" name="fee.quantity" inputMode="decimal" pattern={DECIMAL} autoComplete="off" error={fieldError(error, "fees[0].quantity")} />
        <Input label="Fee: asset" name="fee.asset" autoComplete="off" error={fieldError(error, "fees[0].asset")} />
      </fieldset>
      {legs.length === 1 && (
        <Input label={`Market value in ${currency} (optional)`} name="value" inputMode="decimal" pattern={DECIMAL} autoComplete="off" error={fieldError(error, "value")} />
      )}
      <Input label="Account" name="account" required defaultValue="main" error={fieldError(error, "account")} />
      <Input label="Note (optional)" name="note" error={fieldError(error, "note")} />
      {error !== null && (
        <div className="sm:col-span-2">
          <Failure error={error} />
        </div>
      )}
      <div className="flex gap-2 sm:col-span-2">
        <Button kind="primary" type="submit" disabled={isSending}>
          Add
        </Button>
        <Button onClick={done}>Cancel</Button>
      </div>
    </form>
  );
}

function Delete({ id, number, what }: { id: string; number: number; what: string }) {
  const [isAsked, setAsked] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const refresh = useRefresh(id);
  const remove = async () => {
    setError(null);
    try {
      const params = { path: { id, number } };
      await change(() => api.DELETE("/api/v1/portfolios/{id}/transactions/{number}", { params }));
      await refresh();
    } catch (problem) {
      setError(problem);
    }
  };
  if (error !== null) return <Failure error={error} retry={remove} />;
  if (!isAsked) {
    return (
      <Button onClick={() => setAsked(true)} aria-label={`Delete ${what}`}>
        Delete
      </Button>
    );
  }
  return (
    <span className="flex gap-1">
      <Button kind="danger" onClick={remove} autoFocus>
        Delete for good
      </Button>
      <Button onClick={() => setAsked(false)}>Keep</Button>
    </span>
  );
}

function Leg({ leg }: { leg: Schemas["TransactionLeg"] | null | undefined }) {
  return <td className="figures">{leg == null ? "" : `${format(leg.quantity)} ${leg.asset}`}</td>;
}

function List({ id }: { id: string }) {
  const query = useInfiniteQuery(transactionsQuery(id));
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (query.data === undefined) return <Loading what="transactions" />;
  const all = query.data.pages.flatMap((page) => page.data);
  if (all.length === 0) return <Empty>No transactions yet. Add one, or import a file below.</Empty>;
  return (
    <div role="group" aria-label="Transactions" tabIndex={0} className="relative overflow-x-auto rounded-md border border-line">
      <table className="w-full">
        <caption className="sr-only">Transactions, newest first</caption>
        <thead className="bg-panel text-xs text-muted">
          <tr>
            <th scope="col" className="text-left">Time</th>
            <th scope="col" className="text-left">Kind</th>
            <th scope="col" className="figures">Sent</th>
            <th scope="col" className="figures">Received</th>
            <th scope="col" className="text-left">Account</th>
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.number} className="border-t border-line">
              <td className="whitespace-nowrap">{moment(one.time)}</td>
              <td>{one.kind.replaceAll("_", " ")}</td>
              <Leg leg={one.sent} />
              <Leg leg={one.received} />
              <td>{one.account}</td>
              <td>
                <Delete id={id} number={one.number} what={`${one.kind} of ${moment(one.time)}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {query.hasNextPage && (
        <div className="border-t border-line p-3 text-center">
          <Button onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
            Show more
          </Button>
        </div>
      )}
    </div>
  );
}

export function Transactions({ id, currency }: { id: string; currency: string }) {
  const [isAdding, setAdding] = useState(false);
  return (
    <section aria-labelledby="transactions">
      <div className="mb-2 flex items-center justify-between">
        <h2 id="transactions">Transactions</h2>
        {!isAdding && <Button onClick={() => setAdding(true)}>Add a transaction</Button>}
      </div>
      {isAdding && <Add id={id} currency={currency} done={() => setAdding(false)} />}
      <List id={id} />
    </section>
  );
}
