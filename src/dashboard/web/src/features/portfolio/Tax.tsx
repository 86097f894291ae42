/** The tax report of a year: its sums, each disposal, what is missing and how to mend it; to print, or as a table. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Card, Figure } from "../../components/Card";
import { Gain, Money, Quantity } from "../../components/Money";
import { figures, Table } from "../../components/Table";
import { Download, Failure, Input, Loading, Select } from "../../components/ui";
import { api, type Schemas, unwrap } from "../../lib/api/client";
import { METHODS } from "../../lib/portfolios";
import { kindWords } from "../../lib/transactions";

/** The most rows of a table that are shown: the files have all. */
const MOST = 200;

function Flags({ flags }: { flags: readonly Schemas["Flag"][] }) {
  if (flags.length === 0) return null;
  return (
    <Card title="What is missing">
      <ul>
        {flags.slice(0, MOST).map((flag, at) => (
          <li key={`${flag.problem} ${flag.asset} ${flag.transaction} ${flag.date} ${at}`} className="border-t border-line py-2 first:border-t-0">
            <p className="text-warn">
              {flag.asset}: {flag.message}
            </p>
            <p className="text-xs text-muted">
              {flag.fix}
              {flag.affects.length > 0 && ` It touches ${flag.affects.map(kindWords).join(", ")}.`}
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Report({ report }: { report: Schemas["TaxReport"] }) {
  const { currency, disposals, income_lines, holdings } = report;
  const more = (all: readonly unknown[]) => all.length > MOST && <p className="mt-1 text-xs text-muted">The first {MOST} of {all.length}: the files have all.</p>;
  return (
    <>
      <Card title={`${report.from ?? ""} to ${report.to ?? ""}, in ${currency}`}>
        <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
          <Figure name="Realised gain">
            <Gain value={report.realized} />
          </Figure>
          <Figure name="Income">
            <Money value={report.income} />
          </Figure>
          <Figure name="Fees">
            <Money value={report.fees} />
          </Figure>
          <Figure name="Value at the end" title={report.value_reason ?? undefined}>
            <Money value={report.value} reason={report.value_reason} />
          </Figure>
        </dl>
      </Card>
      <Flags flags={report.flags} />
      {disposals.length > 0 && (
        <Card title={disposals.length === 1 ? "One disposal" : `${disposals.length} disposals`}>
          <Table label="Disposals" columns={["Day", "Asset", "By", figures("Quantity"), figures("Proceeds"), figures("Cost"), figures("Gain"), figures("Lots")]}>
            {disposals.slice(0, MOST).map((one, at) => (
              <tr key={`${one.date} ${one.transactions.join()} ${one.asset} ${at}`} className="border-t border-line">
                <td className="whitespace-nowrap">{one.date}</td>
                <th scope="row" className="text-left font-medium">{one.asset}</th>
                <td>{kindWords(one.cause)}</td>
                <td className="figures">
                  <Quantity value={one.quantity} />
                </td>
                <td className="figures">
                  <Money value={one.proceeds} reason="without a price" />
                </td>
                <td className="figures">
                  <Money value={one.basis} />
                </td>
                <td className="figures">
                  <Gain value={one.gain} />
                </td>
                <td className="figures">{one.lots.length}</td>
              </tr>
            ))}
          </Table>
          {more(disposals)}
        </Card>
      )}
      {income_lines.length > 0 && (
        <Card title="Income">
          <Table label="Income" columns={["Day", "Asset", "Kind", figures("Quantity"), figures("Value")]}>
            {income_lines.slice(0, MOST).map((one) => (
              <tr key={one.transaction} className="border-t border-line">
                <td className="whitespace-nowrap">{one.date}</td>
                <th scope="row" className="text-left font-medium">{one.asset}</th>
                <td>{kindWords(one.kind)}</td>
                <td className="figures">
                  <Quantity value={one.quantity} />
                </td>
                <td className="figures">
                  <Money value={one.value} />
                </td>
              </tr>
            ))}
          </Table>
          {more(income_lines)}
        </Card>
      )}
      {holdings.length > 0 && (
        <Card title="Left at the end">
          <Table label="Left at the end" columns={["Asset", figures("Quantity"), figures("Cost"), figures("Value"), figures("Unrealised")]}>
            {holdings.slice(0, MOST).map((one) => (
              <tr key={`${one.asset} ${one.account}`} className="border-t border-line">
                <th scope="row" className="text-left font-medium">
                  {one.asset} {one.account !== "*" && <span className="font-normal text-muted">{one.account}</span>}
                </th>
                <td className="figures">
                  <Quantity value={one.quantity} />
                </td>
                <td className="figures">
                  <Money value={one.basis} />
                </td>
                <td className="figures">
                  <Money value={one.value} reason="without a price" />
                </td>
                <td className="figures">
                  <Gain value={one.unrealized} />
                </td>
              </tr>
            ))}
          </Table>
          {more(holdings)}
        </Card>
      )}
    </>
  );
}

export function Tax({ id, currency, method }: { id: string; currency: string; method: string }) {
  const thisYear = new Date().getFullYear();
  const [year, setYear] = useState(thisYear);
  const [by, setBy] = useState(method);
  const [money, setMoney] = useState(currency);
  const query = { method: by, ...(money === currency || money === "" ? {} : { currency: money }) };
  const report = useQuery({
    queryKey: ["portfolio", id, "tax", year, query],
    queryFn: () => unwrap(api.GET("/api/v1/portfolios/{id}/tax/{year}", { params: { path: { id, year }, query } })),
  });
  const address = (format: string) => `/api/v1/portfolios/${id}/tax/${year}?${new URLSearchParams({ ...query, format })}`;
  return (
    <>
      <Card title="Tax report">
        <div className="flex flex-wrap items-end gap-3">
          <Select label="Year" value={year} onChange={(event) => setYear(Number(event.target.value))}>
            {Array.from({ length: 12 }, (_, at) => thisYear - at).map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </Select>
          <Select label="Method" value={by} onChange={(event) => setBy(event.target.value)}>
            {METHODS.map(([one, words]) => (
              <option key={one} value={one}>
                {words}
                {one === method ? " (this portfolio’s)" : ""}
              </option>
            ))}
          </Select>
          <div className="w-28">
            <Input label="Currency" value={money} maxLength={64} autoComplete="off" onChange={(event) => setMoney(event.target.value.trim())} />
          </div>
          <Download href={address("html")} target="_blank" rel="noreferrer">
            Open to print
          </Download>
          <Download href={address("csv")} download={`tax-${year}-${by}.csv`}>
            Download CSV
          </Download>
          <Download href={address("json")} download={`tax-${year}-${by}.json`}>
            Download JSON
          </Download>
        </div>
      </Card>
      {report.isError && <Failure error={report.error} retry={() => void report.refetch()} />}
      {report.isPending && <Loading what="the report" />}
      {report.data !== undefined && <Report report={report.data} />}
    </>
  );
}
