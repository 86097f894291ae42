/** What files would come to: transactions, rows that become none and why, and the change of what is held. */

import { useAmounts } from "../../components/Money";
import { figures, Table } from "../../components/Table";
import type { Schemas } from "../../lib/api/client";
import { moment } from "../../lib/time";
import { kindWords } from "../../lib/transactions";

export function ImportPreview({ preview }: { preview: Schemas["ImportPreview"] }) {
  const { exact, signed } = useAmounts();
  const net = Object.entries(preview.net as Record<string, string>);
  return (
    <div className="grid gap-3">
      <p role="status">
        {preview.format}: <strong>{preview.added}</strong> {preview.added === 1 ? "transaction" : "transactions"} would be added
        {preview.refused_rows > 0 && <span className="text-bad">, {preview.refused_rows} rows are refused</span>}.
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
        <div className="max-h-48 overflow-y-auto text-xs">
          <Table label="Rows that are refused" columns={["File", "Line", "Column", "Why it is refused"]}>
              {preview.refused.slice(0, 200).map((row, at) => (
                <tr key={`${row.file} ${row.row} ${at}`} className="border-t border-line">
                  <td>{row.file}</td>
                  <td>{row.row ?? "–"}</td>
                  <td>{row.column ?? "–"}</td>
                  <td>{row.reason}</td>
                </tr>
              ))}
          </Table>
        </div>
      )}
      {net.length > 0 && (
        <p className="tabular-nums">
          {net.map(([asset, quantity]) => (
            <span key={asset} className="mr-4 inline-block">
              {signed(quantity)} {asset}
            </span>
          ))}
        </p>
      )}
      {preview.transactions.length > 0 && (
        <div className="max-h-56 overflow-y-auto text-xs">
          <Table label="Transactions that would be added" columns={["Time", "Kind", figures("Sent"), figures("Received"), "Account"]}>
              {preview.transactions.slice(0, 200).map(({ transaction, flags, file, rows }) => (
                <tr key={`${file} ${rows.join()}`} className="border-t border-line" title={flags.join("; ") || undefined}>
                  <td>{moment(transaction.time)}</td>
                  <td>
                    {kindWords(transaction.kind)}
                    {flags.length > 0 && <span className="text-warn"> ⚠</span>}
                  </td>
                  <td className="figures">{transaction.sent ? `${exact(transaction.sent.quantity)} ${transaction.sent.asset}` : ""}</td>
                  <td className="figures">
                    {transaction.received ? `${exact(transaction.received.quantity)} ${transaction.received.asset}` : ""}
                  </td>
                  <td>{transaction.account}</td>
                </tr>
              ))}
          </Table>
        </div>
      )}
    </div>
  );
}
