/** An alert to create or to change, with what it would have done in the last 30 days. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { Card } from "../../components/Card";
import type { Overlays } from "../../components/CandleChart";
import { Button, Failure, Input, Loading, Select } from "../../components/ui";
import { type Alert, conditionIn } from "../../lib/alerts";
import { ApiError, api, change, type Schemas } from "../../lib/api/client";
import { type Draft, conditionOf, draftFrom, instrumentsOf, isFilled, pricesOf, wordsOf } from "../../lib/conditions";
import { useSending } from "../../lib/sending";
import { local, moment } from "../../lib/time";
import { ChannelChoice } from "./ChannelChoice";
import { ConditionEditor } from "./ConditionEditor";
import { Escalation, type Step } from "./Escalation";
import { InstrumentChart } from "./InstrumentChart";

type Request = Schemas["AlertRequest"];

interface Rest {
  readonly name: string;
  readonly note: string;
  readonly severity: string;
  readonly repeat: string;
  readonly cooldown: string;
  readonly hysteresis: string;
  readonly hold: string;
  readonly expires: string;
  readonly fireIfMet: boolean;
  readonly channels: readonly string[];
  readonly escalation: readonly Step[];
}

const NEW: Rest = { name: "", note: "", severity: "normal", repeat: "once", cooldown: "", hysteresis: "", hold: "", expires: "", fireIfMet: false, channels: [], escalation: [] };

function restOf(alert: Alert): Rest {
  return {
    name: alert.name,
    note: alert.note ?? "",
    severity: alert.severity,
    repeat: alert.repeat,
    cooldown: alert.cooldown_seconds === 0 ? "" : String(alert.cooldown_seconds),
    hysteresis: alert.hysteresis ?? "",
    hold: alert.hold_seconds === 0 ? "" : String(alert.hold_seconds),
    expires: local(alert.expires_at),
    fireIfMet: alert.fire_if_met,
    channels: alert.channels,
    escalation: alert.escalation.map(({ after_minutes, channels }) => ({ minutes: String(after_minutes), channels })),
  };
}

/** Only a rule that can be true for a while can be met already. */
function canBeMet({ kind, texts }: Draft): boolean {
  return texts.operator === undefined ? kind === "all" || kind === "any" : ["above", "below"].includes(texts.operator);
}

function ruleOf(draft: Draft, rest: Rest, alert?: Alert): Request {
  return {
    condition: conditionOf(draft) as unknown as Record<string, never>,
    repeat: rest.repeat,
    ...(rest.cooldown === "" ? {} : { cooldown_seconds: Number(rest.cooldown) }),
    ...(rest.hysteresis === "" || rest.repeat === "once" ? {} : { hysteresis: rest.hysteresis.trim() }),
    ...(rest.hold === "" ? {} : { hold_seconds: Number(rest.hold) }),
    // The field has no seconds: what it shows of an alert is not a change.
    ...(rest.expires === local(alert?.expires_at) ? {} : { expires_at: new Date(rest.expires).toISOString() }),
    fire_if_met: canBeMet(draft) && rest.fireIfMet,
  };
}

/** A value once it has stayed the same for a while. */
function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

function Preview({ draft, rest, move }: { draft: Draft; rest: Rest; move: ((price: string) => void) | undefined }) {
  const text = useMemo(() => JSON.stringify(ruleOf(draft, rest)), [draft, rest]);
  const settled = useSettled(text, 500);
  const isReady = isFilled(draft);
  const preview = useQuery({
    queryKey: ["alert-preview", settled],
    queryFn: () => change(() => api.POST("/api/v1/alerts/preview", { body: JSON.parse(settled) as Request })),
    enabled: isReady && settled === text,
    placeholderData: (before) => before,
    staleTime: 60_000,
    retry: false,
  });
  const condition = useMemo(() => conditionOf(draft), [draft]);
  const instrument = instrumentsOf(condition).find((one) => one !== ":");
  const times = preview.data?.times;
  const overlays = useMemo<Overlays>(() => {
    const prices = instrument === undefined ? [] : pricesOf(condition, instrument);
    return {
      events: (times ?? []).map((time) => Math.floor(Date.parse(time) / 1000)),
      prices: prices
        .filter((price) => Number(price) > 0)
        .map((price) => ({ price, title: "", ...(move && prices.length === 1 ? { move: (to: string, isDone: boolean) => isDone && move(to) } : {}) })),
      ...(move ? { pick: move } : {}),
    };
  }, [condition, instrument, times, move]);
  return (
    <Card title="The last 30 days">
      {instrument !== undefined && <InstrumentChart instrument={instrument} overlays={overlays} />}
      {move !== undefined && <p className="mt-1 text-xs text-muted">Click the chart to set the price, or drag its line.</p>}
      <div role="status" className="mt-2">
        {!isReady && <p className="text-muted">Fill in the condition to see when it would have fired.</p>}
        {isReady && preview.isPending && <Loading what="when it would have fired" />}
        {isReady && preview.isError && !(preview.error instanceof ApiError && preview.error.status === 400) && <Failure error={preview.error} />}
        {isReady && preview.data !== undefined && !preview.isError && (
          <>
            <p className="font-medium">
              {preview.data.count === 0
                ? "It would not have fired."
                : `It would have fired at least ${preview.data.count === 1 ? "once" : `${preview.data.count} times`}${preview.data.most_in_an_hour > 1 ? `, up to ${preview.data.most_in_an_hour} times in an hour` : ""}; last ${moment(preview.data.times.at(-1))}.`}
            </p>
            <p className="text-xs text-muted">
              By {preview.data.candles.toLocaleString("en")} candles of a minute that are stored since {moment(preview.data.from)}
              {preview.data.candles < 30 * 1440 * 0.9 && `: ${Math.floor((preview.data.candles * 100) / (30 * 1440))} % of 30 days`}.
            </p>
          </>
        )}
      </div>
    </Card>
  );
}

export function AlertForm({ alert, initial, done, cancel }: { alert?: Alert; initial: Draft; done: (alert: Alert) => void; cancel: () => void }) {
  const [draft, setDraft] = useState(() => (alert === undefined ? initial : (draftFrom(conditionIn(alert)) ?? initial)));
  const [rest, setRest] = useState(() => (alert === undefined ? NEW : restOf(alert)));
  const queries = useQueryClient();
  const sending = useSending();
  const words = isFilled(draft) ? wordsOf(conditionOf(draft)) : "";
  const set = <K extends keyof Rest>(name: K, value: Rest[K]) => setRest((old) => ({ ...old, [name]: value }));
  const threshold = draft.kind === "price" || draft.kind === "candle" || draft.kind === "agreement";
  const move = useMemo(
    () => (threshold ? (price: string) => setDraft((old) => ({ ...old, texts: { ...old.texts, threshold: price } })) : undefined),
    [threshold],
  );
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body: Request = {
      // What is emptied is taken back, not left as it was.
      ...(alert === undefined ? {} : { hold_seconds: 0, cooldown_seconds: rest.repeat === "always" ? 60 : 0 }),
      ...ruleOf(draft, rest, alert),
      name: rest.name.trim() || words.slice(0, 100),
      severity: rest.severity,
      channels: [...rest.channels],
      escalation: rest.escalation.map(({ minutes, channels }) => ({ after_minutes: Number(minutes), channels: [...channels] })),
      ...(rest.note.trim() === "" && alert === undefined ? {} : { note: rest.note.trim() }),
    };
    void sending.send(async (key) => {
      const header = { "Idempotency-Key": key };
      const saved: Alert =
        alert === undefined
          ? await change(() => api.POST("/api/v1/alerts", { body, params: { header } }))
          : await change(() => api.PATCH("/api/v1/alerts/{id}", { body, params: { path: { id: alert.id }, header } }));
      void queries.invalidateQueries({ queryKey: ["alerts"] });
      done(saved);
    }, body);
  };
  return (
    <form onSubmit={submit} className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[24rem_minmax(0,1fr)]">
      <div className="grid gap-4">
        <Card title="Condition">
          <ConditionEditor draft={draft} change={setDraft} error={sending.field} />
          {sending.field("condition") !== undefined && <p className="mt-2 text-xs text-bad">{sending.field("condition")}</p>}
        </Card>
        <Card title="When and how">
          <div className="grid gap-3">
            <Input label="Name" value={rest.name} maxLength={100} placeholder={words.slice(0, 100) || "By its condition"} error={sending.field("name")} onChange={(event) => set("name", event.target.value)} />
            <Select label="Fires" value={rest.repeat} onChange={(event) => set("repeat", event.target.value)}>
              <option value="once">once</option>
              <option value="always">every time</option>
            </Select>
            <Select label="Severity" value={rest.severity} onChange={(event) => set("severity", event.target.value)}>
              <option value="info">info</option>
              <option value="normal">normal</option>
              <option value="urgent">urgent</option>
            </Select>
            <ChannelChoice chosen={rest.channels} error={sending.field("channels")} choose={(channels) => set("channels", channels)} />
            <Escalation steps={rest.escalation} error={sending.field("escalation")} change={(escalation) => set("escalation", escalation)} />
            {canBeMet(draft) && (
              <label className="flex items-center gap-2">
                <input type="checkbox" checked={rest.fireIfMet} onChange={(event) => set("fireIfMet", event.target.checked)} />
                Fire at once if it is so already
              </label>
            )}
            <details>
              <summary className="cursor-pointer text-muted">More</summary>
              <div className="mt-2 grid gap-3">
                {rest.repeat === "always" && (
                  <>
                    <Input label="Pause after an event, in seconds" inputMode="numeric" pattern="\d*" value={rest.cooldown} hint="60 if empty" error={sending.field("cooldown_seconds")} onChange={(event) => set("cooldown", event.target.value)} />
                    <Input label="Distance beyond the threshold before it may fire again" inputMode="decimal" value={rest.hysteresis} hint="0.1 % of a price if empty" error={sending.field("hysteresis")} onChange={(event) => set("hysteresis", event.target.value)} />
                  </>
                )}
                <Input label="Must stay so for seconds" inputMode="numeric" pattern="\d*" value={rest.hold} error={sending.field("hold_seconds")} onChange={(event) => set("hold", event.target.value)} />
                <Input label="Until" type="datetime-local" value={rest.expires} required={alert?.expires_at != null} hint={alert?.expires_at == null ? "Forever if empty" : "Can be changed, but not taken back"} error={sending.field("expires_at")} onChange={(event) => set("expires", event.target.value)} />
                <Input label="Note" value={rest.note} maxLength={1000} error={sending.field("note")} onChange={(event) => set("note", event.target.value)} />
              </div>
            </details>
          </div>
        </Card>
        {sending.error !== null && <Failure error={sending.error} />}
        <div className="flex gap-2">
          <Button type="submit" kind="primary" disabled={sending.isBusy || !isFilled(draft)}>
            {alert === undefined ? "Create the alert" : "Save"}
          </Button>
          <Button onClick={cancel}>Cancel</Button>
        </div>
      </div>
      <Preview draft={draft} rest={rest} move={move} />
    </form>
  );
}
