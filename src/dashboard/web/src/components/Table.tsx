/** A table that scrolls inside of itself where a page is too narrow. */

import type { ReactNode } from "react";

interface Column {
  readonly name: string;
  readonly isFigures?: boolean;
  /** True: phones have no room for it. */
  readonly isWide?: boolean;
}

/** A column of figures, which stand at its right. */
export function figures(name: string): Column {
  return { name, isFigures: true };
}

/** A column that phones leave out: its cells are `hidden sm:table-cell`, too. */
export function wide(column: Column | string): Column {
  return { ...(typeof column === "string" ? { name: column } : column), isWide: true };
}

export function Table({ label, columns, children }: { label: string; columns: readonly (Column | string)[]; children: ReactNode }) {
  return (
    <div role="group" aria-label={label} tabIndex={0} className="relative overflow-x-auto rounded-md border border-line">
      <table className="w-full">
        <caption className="sr-only">{label}</caption>
        <thead className="bg-panel text-xs text-muted">
          <tr>
            {columns.map((column) => {
              const { name, isFigures = false, isWide = false } = typeof column === "string" ? { name: column } : column;
              return (
                <th key={name} scope="col" className={`font-medium ${isFigures ? "figures" : "text-left"} ${isWide ? "hidden sm:table-cell" : ""}`}>
                  {name}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
