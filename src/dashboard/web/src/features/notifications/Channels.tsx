/** Where alerts are sent to: made, tested, verified by the code of the test, removed. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Confirm } from "../../components/Confirm";
import { Dialog } from "../../components/Dialog";
import { Secret } from "../../components/Secret";
import { Button, Empty, Failure, Input, Loading, Select } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { CHANNEL_KINDS, type Channel, channelsQuery } from "../../lib/notifications";
import { type Sending, texts, useSending } from "../../lib/sending";
import { isThisDevice } from "../../lib/push";
import { moment } from "../../lib/time";
import { ThisDevice } from "./ThisDevice";

/** Quiet hours go by the browser's time zone; null if they are left empty. */
function quietHours(from: string, to: string) {
  return from === "" && to === "" ? null : { from, to, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
}

function QuietHours({ now, sending }: { now: Channel["quiet_hours"]; sending: Sending }) {
  return (
    <fieldset>
      <legend className="text-xs text-muted">Quiet hours, for what is not urgent (optional)</legend>
      <div className="mt-1 grid grid-cols-2 gap-3">
        <Input label="From" name="quiet_from" type="time" defaultValue={now?.from ?? ""} error={sending.field("quiet_hours.from")} />
        <Input label="To" name="quiet_to" type="time" defaultValue={now?.to ?? ""} error={sending.field("quiet_hours.to")} />
      </div>
    </fieldset>
  );
}

/** Its name, and when it is quiet; where it leads to is never shown again, so another place is another channel. */
function EditChannel({ channel, close }: { channel: Channel; close: () => void }) {
  const queries = useQueryClient();
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { name = "", quiet_from = "", quiet_to = "" } = texts(event.currentTarget);
    const body = { name: name.trim(), quiet_hours: quietHours(quiet_from, quiet_to) };
    void sending.send(async () => {
      await change(() => api.PATCH("/api/v1/notification-channels/{id}", { params: { path: { id: channel.id } }, body }));
      await queries.invalidateQueries({ queryKey: channelsQuery.queryKey });
      close();
    });
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      <Input label="Name" name="name" required maxLength={80} defaultValue={channel.name} error={sending.field("name")} />
      <QuietHours now={channel.quiet_hours} sending={sending} />
      {sending.error !== null && <Failure error={sending.error} />}
      <div>
        <Button type="submit" kind="primary" disabled={sending.isBusy}>
          Save
        </Button>
      </div>
    </form>
  );
}

function NewChannel({ close, made }: { close: () => void; made: (secret: string | null) => void }) {
  const [kind, setKind] = useState("email");
  const queries = useQueryClient();
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { name = "", quiet_from = "", quiet_to = "", ...given } = texts(event.currentTarget);
    const settings = Object.fromEntries(
      (CHANNEL_KINDS[kind]?.settings ?? []).flatMap((one) => {
        const value = (given[one.name] ?? "").trim();
        return value === "" ? [] : [[one.name, value]];
      }),
    );
    void sending.send(async () => {
      const body = { kind, name: name.trim(), settings: settings as unknown as Record<string, never>, quiet_hours: quietHours(quiet_from, quiet_to) };
      const channel = await change(() => api.POST("/api/v1/notification-channels", { body }));
      await queries.invalidateQueries({ queryKey: channelsQuery.queryKey });
      made(channel.secret ?? null);
    });
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      <Select label="Kind" name="kind" value={kind} onChange={(event) => setKind(event.target.value)}>
        {Object.entries(CHANNEL_KINDS).map(([value, { name }]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </Select>
      <Input label="Name" name="name" required maxLength={80} error={sending.field("name")} hint="Unique among your channels" />
      {(CHANNEL_KINDS[kind]?.settings ?? []).map((one) => (
        <Input
          key={`${kind} ${one.name}`}
          label={one.isOptional ? `${one.label} (optional)` : one.label}
          name={one.name}
          type={one.isSecret ? "password" : "text"}
          autoComplete="off"
          required={one.isOptional !== true}
          defaultValue={one.usual}
          error={sending.field(`settings.${one.name}`)}
        />
      ))}
      <QuietHours now={null} sending={sending} />
      {sending.error !== null && <Failure error={sending.error} />}
      <div className="flex gap-2">
        <Button type="submit" kind="primary" disabled={sending.isBusy}>
          Add it
        </Button>
        <Button onClick={close}>Cancel</Button>
      </div>
    </form>
  );
}

const STATES: Record<string, [words: string, colour: string]> = {
  active: ["● active", "text-good"],
  unverified: ["○ not verified", "text-warn"],
  disabled: ["■ disabled", "text-bad"],
};

function Line({ channel, showSecret }: { channel: Channel; showSecret: (secret: string) => void }) {
  const [outcome, setOutcome] = useState<string | null>(null);
  const [code, setCode] = useState("");
  const [isEditing, setEditing] = useState(false);
  const [isRemoving, setRemoving] = useState(false);
  const queries = useQueryClient();
  const sending = useSending();
  const params = { path: { id: channel.id } };
  const [words, colour] = STATES[channel.state] ?? [channel.state, "text-muted"];
  const again = () => queries.invalidateQueries({ queryKey: channelsQuery.queryKey });
  const test = () =>
    void sending.send(async () => {
      const { delivered, error } = await change(() => api.POST("/api/v1/notification-channels/{id}/test", { params }));
      setOutcome(delivered ? "The test was delivered: its code verifies the channel." : `The test was not delivered: ${error ?? "no reason is known"}`);
      await again();
    });
  const verify = (event: FormEvent) => {
    event.preventDefault();
    void sending.send(async () => {
      await change(() => api.POST("/api/v1/notification-channels/{id}/verify", { params, body: { code: code.trim() } }));
      setOutcome(null);
      setCode("");
      await again();
    });
  };
  const rotate = () =>
    void sending.send(async () => showSecret((await change(() => api.POST("/api/v1/notification-channels/{id}/rotate-secret", { params }))).secret));
  const remove = () =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/notification-channels/{id}", { params }));
      await again();
    });
  return (
    <li className="border-t border-line py-3 first:border-t-0">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <p>
            <span className="font-medium">{channel.name}</span> <span className={`whitespace-nowrap ${colour}`}>{words}</span>
          </p>
          <p className="text-xs text-muted">
            {channel.kind === "web_push" ? (isThisDevice(channel) ? "This device" : "A browser") : (CHANNEL_KINDS[channel.kind]?.name ?? channel.kind)}
            {channel.host != null && ` at ${channel.host}`} · {channel.last_success_at == null ? "nothing delivered yet" : `delivered last ${moment(channel.last_success_at)}`}
            {channel.failures > 0 && `, ${channel.failures === 1 ? "one failure" : `${channel.failures} failures`} since`}
          </p>
          {channel.quiet_hours != null && (
            <p className="text-xs text-muted">
              Quiet from {channel.quiet_hours.from} to {channel.quiet_hours.to}, {channel.quiet_hours.time_zone}
            </p>
          )}
          {channel.reason != null && <p className="text-xs text-bad">{channel.reason}</p>}
        </div>
        <div className="flex flex-wrap gap-2">
          <Button disabled={sending.isBusy} onClick={test} aria-label={`Send a test to ${channel.name}`}>
            Test
          </Button>
          <Button onClick={() => setEditing(true)} aria-label={`Edit ${channel.name}`}>
            Edit
          </Button>
          {channel.kind === "webhook" && (
            <Button disabled={sending.isBusy} onClick={rotate} aria-label={`New secret for ${channel.name}`}>
              New secret
            </Button>
          )}
          <Button kind="danger" disabled={sending.isBusy} onClick={() => setRemoving(true)} aria-label={`Remove ${channel.name}`}>
            Remove
          </Button>
        </div>
      </div>
      <p role="status" className="text-xs">
        {outcome}
      </p>
      {channel.state !== "active" && (
        <form onSubmit={verify} className="mt-2 flex flex-wrap items-end gap-2">
          <Input label={`Code of the test to ${channel.name}`} value={code} inputMode="numeric" autoComplete="one-time-code" required error={sending.field("code")} onChange={(event) => setCode(event.target.value)} />
          <Button type="submit" disabled={sending.isBusy}>
            Verify
          </Button>
        </form>
      )}
      {sending.error !== null && !isRemoving && <Failure error={sending.error} />}
      <Dialog title={`Edit ${channel.name}`} isOpen={isEditing} close={() => setEditing(false)}>
        <EditChannel channel={channel} close={() => setEditing(false)} />
      </Dialog>
      <Confirm title={`Remove ${channel.name}?`} yes="Remove it" isOpen={isRemoving} sending={sending} run={remove} close={() => setRemoving(false)}>
        What it was to deliver is not delivered by it any more.
      </Confirm>
    </li>
  );
}

export function Channels() {
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const channels = useQuery(channelsQuery);
  return (
    <Card title="Channels" action={<Button onClick={() => setAdding(true)}>New channel</Button>}>
      {channels.isError && <Failure error={channels.error} retry={() => void channels.refetch()} />}
      {channels.isPending && <Loading what="your channels" />}
      {channels.data !== undefined && <ThisDevice channels={channels.data.data} pushKey={channels.data.web_push_key} />}
      {channels.data?.data.length === 0 && <Empty>No channel yet: what fires is shown here, and nowhere else.</Empty>}
      <ul aria-label="Channels">{channels.data?.data.map((channel) => <Line key={channel.id} channel={channel} showSecret={setSecret} />)}</ul>
      <Dialog title="New channel" isOpen={isAdding} close={() => setAdding(false)}>
        <NewChannel
          close={() => setAdding(false)}
          made={(shown) => {
            setAdding(false);
            setSecret(shown);
          }}
        />
      </Dialog>
      <Secret title="The secret, shown only now" secret={secret} close={() => setSecret(null)}>
        The receiver verifies with it that messages are from here.
      </Secret>
    </Card>
  );
}
