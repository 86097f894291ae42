/** The transactions of a portfolio: found, added, changed and deleted, each step back undone. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Quantity } from "../../components/Money";
import { figures, Table } from "../../components/Table";
import { Button, Empty, Failure, Input, Loading, Select } from "../../components/ui";
import { api, change, type Schemas } from "../../lib/api/client";
import { accountsQuery, type Filter, transactionsQuery, usePortfolioChanged } from "../../lib/portfolios";
import { type Sending, useSending } from "../../lib/sending";
import { moment } from "../../lib/time";
import { KINDS, kindWords, type Stored, withoutPlace } from "../../lib/transactions";
import { TransactionForm } from "./TransactionForm";

const ALL: Filter = { asset: "", kind: "", account: "" };

/** What was just done, and how to take it back. */
interface Undo {
  readonly words: string;
  readonly run: (key: string) => Promise<unknown>;
}

function Leg({ leg }: { leg: Schemas["TransactionLeg"] | null | undefined }) {
  return <td className="figures">{leg != null && <Quantity value={leg.quantity} asset={leg.asset} />}</td>;
}

function Filters({ id, filter, choose }: { id: string; filter: Filter; choose: (filter: Filter) => void }) {
  const accounts = useQuery(accountsQuery(id)).data?.data ?? [];
  return (
    <div role="search" aria-label="Transactions" className="mb-2 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-end">
      <Input label="Only of asset" value={filter.asset} placeholder="bitcoin" autoComplete="off" onChange={(event) => choose({ ...filter, asset: event.target.value.trim() })} />
      <Select label="Only of kind" value={filter.kind} onChange={(event) => choose({ ...filter, kind: event.target.value })}>
        <option value="">all</option>
        {Object.keys(KINDS).map((kind) => (
          <option key={kind} value={kind}>
            {kindWords(kind)}
          </option>
        ))}
      </Select>
      {accounts.length > 1 && (
        <Select label="Only of account" value={filter.account} onChange={(event) => choose({ ...filter, account: event.target.value })}>
          <option value="">all</option>
          {accounts.map(({ id, name }) => (
            <option key={id} value={name}>
              {name}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}

function List({ id, currency, filter, sending, done }: { id: string; currency: string; filter: Filter; sending: Sending; done: (undo: Undo) => void }) {
  const query = useInfiniteQuery(transactionsQuery(id, filter));
  const changed = usePortfolioChanged(id);
  const [edited, setEdited] = useState<number | null>(null);
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (query.data === undefined) return <Loading what="transactions" />;
  const all = query.data.pages.flatMap((page) => page.data);
  if (all.length === 0) return <Empty>{filter === ALL ? "No transactions yet. Add one, or import a file." : "No transaction is like that."}</Empty>;
  const put = (body: Stored) => (key: string) =>
    change(() => api.PUT("/api/v1/portfolios/{id}/transactions/{number}", { body: withoutPlace(body), params: { path: { id, number: body.number }, header: { "Idempotency-Key": key } } }));
  const remove = (one: Stored) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}/transactions/{number}", { params: { path: { id, number: one.number } } }));
      await changed();
      done({
        words: `The ${kindWords(one.kind)} of ${moment(one.time)} is deleted.`,
        run: (key) => change(() => api.POST("/api/v1/portfolios/{id}/transactions", { body: withoutPlace(one), params: { path: { id }, header: { "Idempotency-Key": key } } })),
      });
    });
  return (
    <>
      <Table label="Transactions, newest first" columns={["Time", "Kind", figures("Sent"), figures("Received"), "Account", figures("Actions")]}>
          {all.map((one) => {
            const what = `${kindWords(one.kind)} of ${moment(one.time)}`;
            return (
              <Fragment key={one.number}>
                <tr className="border-t border-line">
                  <td className="whitespace-nowrap">{moment(one.time)}</td>
                  <td title={one.note ?? undefined}>
                    {kindWords(one.kind)}
                    {one.note != null && <span className="text-xs text-muted"> ✎</span>}
                  </td>
                  <Leg leg={one.sent} />
                  <Leg leg={one.received} />
                  <td>
                    {one.account}
                    {one.to_account != null && ` → ${one.to_account}`}
                  </td>
                  <td>
                    <span className="flex justify-end gap-1">
                      <Button onClick={() => setEdited(edited === one.number ? null : one.number)} aria-expanded={edited === one.number} aria-label={`Edit ${what}`}>
                        Edit
                      </Button>
                      <Button disabled={sending.isBusy} onClick={() => remove(one)} aria-label={`Delete ${what}`}>
                        Delete
                      </Button>
                    </span>
                  </td>
                </tr>
                {edited === one.number && (
                  <tr className="border-t border-line bg-panel">
                    <td colSpan={6}>
                      <TransactionForm
                        id={id}
                        currency={currency}
                        old={one}
                        cancel={() => setEdited(null)}
                        saved={() => {
                          setEdited(null);
                          done({ words: `The ${what} is changed.`, run: put(one) });
                        }}
                      />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
      </Table>
      {query.hasNextPage && (
        <div className="mt-2 text-center">
          <Button onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

export function Transactions({ id, currency }: { id: string; currency: string }) {
  const [isAdding, setAdding] = useState(false);
  const [filter, setFilter] = useState(ALL);
  const [undo, setUndo] = useState<Undo | null>(null);
  const changed = usePortfolioChanged(id);
  const sending = useSending();
  const takeBack = (undo: Undo) =>
    void sending.send(async (key) => {
      await undo.run(key);
      setUndo(null);
      await changed();
    });
  return (
    <section aria-labelledby="transactions">
      <div className="mb-2 flex items-center justify-between">
        <h2 id="transactions">Transactions</h2>
        {!isAdding && <Button onClick={() => setAdding(true)}>Add a transaction</Button>}
      </div>
      {isAdding && (
        <div className="mb-4">
          <TransactionForm id={id} currency={currency} cancel={() => setAdding(false)} saved={() => setAdding(false)} />
        </div>
      )}
      <Filters id={id} filter={filter} choose={(next) => setFilter(Object.values(next).every((text) => text === "") ? ALL : next)} />
      <div role="status" className="mb-2">
        {undo !== null && (
          <span className="flex flex-wrap items-center gap-3">
            {undo.words}
            <Button disabled={sending.isBusy} onClick={() => takeBack(undo)}>
              Undo
            </Button>
          </span>
        )}
      </div>
      {sending.error !== null && <Failure error={sending.error} />}
      <List id={id} currency={currency} filter={filter} sending={sending} done={setUndo} />
    </section>
  );
}
