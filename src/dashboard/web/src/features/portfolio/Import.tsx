/**
 * Files of venues and other trackers become transactions: first it is said what they would come to, row by row, then all
 * of it is stored, or nothing.
 */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Button, Failure, Input, Loading } from "../../components/ui";
import { api, change, type Schemas } from "../../lib/api/client";
import { importsQuery, usePortfolioChanged } from "../../lib/portfolios";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";
import { ImportPreview } from "./ImportPreview";
import { answersOf, ImportRules, Remembered, type Rules, USUAL } from "./ImportRules";

type File64 = Schemas["ImportFile"];

async function read(file: File): Promise<File64> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  // In pieces: a function takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { name: file.name, base64: btoa(binary) };
}

export function Import({ id }: { id: string }) {
  const [files, setFiles] = useState<readonly File64[]>([]);
  const [preview, setPreview] = useState<Schemas["ImportPreview"] | null>(null);
  const [tickers, setTickers] = useState<Record<string, string>>({});
  const [stored, setStored] = useState<Schemas["ImportResult"] | null>(null);
  const [rules, setRules] = useState<Rules>(USUAL);
  const changed = usePortfolioChanged(id);
  const sending = useSending();
  const imports = useQuery(importsQuery(id));

  const bodyOf = (dryRun: boolean, some: readonly File64[]) => ({ dry_run: dryRun, files: [...some], ...answersOf(rules, tickers) });
  const ask = (body: ReturnType<typeof bodyOf>, key?: string) =>
    change(() => api.POST("/api/v1/portfolios/{id}/import", { params: { path: { id }, ...(key === undefined ? {} : { header: { "Idempotency-Key": key } }) }, body }));
  const look = (some: readonly File64[]) =>
    void sending.send(async () => {
      setStored(null);
      setPreview((await ask(bodyOf(true, some))) as Schemas["ImportPreview"]);
    });
  const choose = (list: FileList | null) => {
    setPreview(null);
    if (list === null || list.length === 0) return;
    void Promise.all([...list].map(read)).then((all) => {
      setFiles(all);
      look(all);
    });
  };
  const store = (event: FormEvent) => {
    event.preventDefault();
    const body = bodyOf(false, files);
    void sending.send(async (key) => {
      setStored((await ask(body, key)) as Schemas["ImportResult"]);
      setPreview(null);
      setFiles([]);
      await changed();
    }, body);
  };
  const undo = (one: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}/imports/{import}", { params: { path: { id, import: one } } }));
      await changed();
    });

  return (
    <Card title="Import">
      <form onSubmit={store} className="grid gap-3">
        <label className="grid gap-1">
          <span className="font-medium">Files of a venue or another tracker</span>
          <input
            type="file"
            multiple
            accept=".csv,.json,.xlsx,.gz,.txt"
            onChange={(event) => choose(event.target.files)}
            className="rounded-md border border-dashed border-line p-3"
          />
          <span className="text-xs text-muted">
            CSV, JSON or XLSX, several together. Nothing is stored until you have seen what they come to.
          </span>
        </label>
        <ImportRules rules={rules} change={setRules} />
        {sending.error !== null && <Failure error={sending.error} />}
        {sending.isBusy && <Loading what="what the files come to" />}
        {stored !== null && (
          <p role="status" className="text-good">
            {stored.added} added, {stored.duplicates} known already. {stored.notes.join(" ")}{" "}
            <Link to="/portfolios/$id" params={{ id }} search={{}} className="font-medium text-accent">
              See what it comes to
            </Link>
          </p>
        )}
        {preview !== null && (
          <>
            <ImportPreview preview={preview} />
            {preview.questions.map((question) => {
              const name = `${question.venue}:${question.ticker}`;
              return (
                <Input
                  key={name}
                  label={`What is ${question.ticker} (${question.venue})?`}
                  list={`${name}-candidates`}
                  value={tickers[name] ?? ""}
                  onChange={(event) => setTickers({ ...tickers, [name]: event.target.value })}
                  hint={question.candidates.length > 0 ? `One of ${question.candidates.join(", ")}, or a name of your own` : "A token’s id, or a name of your own"}
                />
              );
            })}
            <div className="flex gap-2">
              <Button onClick={() => look(files)} disabled={sending.isBusy}>
                Look again
              </Button>
              <Button type="submit" kind="primary" disabled={sending.isBusy || preview.commit !== "accepted" || preview.added === 0}>
                Import {preview.added}
              </Button>
              <Button
                onClick={() => {
                  setPreview(null);
                  setFiles([]);
                }}
              >
                Discard
              </Button>
            </div>
          </>
        )}
      </form>
      {imports.isError && <Failure error={imports.error} retry={() => void imports.refetch()} />}
      {(imports.data?.data.length ?? 0) > 0 && (
        <>
          <h3 className="mt-4 font-medium">Imported before</h3>
          <ul>
            {imports.data?.data.map((one) => (
              <li key={one.id} className="flex flex-wrap items-center justify-between gap-2 border-t border-line py-2 first:border-t-0">
                <span>
                  {one.files.map((file) => file.name).join(", ")}
                  <span className="text-xs text-muted">
                    {" "}
                    · {moment(one.created_at)} · {one.added} added
                  </span>
                </span>
                <Button disabled={sending.isBusy} onClick={() => undo(one.id)} aria-label={`Undo the import of ${one.files.map((file) => file.name).join(", ")}`}>
                  Undo
                </Button>
              </li>
            ))}
          </ul>
        </>
      )}
      <Remembered />
    </Card>
  );
}
