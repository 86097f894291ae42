/** Candles as a table, for who reads rather than looks. */

import { useState } from "react";
import { type Bar, STANDINGS } from "../lib/candles";
import { format, formatPrice } from "../lib/decimal";
import { moment } from "../lib/time";
import { figures, Table, wide } from "./Table";

/** The most that are shown: the newest. */
const MOST = 100;

export function CandleTable({ bars, name }: { bars: readonly Bar[]; name: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="mt-1 text-xs" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-muted">Show as table</summary>
      {isOpen && (
        <Table
          label={`${name}: the newest ${Math.min(MOST, bars.length)} candles`}
          columns={["From", wide(figures("Open")), figures("High"), figures("Low"), figures("Close"), wide(figures("Volume")), "State"]}
        >
          {bars
            .slice(-MOST)
            .reverse()
            .map(({ time, candle, standing }) => {
              const isKnown = standing !== "unknown";
              const price = (text: string) => (isKnown ? formatPrice(text) : "–");
              return (
                <tr key={time} className="border-t border-line">
                  <th scope="row" className="text-left font-normal whitespace-nowrap">
                    {moment(candle.open_time)}
                  </th>
                  <td className="figures hidden sm:table-cell">{price(candle.open)}</td>
                  <td className="figures">{price(candle.high)}</td>
                  <td className="figures">{price(candle.low)}</td>
                  <td className="figures">{price(candle.close)}</td>
                  <td className="figures hidden sm:table-cell">{isKnown ? format(candle.volume) : "–"}</td>
                  <td className={standing === "complete" || standing === "open" ? "text-muted" : "text-warn"}>{STANDINGS[standing]}</td>
                </tr>
              );
            })}
        </Table>
      )}
    </details>
  );
}
