/** What is forecast, and how good the models are: none is shown better than it is. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { SignInFirst } from "../components/SignInFirst";
import { Table, wide } from "../components/Table";
import { Empty, Failure, Loading } from "../components/ui";
import { Skill } from "../features/forecasts/Score";
import { ApiError } from "../lib/api/client";
import { modelsQuery } from "../lib/forecasts";
import { tokensQuery } from "../lib/market";
import { moment } from "../lib/time";

const HORIZONS = ["1h", "24h", "7d"];

export function Forecasts() {
  const models = useQuery(modelsQuery);
  const tokens = useQuery(tokensQuery).data ?? [];
  if (models.error instanceof ApiError && models.error.status === 401) return <SignInFirst to="/forecasts" what="the forecasts" />;
  const serving = models.data?.data.filter((model) => model.serves) ?? [];
  const skilled = serving.filter((model) => model.horizons.some(({ skill }) => skill.has_skill)).length;
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>Forecasts · Coinsphere</title>
      <h1>Forecasts</h1>
      {models.isError && <Failure error={models.error} retry={() => void models.refetch()} />}
      {models.isPending && <Loading what="the models" />}
      {models.data !== undefined && serving.length === 0 && <Empty>No model serves yet. They are trained in the background; the first takes minutes.</Empty>}
      {serving.length > 0 && (
        <>
          <p>
            {skilled === 0
              ? "No model is better than repeating the last price. Their intervals still show how far prices may move."
              : `${skilled} of ${serving.length} models are better than repeating the last price at some horizon.`}
          </p>
          <Table label="Models that serve, with their skill by horizon" columns={["Token", "Candles", ...HORIZONS.map((horizon) => `In ${horizon}`), wide("Trained")]}>
                {serving.map((model) => {
                  const token = tokens.find(({ id }) => id === model.token);
                  return (
                    <tr key={model.id + model.token} className="border-t border-line">
                      <th scope="row" className="text-left font-medium">
                        <Link to="/forecasts/$token" params={{ token: model.token }} search={{ interval: model.interval === "1d" ? "1d" : undefined }} className="hover:underline">
                          {token?.name ?? model.token} <span className="font-normal text-muted">{token?.symbol}</span>
                        </Link>
                        {model.error != null && <p className="text-xs font-normal text-bad">{model.error}</p>}
                      </th>
                      <td>{model.interval}</td>
                      {HORIZONS.map((horizon) => {
                        const at = model.horizons.find((one) => one.horizon === horizon);
                        return (
                          <td key={horizon}>
                            {at === undefined ? (
                              <span className="text-muted">–</span>
                            ) : (
                              <>
                                <Skill skill={at.skill} />
                                <span className="hidden text-xs text-muted md:inline">
                                  {" "}
                                  {at.method}
                                  {at.skill.evaluation != null && `, MASE ${at.skill.evaluation.mase.value.toFixed(3)}`}
                                </span>
                              </>
                            )}
                          </td>
                        );
                      })}
                      <td className="hidden text-xs text-muted sm:table-cell">{moment(model.created_at)}</td>
                    </tr>
                  );
                })}
          </Table>
        </>
      )}
    </div>
  );
}
