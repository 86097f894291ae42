/** A forecast in figures: as much of it as its skill allows. */

import { formatPrice } from "../../lib/decimal";
import type { Prediction } from "../../lib/forecasts";
import { moment } from "../../lib/time";

export function Forecast({ one }: { one: Prediction }) {
  return (
    <>
      <h3 className="font-medium">
        In {one.horizon} <span className="font-normal text-muted">({moment(one.target_time)})</span>
      </h3>
      {/* Without skill the middle is no better than the last price: it is not shown as if it were. */}
      {one.skill.has_skill && <p className="tabular-nums">{formatPrice(one.price)}</p>}
      <table className="my-1 w-full text-xs">
        <caption className="sr-only">Prediction intervals in {one.horizon}</caption>
        <tbody>
          {one.intervals.map((interval) => (
            <tr key={interval.level}>
              <th scope="row" className="px-0 py-0.5 text-left font-normal text-muted">
                {interval.level} %
              </th>
              <td className="figures px-0 py-0.5">
                {formatPrice(interval.low)} – {formatPrice(interval.high)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={`text-xs ${one.skill.has_skill ? "text-muted" : "text-warn"}`}>{one.skill.statement}</p>
      <p className="text-xs text-muted">
        From {formatPrice(one.base_price)}, made {moment(one.made_at)}, {one.method}
      </p>
    </>
  );
}
