/** The last 30 days of an instrument by the hour, with what an alert has to do with them. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { CandleChart, type Overlays } from "../../components/CandleChart";
import { Empty, Failure, Loading } from "../../components/ui";
import { api, unwrap } from "../../lib/api/client";
import { barsOf } from "../../lib/candles";
import { named } from "../../lib/conditions";
import { candleTopic } from "../../lib/live";
import { shadesOf } from "../../lib/gaps";

const HOUR = 3600;

export function InstrumentChart({ instrument, overlays }: { instrument: string; overlays: Overlays }) {
  const { venue, symbol } = named(instrument);
  const history = useQuery({
    queryKey: ["instrument-history", venue, symbol],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/instruments/{venue}/{symbol}/candles", {
          params: { path: { venue, symbol }, query: { interval: "1h", range: "30d", fill: "previous" } },
        }),
      ),
    staleTime: 60_000,
  });
  const [series, readAt] = [history.data, history.dataUpdatedAt];
  const bars = useMemo(() => (series === undefined ? [] : barsOf(series.data, HOUR, readAt)), [series, readAt]);
  const all = useMemo(() => ({ gaps: shadesOf(series?.coverage.gaps ?? [], readAt), ...overlays }), [series, readAt, overlays]);
  if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />;
  if (series === undefined) return <Loading what="candles" />;
  if (bars.length === 0) return <Empty>No candle of {symbol} on {venue} has been built yet.</Empty>;
  return <CandleChart bars={bars} length={HOUR} topic={candleTopic(series.instrument, "1h")} name={`${symbol} on ${venue}, 1h`} overlays={all} />;
}
