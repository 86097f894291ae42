/**
 * Files of venues and other trackers become transactions: first it is said what they would come to, row by row, then all
 * of it is stored, or nothing.
 */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Button, Failure, Input, Loading } from "../../components/ui";
import { api, change, type Schemas, unwrap } from "../../lib/api/client";
import { format, formatSigned } from "../../lib/decimal";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

type File64 = Schemas["ImportFile"];

async function read(file: File): Promise<File64> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  // In pieces: a function takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { name: file.name, base64: btoa(binary) };
}

function Preview({ preview }: { preview: Schemas["ImportPreview"] }) {
  const net = Object.entries(preview.net as Record<string, string>);
  return (
    <div className="grid gap-3">
      <p role="status">
        {preview.format}: <strong>{preview.added}</strong> {preview.added === 1 ? "transaction" : "transactions"} would be added
        {preview.refused_rows > 0 && <span className="text-down">, {preview.refused_rows} rows are refused</span>}.
      </p>
      {preview.files.map((file) => (
        <div key={file.name} className="text-xs text-muted">
          <p className="text-text">
            {file.name} · {file.format}
          </p>
          {file.duplicate_transactions > 0 && <p>{file.duplicate_transactions} are known already.</p>}
          {[...file.ignored, ...file.internal].map((rows) => (
            <p key={rows.why}>
              {rows.count} rows: {rows.why}
            </p>
          ))}
          {file.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </div>
      ))}
      {preview.refused.length > 0 && (
        <div className="max-h-48 overflow-y-auto">
          <table className="w-full text-left text-xs">
            <thead className="text-muted">
              <tr>
                <th scope="col">File</th>
                <th scope="col">Line</th>
                <th scope="col">Column</th>
                <th scope="col">Why it is refused</th>
              </tr>
            </thead>
            <tbody>
              {preview.refused.slice(0, 200).map((row, at) => (
                <tr key={`${row.file} ${row.row} ${at}`} className="border-t border-line">
                  <td>{row.file}</td>
                  <td>{row.row ?? "–"}</td>
                  <td>{row.column ?? "–"}</td>
                  <td>{row.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {net.length > 0 && (
        <p className="tabular-nums">
          {net.map(([asset, quantity]) => (
            <span key={asset} className="mr-4 inline-block">
              {formatSigned(quantity)} {asset}
            </span>
          ))}
        </p>
      )}
      {preview.transactions.length > 0 && (
        <div className="max-h-56 overflow-y-auto">
          <table className="w-full text-left text-xs">
            <thead className="text-muted">
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Kind</th>
                <th scope="col" className="figures">
                  Sent
                </th>
                <th scope="col" className="figures">
                  Received
                </th>
                <th scope="col">Account</th>
              </tr>
            </thead>
            <tbody>
              {preview.transactions.slice(0, 200).map(({ transaction, flags, file, rows }) => (
                <tr key={`${file} ${rows.join()}`} className="border-t border-line" title={flags.join("; ") || undefined}>
                  <td>{moment(transaction.time)}</td>
                  <td>
                    {transaction.kind}
                    {flags.length > 0 && <span className="text-warn"> ⚠</span>}
                  </td>
                  <td className="figures">{transaction.sent ? `${format(transaction.sent.quantity)} ${transaction.sent.asset}` : ""}</td>
                  <td className="figures">
                    {transaction.received ? `${format(transaction.received.quantity)} ${transaction.received.asset}` : ""}
                  </td>
                  <td>{transaction.account}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

export function Import({ id }: { id: string }) {
  const [files, setFiles] = useState<readonly File64[]>([]);
  const [preview, setPreview] = useState<Schemas["ImportPreview"] | null>(null);
  const [tickers, setTickers] = useState<Record<string, string>>({});
  const [stored, setStored] = useState<Schemas["ImportResult"] | null>(null);
  const queries = useQueryClient();
  const sending = useSending();
  const imports = useQuery({
    queryKey: ["portfolio", id, "imports"],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/imports", { params: { path: { id } } })),
  });

  const ask = (dryRun: boolean, some: readonly File64[]) =>
    change(() =>
      api.POST("/api/v1/portfolios/{id}/import", {
        params: { path: { id } },
        body: { dry_run: dryRun, files: [...some], ...(Object.keys(tickers).length === 0 ? {} : { tickers: tickers as never }) },
      }),
    );
  const again = () => Promise.all([queries.invalidateQueries({ queryKey: ["portfolio", id] }), queries.invalidateQueries({ queryKey: ["portfolios"] })]);
  const look = (some: readonly File64[]) =>
    void sending.send(async () => {
      setStored(null);
      setPreview((await ask(true, some)) as Schemas["ImportPreview"]);
    });
  const choose = (list: FileList | null) => {
    setPreview(null);
    if (list === null || list.length === 0) return;
    void Promise.all([...list].map(read)).then((read) => {
      setFiles(read);
      look(read);
    });
  };
  const store = (event: FormEvent) => {
    event.preventDefault();
    void sending.send(async () => {
      setStored((await ask(false, files)) as Schemas["ImportResult"]);
      setPreview(null);
      setFiles([]);
      await again();
    });
  };
  const undo = (one: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/portfolios/{id}/imports/{import}", { params: { path: { id, import: one } } }));
      await again();
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
        {sending.error !== null && <Failure error={sending.error} />}
        {sending.isBusy && <Loading what="what the files come to" />}
        {stored !== null && (
          <p role="status" className="text-up">
            {stored.added} added, {stored.duplicates} known already. {stored.notes.join(" ")}
          </p>
        )}
        {preview !== null && (
          <>
            <Preview preview={preview} />
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
              {preview.questions.length > 0 && <Button onClick={() => look(files)}>Look again</Button>}
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
    </Card>
  );
}
