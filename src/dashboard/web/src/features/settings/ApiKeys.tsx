/** API keys for programs: made, shown once, rotated, revoked. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Dialog } from "../../components/Dialog";
import { Secret } from "../../components/Secret";
import { Button, Failure, Input, Loading } from "../../components/ui";
import { api, change, type Schemas, unwrap } from "../../lib/api/client";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

const KEY = ["api-keys"];

const SCOPES: readonly [string, string][] = [
  ["market:read", "Read tokens, candles, forecasts, the stream"],
  ["portfolio:read", "Read your portfolios"],
  ["portfolio:write", "Change your portfolios"],
  ["account:read", "Read your account"],
  ["account:write", "Change your name, end sessions"],
  ["keys:manage", "Make and revoke keys (signed requests)"],
  ["account:critical", "Password, factor, deletion (signed requests)"],
];

function NewKey({ close, made }: { close: () => void; made: (key: Schemas["NewApiKey"]) => void }) {
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const days = String(form.get("days") ?? "").trim();
    const body = {
      name: String(form.get("name")),
      scopes: form.getAll("scope").map(String),
      ...(days === "" ? {} : { expires_in_days: Number(days) }),
    };
    void sending.send(async () => made(await change(() => api.POST("/api/v1/auth/api-keys", { body }))));
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      {sending.error !== null && <Failure error={sending.error} />}
      <Input label="Name" name="name" required maxLength={80} error={sending.field("name")} hint="What will use it" />
      <fieldset className="grid gap-1">
        <legend className="mb-1 font-medium">It may</legend>
        {SCOPES.map(([scope, meaning]) => (
          <label key={scope} className="flex items-start gap-2">
            <input type="checkbox" name="scope" value={scope} defaultChecked={scope === "market:read"} className="mt-1" />
            <span>
              {meaning} <code className="text-xs text-muted">{scope}</code>
            </span>
          </label>
        ))}
        {sending.field("scopes") !== undefined && <p className="text-xs text-bad">{sending.field("scopes")}</p>}
      </fieldset>
      <Input label="Days until it expires" name="days" type="number" min={1} max={3650} defaultValue={90} error={sending.field("expires_in_days")} hint="Empty: never" />
      <div className="flex gap-2">
        <Button type="submit" kind="primary" disabled={sending.isBusy}>
          Make the key
        </Button>
        <Button onClick={close}>Cancel</Button>
      </div>
    </form>
  );
}

export function ApiKeys({ isVerified }: { isVerified: boolean }) {
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const queries = useQueryClient();
  const sending = useSending();
  const keys = useQuery({ queryKey: KEY, queryFn: () => unwrap(api.GET("/api/v1/auth/api-keys")) });
  const made = (key: Schemas["NewApiKey"]) => {
    setMaking(false);
    setSecret(key.secret);
    void queries.invalidateQueries({ queryKey: KEY });
  };
  const revoke = (id: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/auth/api-keys/{id}", { params: { path: { id } } }));
      await queries.invalidateQueries({ queryKey: KEY });
    });
  const rotate = (id: string) =>
    void sending.send(async () => made(await change(() => api.POST("/api/v1/auth/api-keys/{id}/rotate", { params: { path: { id } }, body: {} }))));
  return (
    <Card
      title="API keys"
      action={
        <Button disabled={!isVerified} onClick={() => setMaking(true)}>
          New key
        </Button>
      }
    >
      {!isVerified && <p className="mb-2 text-warn">Verify your email address to make keys.</p>}
      {sending.error !== null && <Failure error={sending.error} />}
      {keys.isError && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      {keys.isPending && <Loading what="your keys" />}
      {keys.data?.data.length === 0 && <p className="text-muted">No keys. A program that reads your portfolios needs one.</p>}
      <ul>
        {keys.data?.data.map((key) => (
          <li key={key.id} className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-2 first:border-t-0">
            <div>
              <p className="font-medium">{key.name}</p>
              <p className="text-xs text-muted">
                {key.scopes.join(", ")} · {key.last_used_at ? `last used ${moment(key.last_used_at)}` : "never used"} ·{" "}
                {key.expires_at ? `expires ${moment(key.expires_at)}` : "never expires"}
              </p>
            </div>
            <div className="flex gap-2">
              <Button disabled={sending.isBusy} onClick={() => rotate(key.id)} aria-label={`Rotate the secret of ${key.name}`}>
                Rotate
              </Button>
              <Button kind="danger" disabled={sending.isBusy} onClick={() => revoke(key.id)} aria-label={`Revoke ${key.name}`}>
                Revoke
              </Button>
            </div>
          </li>
        ))}
      </ul>
      <Dialog title="New API key" isOpen={isMaking} close={() => setMaking(false)}>
        <NewKey close={() => setMaking(false)} made={made} />
      </Dialog>
      <Secret title="The secret, shown only now" secret={secret} close={() => setSecret(null)}>
        Programs send it as <code>Authorization: Bearer …</code>. Only a hash of it is kept.
      </Secret>
    </Card>
  );
}
