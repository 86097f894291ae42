/** The tax report of a year, to print or as a table. */

import { useState } from "react";
import { Card } from "../../components/Card";
import { Select } from "../../components/ui";

const METHODS = ["fifo", "lifo", "hifo", "average", "uk", "specific"] as const;

export function Tax({ id, method }: { id: string; method: string }) {
  const thisYear = new Date().getFullYear();
  const [year, setYear] = useState(thisYear);
  const [by, setBy] = useState(method);
  const address = (format: string) => `/api/v1/portfolios/${id}/tax/${year}?method=${by}&format=${format}`;
  const link = "rounded-md border border-line bg-panel px-3 py-1 font-medium";
  return (
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
          {METHODS.map((one) => (
            <option key={one} value={one}>
              {one}
              {one === method ? " (this portfolio’s)" : ""}
            </option>
          ))}
        </Select>
        <a className={link} href={address("html")} target="_blank" rel="noreferrer">
          Open to print
        </a>
        <a className={link} href={address("csv")} download={`tax-${year}-${by}.csv`}>
          Download CSV
        </a>
        <a className={link} href={address("json")} download={`tax-${year}-${by}.json`}>
          Download JSON
        </a>
      </div>
    </Card>
  );
}
