/** Name, export and deletion of a portfolio. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Dialog } from "../../components/Dialog";
import { Button, Failure, Input } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { texts, useSending } from "../../lib/sending";

export function Manage({ id, name }: { id: string; name: string }) {
  const [isDeleting, setDeleting] = useState(false);
  const [typed, setTyped] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const sending = useSending();
  const rename = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { name = "" } = texts(event.currentTarget);
    void sending.send(async () => {
      await change(() => api.PATCH("/api/v1/portfolios/{id}", { params: { path: { id } }, body: { name } }));
      await Promise.all([queries.invalidateQueries({ queryKey: ["portfolio", id] }), queries.invalidateQueries({ queryKey: ["portfolios"] })]);
    });
  };
  const remove = () =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}", { params: { path: { id } } }));
      await navigate({ to: "/portfolios" });
      queries.removeQueries({ queryKey: ["portfolio", id] });
      await queries.invalidateQueries({ queryKey: ["portfolios"] });
    });
  const link = "rounded-md border border-line bg-panel px-3 py-1 font-medium";
  return (
    <Card title="This portfolio">
      {sending.error !== null && <Failure error={sending.error} />}
      <div className="flex flex-wrap items-end gap-3">
        <form onSubmit={rename} className="flex items-end gap-2">
          <Input label="Name" name="name" defaultValue={name} required maxLength={100} error={sending.field("name")} />
          <Button type="submit" disabled={sending.isBusy}>
            Rename
          </Button>
        </form>
        <a className={link} href={`/api/v1/portfolios/${id}/export?format=csv`} download={`${name}.csv`}>
          Export CSV
        </a>
        <a className={link} href={`/api/v1/portfolios/${id}/export?format=json`} download={`${name}.json`}>
          Export JSON
        </a>
        <Button kind="danger" onClick={() => setDeleting(true)}>
          Delete…
        </Button>
      </div>
      <Dialog title={`Delete ${name}?`} isOpen={isDeleting} close={() => setDeleting(false)}>
        <p className="mb-3">All of its transactions go with it, and nothing brings them back. Export them first if you may want them.</p>
        <Input label={`Type ${name} to delete it`} value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" />
        <div className="mt-3 flex gap-2">
          <Button kind="danger" disabled={typed !== name || sending.isBusy} onClick={remove}>
            Delete for good
          </Button>
          <Button onClick={() => setDeleting(false)}>Keep it</Button>
        </div>
      </Dialog>
    </Card>
  );
}
