/** How files are read where they do not say so themselves, and the answers of before that imports remember. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Failure, Input, Loading, Select } from "../../components/ui";
import { api, change, unwrap } from "../../lib/api/client";
import { useSending } from "../../lib/sending";
import { KINDS, kindWords } from "../../lib/transactions";

/** What is said about files; empty: they say it themselves. */
export interface Rules {
  readonly account: string;
  readonly date_order: string;
  readonly decimals: string;
  readonly time_zone: string;
  /** Meanings of words that no format knows. */
  readonly operations: readonly (readonly [word: string, kind: string])[];
}

export const USUAL: Rules = { account: "", date_order: "", decimals: "", time_zone: "", operations: [] };

/** The rules and the answers about tickers as the API takes them. */
export function answersOf({ operations, ...rules }: Rules, tickers: Readonly<Record<string, string>>) {
  const said = (all: readonly (readonly [string, string])[]) => Object.fromEntries(all.map(([name, meaning]) => [name.trim(), meaning.trim()] as const).filter(([name, meaning]) => name !== "" && meaning !== ""));
  const [words, assets] = [said(operations), said(Object.entries(tickers))];
  return {
    ...said(Object.entries(rules)),
    ...(Object.keys(words).length === 0 ? {} : { operations: words }),
    ...(Object.keys(assets).length === 0 ? {} : { tickers: assets }),
  };
}

export function ImportRules({ rules, change }: { rules: Rules; change: (rules: Rules) => void }) {
  const set = (name: "account" | "date_order" | "decimals" | "time_zone", value: string) => change({ ...rules, [name]: value });
  const { operations } = rules;
  return (
    <details>
      <summary className="cursor-pointer text-muted">How they are to be read</summary>
      <div className="mt-2 grid gap-3 sm:grid-cols-2">
        <Input label="Account, instead of the venue’s" value={rules.account} autoComplete="off" onChange={(event) => set("account", event.target.value)} />
        <Input label="Time zone of times without one" value={rules.time_zone} placeholder="Europe/Berlin" hint="The portfolio’s if empty" autoComplete="off" onChange={(event) => set("time_zone", event.target.value)} />
        <Select label="Dates like 03/04/2026" value={rules.date_order} onChange={(event) => set("date_order", event.target.value)}>
          <option value="">refused if it is not clear</option>
          <option value="day">day first</option>
          <option value="month">month first</option>
        </Select>
        <Select label="Decimals" value={rules.decimals} onChange={(event) => set("decimals", event.target.value)}>
          <option value="">as the file has them</option>
          <option value="point">with a point</option>
          <option value="comma">with a comma</option>
        </Select>
        <fieldset className="grid gap-2 sm:col-span-2">
          <legend className="mb-1 font-medium">What words mean that rows were refused for</legend>
          {operations.map(([word, kind], at) => (
            // Places in a list that is edited: their order is all that they are.
            <div key={at} className="grid grid-cols-2 gap-2">
              <Input label={`Word ${at + 1}`} value={word} autoComplete="off" onChange={(event) => change({ ...rules, operations: operations.with(at, [event.target.value, kind]) })} />
              <Select label="means" value={kind} onChange={(event) => change({ ...rules, operations: operations.with(at, [word, event.target.value]) })}>
                <option value="skip">nothing: leave its rows out</option>
                {Object.keys(KINDS).map((one) => (
                  <option key={one} value={one}>
                    {kindWords(one)}
                  </option>
                ))}
              </Select>
            </div>
          ))}
          <div>
            <Button onClick={() => change({ ...rules, operations: [...operations, ["", "skip"]] })}>A word</Button>
          </div>
        </fieldset>
      </div>
    </details>
  );
}

const KEY = ["import-choices"];

/** Answers of earlier imports, each of which can be forgotten. */
export function Remembered() {
  const [isOpen, setOpen] = useState(false);
  const queries = useQueryClient();
  const sending = useSending();
  const choices = useQuery({ queryKey: KEY, queryFn: () => unwrap(api.GET("/api/v1/portfolios/import-choices")), enabled: isOpen });
  const forget = (subject: string, name: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/import-choices", { params: { query: { subject, name } } }));
      await queries.invalidateQueries({ queryKey: KEY });
    });
  return (
    <details className="mt-3" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-muted">What imports remember</summary>
      {choices.isError && <Failure error={choices.error} retry={() => void choices.refetch()} />}
      {isOpen && choices.isPending && <Loading what="the answers" />}
      {choices.data?.data.length === 0 && <p className="mt-1 text-muted">Nothing yet: your answers about tickers and words.</p>}
      <ul aria-label="Remembered answers">
        {choices.data?.data.map(({ subject, name, meaning }) => (
          <li key={`${subject} ${name}`} className="flex flex-wrap items-center justify-between gap-2 py-1">
            <span>
              {name} <span className="text-muted">is</span> {meaning}
            </span>
            <Button disabled={sending.isBusy} onClick={() => forget(subject, name)} aria-label={`Forget ${name}`}>
              Forget
            </Button>
          </li>
        ))}
      </ul>
      {sending.error !== null && <Failure error={sending.error} />}
    </details>
  );
}
