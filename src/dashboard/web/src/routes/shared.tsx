/** A portfolio that somebody shared by a link: what is held, and nothing else. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Figure } from "../components/Card";
import { Money, Quantity } from "../components/Money";
import { figures, Table } from "../components/Table";
import { Empty, Failure, Loading } from "../components/ui";
import { ApiError, api, unwrap } from "../lib/api/client";
import { format, formatPrice, MISSING, ratioPercent } from "../lib/decimal";
import { moment } from "../lib/time";

export function Shared() {
  const { secret } = getRouteApi("/shared/$secret").useParams();
  const shared = useQuery({
    queryKey: ["shared", secret],
    queryFn: () => unwrap(api.GET("/api/v1/shared-portfolios/{secret}", { params: { path: { secret } } })),
    refetchInterval: 60_000,
  });
  if (shared.error instanceof ApiError && shared.error.status === 404) return <Empty>This link shows nothing: it has ended, or is not complete.</Empty>;
  if (shared.isError) return <Failure error={shared.error} retry={() => void shared.refetch()} />;
  if (shared.data === undefined) return <Loading what="the portfolio" />;
  const { name, currency, value, holdings, amounts_hidden, valued_at } = shared.data;
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>{`${name} · Coinsphere`}</title>
      <h1>{name}</h1>
      <p className="text-muted">
        Shared by its owner{amounts_hidden && ", without amounts"}. Valued {moment(valued_at)}.
      </p>
      {!amounts_hidden && (
        <dl>
          <Figure name="Value">
            <Money value={value} currency={currency} reason="something has no price" />
          </Figure>
        </dl>
      )}
      {holdings.length === 0 ? (
        <Empty>Nothing is held.</Empty>
      ) : (
        <Table label="Holdings" columns={amounts_hidden ? ["Asset", figures("Price"), figures("Share")] : ["Asset", figures("Quantity"), figures("Price"), figures("Value"), figures("Share")]}>
          {holdings.map((one) => (
            <tr key={one.asset} className="border-t border-line">
              <th scope="row" className="text-left font-medium">
                {one.asset}
              </th>
              {!amounts_hidden && (
                <td className="figures">
                  <Quantity value={one.quantity} />
                </td>
              )}
              <td className="figures">{formatPrice(one.price)}</td>
              {!amounts_hidden && (
                <td className="figures">
                  <Money value={one.value} reason="no price" />
                </td>
              )}
              <td className="figures">{one.share == null ? MISSING : `${format(ratioPercent(one.share))} %`}</td>
            </tr>
          ))}
        </Table>
      )}
    </div>
  );
}
