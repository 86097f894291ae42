/** How a portfolio is counted, its name, its accounts, export and deletion. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import { Button, Download, Failure, Input, Loading, Select } from "../../components/ui";
import { api, change, type Schemas } from "../../lib/api/client";
import { accountsQuery, METHODS, usePortfolioChanged } from "../../lib/portfolios";
import { texts, useSending } from "../../lib/sending";

function Rules({ portfolio }: { portfolio: Schemas["Portfolio"] }) {
  const { id, name, method, scope, fees_in_kind, time_zone } = portfolio;
  const [isSaved, setSaved] = useState(false);
  const changed = usePortfolioChanged(id);
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = texts(event.currentTarget);
    setSaved(false);
    void sending.send(async () => {
      await change(() => api.PATCH("/api/v1/portfolios/{id}", { params: { path: { id } }, body }));
      await changed();
      setSaved(true);
    });
  };
  return (
    <Card title="How it is counted">
      <form onSubmit={submit} className="grid gap-3 sm:grid-cols-2">
        <Input label="Name" name="name" defaultValue={name} required maxLength={100} error={sending.field("name")} />
        <Input label="Time zone of days and tax years" name="time_zone" defaultValue={time_zone} required error={sending.field("time_zone")} />
        <Select label="Which lots a sale takes" name="method" defaultValue={method}>
          {METHODS.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </Select>
        <Select label="From which lots" name="scope" defaultValue={scope}>
          <option value="portfolio">all of the portfolio</option>
          <option value="account">those of the same account</option>
        </Select>
        <Select label="A fee in coins is" name="fees_in_kind" defaultValue={fees_in_kind}>
          <option value="dispose">a disposal at its value</option>
          <option value="at_cost">part of the cost, without a gain</option>
        </Select>
        <div className="flex items-end gap-3">
          <Button type="submit" kind="primary" disabled={sending.isBusy}>
            Save
          </Button>
          <span role="status" className="py-1 text-muted">
            {isSaved && "Saved: every figure follows."}
          </span>
        </div>
      </form>
      {sending.error !== null && <Failure error={sending.error} />}
    </Card>
  );
}

function Accounts({ id }: { id: string }) {
  const accounts = useQuery(accountsQuery(id));
  const changed = usePortfolioChanged(id);
  const sending = useSending();
  const rename = (account: string) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { name = "" } = texts(event.currentTarget);
    void sending.send(async () => {
      await change(() => api.PATCH("/api/v1/portfolios/{id}/accounts/{account}", { params: { path: { id, account } }, body: { name: name.trim() } }));
      await changed();
    });
  };
  const remove = (account: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}/accounts/{account}", { params: { path: { id, account } } }));
      await changed();
    });
  return (
    <Card title="Accounts">
      {accounts.isError && <Failure error={accounts.error} retry={() => void accounts.refetch()} />}
      {accounts.isPending && <Loading what="the accounts" />}
      {accounts.data?.data.length === 0 && <p className="text-muted">None yet: a transaction that names one adds it.</p>}
      <ul aria-label="Accounts">
        {accounts.data?.data.map((account) => (
          <li key={account.id} className="flex flex-wrap items-end justify-between gap-2 border-t border-line py-2 first:border-t-0">
            <form onSubmit={rename(account.id)} className="flex items-end gap-2">
              <Input label={account.transactions === 1 ? "1 transaction" : `${account.transactions} transactions`} name="name" defaultValue={account.name} required aria-label={`Name of the account ${account.name}`} />
              <Button type="submit" disabled={sending.isBusy} aria-label={`Rename the account ${account.name}`}>
                Rename
              </Button>
            </form>
            {account.transactions === 0 && (
              <Button kind="danger" disabled={sending.isBusy} onClick={() => remove(account.id)} aria-label={`Delete the account ${account.name}`}>
                Delete
              </Button>
            )}
          </li>
        ))}
      </ul>
      {sending.error !== null && <Failure error={sending.error} />}
    </Card>
  );
}

function Rest({ id, name }: { id: string; name: string }) {
  const [isDeleting, setDeleting] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const sending = useSending();
  const remove = () =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}", { params: { path: { id } } }));
      await navigate({ to: "/portfolios" });
      queries.removeQueries({ queryKey: ["portfolio", id] });
      await queries.invalidateQueries({ queryKey: ["portfolios"] });
    });
  return (
    <Card title="Export and deletion">
      <div className="flex flex-wrap items-center gap-3">
        <Download href={`/api/v1/portfolios/${id}/export?format=csv`} download={`${name}.csv`}>
          Export CSV
        </Download>
        <Download href={`/api/v1/portfolios/${id}/export?format=json`} download={`${name}.json`}>
          Export JSON
        </Download>
        <Button kind="danger" onClick={() => setDeleting(true)}>
          Delete…
        </Button>
      </div>
      <Confirm title={`Delete ${name}?`} typed={name} isOpen={isDeleting} sending={sending} run={remove} close={() => setDeleting(false)}>
        All of its transactions go with it, and nothing brings them back. Export them first if you may want them.
      </Confirm>
    </Card>
  );
}

export function Settings({ portfolio }: { portfolio: Schemas["Portfolio"] }) {
  return (
    <>
      <Rules key={portfolio.version} portfolio={portfolio} />
      <Accounts id={portfolio.id} />
      <Rest id={portfolio.id} name={portfolio.name} />
    </>
  );
}
