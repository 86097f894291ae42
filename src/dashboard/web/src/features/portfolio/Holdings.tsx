/** What is held, live; columns of choice, and small holdings out of the way. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Gain, Money, Quantity, useAmounts } from "../../components/Money";
import { figures, Table } from "../../components/Table";
import { Change, Empty, Failure, Loading } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { changePercent, compare, format, formatPrice, isDecimal, MISSING, ratioPercent, sum } from "../../lib/decimal";
import { usePortfolioValue } from "../../lib/live";
import { holdingsQuery } from "../../lib/portfolios";
import { keep, kept } from "../../lib/preferences";
import { moment } from "../../lib/time";
import { Explain } from "./Explain";

type Holding = Schemas["Holding"];

/** The cell of a column. */
interface Column {
  readonly name: string;
  readonly cell: (holding: Holding, id: string) => React.ReactNode;
}

const COLUMNS: Readonly<Record<string, Column>> = {
  quantity: { name: "Quantity", cell: ({ quantity }) => <Quantity value={quantity} /> },
  price: {
    name: "Price",
    cell: ({ price, price_reason, price_source, price_at }) => (
      <span title={price_reason ?? `${price_source ?? ""} ${moment(price_at)}`}>{price == null ? <span className="text-warn">no price</span> : formatPrice(price)}</span>
    ),
  },
  value: { name: "Value", cell: ({ value, price_reason }) => <Money value={value} reason={price_reason} /> },
  day: { name: "Today", cell: ({ day_change }) => <Gain value={day_change} /> },
  cost: {
    name: "Cost",
    cell: ({ basis, asset, account }, id) => (
      <>
        <Money value={basis} />
        {basis != null && <Explain id={id} figure={account === "*" ? `basis:${asset}` : `basis:${asset}:${account}`} name={`Cost of ${asset}`} />}
      </>
    ),
  },
  unrealized: { name: "Unrealised", cell: ({ unrealized }) => <Gain value={unrealized} /> },
  gain: {
    name: "Gain on cost",
    cell: ({ basis, unrealized }) => <Change value={basis == null || unrealized == null ? null : changePercent(basis, sum([basis, unrealized]))} unit=" %" />,
  },
  share: { name: "Share", cell: ({ share }) => (share == null ? MISSING : `${format(ratioPercent(share))} %`) },
};

const USUAL = ["quantity", "price", "value", "day", "cost", "unrealized", "share"];

function columnsKept(): string[] {
  const found = (kept("holdings-columns") ?? "").split(" ").filter((one) => one in COLUMNS);
  return found.length > 0 ? found : USUAL;
}

export function Holdings({ id }: { id: string }) {
  const holdings = useQuery(holdingsQuery(id));
  const live = usePortfolioValue(id);
  const [columns, setColumns] = useState(columnsKept);
  const [least, setLeast] = useState(() => kept("holdings-least") ?? "");
  const { money } = useAmounts();
  if (holdings.isError) return <Failure error={holdings.error} retry={() => void holdings.refetch()} />;
  if (holdings.data === undefined) return <Loading what="holdings" />;
  const { currency, data } = holdings.data;
  if (data.length === 0) {
    return (
      <Empty>
        Nothing is held yet.{" "}
        <Link to="/portfolios/$id" params={{ id }} search={{ tab: "transactions" }} className="font-medium text-accent">
          Import a file or add a transaction
        </Link>
        .
      </Empty>
    );
  }
  const all = data.map((one) => ({ ...one, ...live?.holdings.find(({ asset, account }) => asset === one.asset && account === one.account) }));
  // What has no price may be worth anything.
  const isDust = ({ value }: Holding) => value != null && isDecimal(least) && compare(value, least) < 0;
  const dust = all.filter(isDust);
  const choose = (name: string, isWanted: boolean) => {
    const next = Object.keys(COLUMNS).filter((one) => (one === name ? isWanted : columns.includes(one)));
    setColumns(next);
    keep("holdings-columns", next.join(" "));
  };
  const hideBelow = (text: string) => {
    setLeast(text);
    keep("holdings-least", text === "" ? null : text);
  };
  return (
    <>
      <Table label={`Holdings, with values in ${currency}`} columns={["Asset", ...columns.map((name) => figures(COLUMNS[name]?.name ?? name))]}>
            {all
              .filter((one) => !isDust(one))
              .map((one) => (
                <tr key={`${one.asset} ${one.account}`} className="border-t border-line">
                  <th scope="row" className="text-left font-medium">
                    {one.asset} {one.account !== "*" && <span className="font-normal text-muted">{one.account}</span>}
                    {compare(one.unknown_quantity, "0") > 0 && (
                      <span className="text-xs font-normal text-warn">
                        {" "}
                        <Quantity value={one.unknown_quantity} /> of unknown cost
                      </span>
                    )}
                  </th>
                  {columns.map((name) => (
                    <td key={name} className="figures">
                      {COLUMNS[name]?.cell(one, id)}
                    </td>
                  ))}
                </tr>
              ))}
      </Table>
      <div className="mt-2 flex flex-wrap items-start gap-x-6 gap-y-2 text-xs text-muted">
        <label className="flex items-center gap-2">
          Hide what is worth less than
          <input
            value={least}
            inputMode="decimal"
            autoComplete="off"
            onChange={(event) => hideBelow(event.target.value.trim())}
            className="w-20 rounded-md border border-line bg-page px-2 py-1 text-text tabular-nums"
          />
          {currency}
        </label>
        <span role="status" className="py-1">
          {dust.length > 0 && `${dust.length} hidden, ${money(sum(dust.map(({ value }) => value ?? "0")))} ${currency} in sum`}
        </span>
        <details className="py-1">
          <summary className="cursor-pointer">Columns</summary>
          <div className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
            {Object.entries(COLUMNS).map(([name, column]) => (
              <label key={name} className="flex items-center gap-1">
                <input type="checkbox" checked={columns.includes(name)} onChange={(event) => choose(name, event.target.checked)} />
                {column.name}
              </label>
            ))}
          </div>
        </details>
      </div>
    </>
  );
}
