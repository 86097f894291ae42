/** Links by which anybody may look at a portfolio, and do nothing else. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Secret } from "../../components/Secret";
import { Button, Failure, Input, Loading, Select } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { shareLinksQuery } from "../../lib/portfolios";
import { texts, useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

const ENDS = [
  ["7", "in a week"],
  ["30", "in 30 days"],
  ["365", "in a year"],
  ["", "never"],
] as const;

export function ShareLinks({ id }: { id: string }) {
  const links = useQuery(shareLinksQuery(id));
  const sending = useSending();
  const [address, setAddress] = useState<string | null>(null);
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { name = "", days = "", amounts } = texts(form);
    const body = { name: name.trim(), hide_amounts: amounts === undefined, ...(days === "" ? {} : { expires_in_days: Number(days) }) };
    void sending.send(async (key) => {
      const params = { path: { id }, header: { "Idempotency-Key": key } };
      const { secret } = await change(() => api.POST("/api/v1/portfolios/{id}/share-links", { body, params }));
      setAddress(`${location.origin}/shared/${secret}`);
      form.reset();
      await links.refetch();
    }, body);
  };
  const end = (link: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}/share-links/{link}", { params: { path: { id, link } } }));
      await links.refetch();
    });
  return (
    <Card title="Share links">
      <p className="mb-3 text-muted">Whoever has a link sees what is held, by shares alone unless you say otherwise; no transactions and no accounts.</p>
      {links.isError && <Failure error={links.error} retry={() => void links.refetch()} />}
      {links.isPending && <Loading what="the links" />}
      <ul aria-label="Share links">
        {links.data?.data.map((link) => (
          <li key={link.id} className="flex flex-wrap items-center justify-between gap-2 border-t border-line py-2 first:border-t-0">
            <span>
              {link.name}
              <span className="text-xs text-muted">
                {" "}
                · {link.hide_amounts ? "shares alone" : "with amounts"} · since {moment(link.created_at)} · {link.expires_at == null ? "never ends" : `ends ${moment(link.expires_at)}`}
              </span>
            </span>
            <Button kind="danger" disabled={sending.isBusy} onClick={() => end(link.id)} aria-label={`End the link ${link.name}`}>
              End
            </Button>
          </li>
        ))}
      </ul>
      <form onSubmit={make} className="mt-3 flex flex-wrap items-end gap-3">
        <Input label="Whom is it for?" name="name" required maxLength={100} error={sending.field("name")} />
        <Select label="Ends" name="days" defaultValue="30">
          {ENDS.map(([days, words]) => (
            <option key={days} value={days}>
              {words}
            </option>
          ))}
        </Select>
        <label className="flex min-h-8 items-center gap-2">
          <input type="checkbox" name="amounts" />
          With amounts
        </label>
        <Button type="submit" disabled={sending.isBusy}>
          Make a link
        </Button>
      </form>
      {sending.error !== null && <Failure error={sending.error} />}
      <Secret title="The link, shown only now" secret={address} close={() => setAddress(null)}>
        Whoever has it can look at this portfolio.
      </Secret>
    </Card>
  );
}
