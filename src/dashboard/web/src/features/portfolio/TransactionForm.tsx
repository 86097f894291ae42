/** A transaction to add or to change. What the form has no field for stays as it was. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { Button, Failure, Input, Select } from "../../components/ui";
import { api, change, type Schemas } from "../../lib/api/client";
import { tokensQuery } from "../../lib/market";
import { accountsQuery, usePortfolioChanged } from "../../lib/portfolios";
import { texts, useSending } from "../../lib/sending";
import { localSeconds } from "../../lib/time";
import { type Kind, KINDS, kindWords, type Stored, type Transaction, withoutPlace } from "../../lib/transactions";

const DECIMAL = "[0-9]+([.][0-9]+)?";
const LEGS = { sent: "Sent", received: "Received" } as const;

/** A leg as the form has it, with the value that the old one had if it is the same. */
function leg(given: Record<string, string>, name: string, old: Schemas["TransactionLeg"] | null | undefined): Schemas["TransactionLeg"] | undefined {
  const [asset, quantity] = [(given[`${name}.asset`] ?? "").trim(), (given[`${name}.quantity`] ?? "").trim()];
  if (asset === "" && quantity === "") return undefined;
  return old != null && old.asset === asset && old.quantity === quantity ? old : { asset, quantity };
}

function bodyOf(given: Record<string, string>, kind: string, old: Stored | undefined): Transaction {
  const [sent, received, fee] = [leg(given, "sent", old?.sent), leg(given, "received", old?.received), leg(given, "fee", old?.fees?.[0])];
  const text = (name: string) => (given[name] ?? "").trim();
  const optional = (name: string) => (text(name) === "" ? {} : { [name]: text(name) });
  const { sent: _sent, received: _received, fees = [], value: _value, note: _note, to_account: _to, basis: _basis, acquired: _acquired, ...rest } = old === undefined ? ({} as Transaction) : withoutPlace(old);
  const others = (fees ?? []).slice(1);
  const time = text("time");
  return {
    ...rest,
    kind,
    // A time that was not touched keeps what the field does not show.
    time: old !== undefined && time === localSeconds(old.time) ? old.time : new Date(time).toISOString(),
    account: text("account"),
    ...(sent === undefined ? {} : { sent }),
    ...(received === undefined ? {} : { received }),
    ...(fee === undefined && others.length === 0 ? {} : { fees: [...(fee === undefined ? [] : [fee]), ...others] }),
    ...optional("value"),
    ...optional("note"),
    ...optional("to_account"),
    ...optional("basis"),
    ...optional("acquired"),
  };
}

export function TransactionForm({
  id,
  currency,
  old,
  saved,
  cancel,
}: {
  id: string;
  currency: string;
  /** The one to change; none: a new one. */
  old?: Stored;
  saved: (stored: Stored) => void;
  cancel: () => void;
}) {
  const [kind, setKind] = useState<string>(old?.kind ?? "buy");
  const assets = useId();
  const accounts = useId();
  const tokens = useQuery(tokensQuery).data ?? [];
  const known = useQuery(accountsQuery(id)).data?.data ?? [];
  const changed = usePortfolioChanged(id);
  const sending = useSending();
  const spec = KINDS[kind as Kind] ?? { legs: ["sent", "received"], extra: [] };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = bodyOf(texts(event.currentTarget), kind, old);
    void sending.send(async (key) => {
      const header = { "Idempotency-Key": key };
      const stored =
        old === undefined
          ? await change(() => api.POST("/api/v1/portfolios/{id}/transactions", { body, params: { path: { id }, header } }))
          : await change(() => api.PUT("/api/v1/portfolios/{id}/transactions/{number}", { body, params: { path: { id, number: old.number }, header } }));
      await changed();
      saved(stored);
    }, body);
  };
  const amount = (label: string, name: string, isRequired: boolean, was: Schemas["TransactionLeg"] | null | undefined, example: string) => (
    <fieldset key={name} className="grid grid-cols-2 gap-2">
      <legend className="sr-only">{label}</legend>
      <Input
        label={`${label}: quantity`}
        name={`${name}.quantity`}
        defaultValue={was?.quantity ?? ""}
        inputMode="decimal"
        pattern={DECIMAL}
        title="Digits with a point, such as 0.25"
        autoComplete="off"
        required={isRequired}
        error={sending.field(name === "fee" ? "fees[0].quantity" : `${name}.quantity`)}
      />
      <Input
        label={`${label}: asset`}
        name={`${name}.asset`}
        defaultValue={was?.asset ?? ""}
        list={assets}
        placeholder={example}
        autoComplete="off"
        required={isRequired}
        error={sending.field(name === "fee" ? "fees[0].asset" : `${name}.asset`)}
      />
    </fieldset>
  );
  const extra = (name: "to_account" | "basis" | "acquired") => {
    const words = { to_account: "To account", basis: `Cost brought along, in ${currency} (optional)`, acquired: "Acquired on (a day, optional)" }[name];
    return <Input key={name} label={words} name={name} defaultValue={old?.[name] ?? ""} required={name === "to_account"} autoComplete="off" list={name === "to_account" ? accounts : undefined} error={sending.field(name)} />;
  };
  return (
    <form onSubmit={submit} aria-label={old === undefined ? "New transaction" : "Change the transaction"} className="grid gap-4 rounded-md border border-line bg-page p-4 sm:grid-cols-2">
      <datalist id={assets}>
        <option value={currency} />
        {tokens.map((token) => (
          <option key={token.id} value={token.id}>
            {token.name}
          </option>
        ))}
      </datalist>
      <datalist id={accounts}>
        {known.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <Select label="Kind" value={kind} onChange={(event) => setKind(event.target.value)}>
        {Object.keys(KINDS).map((one) => (
          <option key={one} value={one}>
            {kindWords(one)}
          </option>
        ))}
      </Select>
      <Input label="Time" name="time" type="datetime-local" step="1" required defaultValue={localSeconds(old?.time ?? new Date().toISOString())} error={sending.field("time")} />
      {spec.legs.map((name) => amount(LEGS[name], name, true, old?.[name], (kind === "sell") === (name === "received") ? currency : "bitcoin"))}
      {amount("Fee", "fee", false, old?.fees?.[0], "")}
      {spec.legs.length === 1 && (
        <Input label={`Market value in ${currency} (optional)`} name="value" defaultValue={old?.value ?? ""} inputMode="decimal" pattern={DECIMAL} autoComplete="off" error={sending.field("value")} />
      )}
      {spec.extra.map(extra)}
      <Input label="Account" name="account" required list={accounts} defaultValue={old?.account ?? known[0]?.name ?? "main"} error={sending.field("account")} />
      <Input label="Note (optional)" name="note" defaultValue={old?.note ?? ""} error={sending.field("note")} />
      {sending.error !== null && (
        <div className="sm:col-span-2">
          <Failure error={sending.error} />
        </div>
      )}
      <div className="flex gap-2 sm:col-span-2">
        <Button kind="primary" type="submit" disabled={sending.isBusy}>
          {old === undefined ? "Add" : "Save"}
        </Button>
        <Button onClick={cancel}>Cancel</Button>
      </div>
    </form>
  );
}
