/** What is known of the market's past, and what is not: coverage by instrument, gaps and their repair, the feeds. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { Card } from "../components/Card";
import { coverageQuery, GapList } from "../components/Gaps";
import { SignInFirst } from "../components/SignInFirst";
import { figures, Table } from "../components/Table";
import { Tabs } from "../components/Tabs";
import { Button, Empty, Failure, Input, Loading } from "../components/ui";
import { FeedTable } from "../features/data/Feeds";
import { Strip } from "../features/data/Strip";
import { ApiError, type Schemas } from "../lib/api/client";
import { keyOf } from "../lib/conditions";
import { instrumentsQuery } from "../lib/market";
import { moment } from "../lib/time";

const route = getRouteApi("/data");

const DAYS = { "24h": 1, "7d": 7, "30d": 30 } as const;
export type Period = keyof typeof DAYS;
const PERIODS = Object.keys(DAYS) as Period[];

/** True once the element has come into view. */
function useSeen<T extends Element>() {
  const place = useRef<T>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null || isSeen) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && setSeen(true), { rootMargin: "100px" });
    watch.observe(element);
    return () => watch.disconnect();
  }, [isSeen]);
  return [place, isSeen] as const;
}

function Sources({ report }: { report: Schemas["CoverageReport"] }) {
  const hours = new Map<string, number>();
  for (const { source, from, to } of report.proven) {
    hours.set(source, (hours.get(source) ?? 0) + (Date.parse(to) - Date.parse(from)) / 3_600_000);
  }
  if (hours.size === 0) return <p className="text-xs text-muted">Nothing is proven in this time.</p>;
  return (
    <p className="text-xs text-muted">
      Proven by {[...hours].map(([source, count]) => `${source === "trades" ? "own trades" : source} (${count < 48 ? `${count.toFixed(1)} h` : `${(count / 24).toFixed(1)} days`})`).join(", ")}
    </p>
  );
}

function Row({ instrument, from, to }: { instrument: Schemas["Instrument"]; from: string; to: string }) {
  const [place, isSeen] = useSeen<HTMLTableRowElement>();
  const [isOpen, setOpen] = useState(false);
  // What is not in view is not asked for.
  const coverage = useQuery({ ...coverageQuery(instrument, from, to), enabled: isSeen });
  const report = coverage.data;
  const { venue, symbol, token } = instrument;
  return (
    <>
      {/* As high before its answer as after it. */}
      <tr ref={place} className="h-11 border-t border-line">
        <th scope="row" className="text-left font-medium sm:whitespace-nowrap">
          {token == null ? (
            symbol
          ) : (
            <Link to="/tokens/$id" params={{ id: token }} search={{ venue }} className="hover:underline">
              {symbol}
            </Link>
          )}{" "}
          <span className="font-normal text-muted">{venue}</span>
        </th>
        <td className="w-1/2">{report !== undefined && <Strip report={report} />}</td>
        <td className="figures">{coverage.isError ? <span className="text-bad">{coverage.error.message}</span> : report === undefined ? "…" : `${report.proven_percent} %`}</td>
        <td className="figures">
          {report !== undefined && (
            <Button aria-expanded={isOpen} aria-label={`Gaps of ${symbol} on ${venue}: ${report.gaps.length}`} onClick={() => setOpen(!isOpen)}>
              {report.gaps.length}
            </Button>
          )}
        </td>
      </tr>
      {isOpen && report !== undefined && (
        <tr>
          <td colSpan={4} className="bg-panel">
            <Sources report={report} />
            {report.gaps.length === 0 ? <p className="text-xs text-muted">No gap is known.</p> : <GapList gaps={report.gaps} />}
          </td>
        </tr>
      )}
    </>
  );
}

function Instruments({ period, search }: { period: Period; search: string }) {
  const instruments = useQuery(instrumentsQuery);
  const [readAt, setReadAt] = useState(() => Date.now());
  const [from, to] = useMemo(
    () => [new Date(readAt - DAYS[period] * 86_400_000).toISOString(), new Date(readAt).toISOString()],
    [readAt, period],
  );
  if (instruments.error instanceof ApiError && instruments.error.status === 401) return <SignInFirst to="/data" what="the data's quality" />;
  if (instruments.isError) return <Failure error={instruments.error} retry={() => void instruments.refetch()} />;
  if (instruments.data === undefined) return <Loading what="the instruments" />;
  const wanted = search.trim().toLowerCase();
  const shown = instruments.data.filter((one) => `${keyOf(one)} ${one.token ?? ""}`.toLowerCase().includes(wanted));
  if (shown.length === 0) return <Empty>No instrument is called “{search}”.</Empty>;
  return (
    <>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2 text-xs text-muted">
        <p>
          {moment(from)} to {moment(to)}. <span className="text-good">█ proven</span> · <span className="text-warn">▒ gap</span> · ░ unknown
        </p>
        <Button onClick={() => setReadAt(Date.now())}>Read again</Button>
      </div>
      <Table label="Instruments with what is proven of their candles" columns={["Instrument", "Coverage", figures("Proven"), figures("Gaps")]}>
            {shown.map((one) => (
              <Row key={keyOf(one)} instrument={one} from={from} to={to} />
            ))}
      </Table>
    </>
  );
}

export function DataQuality() {
  const { period = "24h", search = "" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>Data quality · Coinsphere</title>
      <h1>Data quality</h1>
      <Card title="Feeds">
        <FeedTable />
      </Card>
      <section aria-label="Coverage">
        <div className="mb-3 flex flex-wrap items-end justify-between gap-3">
          <h2>Coverage of one-minute candles</h2>
          <div className="flex flex-wrap items-end gap-4">
            <Tabs label="Period" tabs={PERIODS.map((one) => [one, one])} chosen={period} to={(one) => ({ to: "/data", replace: true, search: { period: one, search: search || undefined } })} />
            <Input
              label="Search instruments"
              type="search"
              value={search}
              onChange={(event) => {
                const value = event.target.value;
                void navigate({ replace: true, search: (old) => ({ ...old, search: value || undefined }) });
              }}
            />
          </div>
        </div>
        <Instruments period={period} search={search} />
      </section>
    </div>
  );
}
