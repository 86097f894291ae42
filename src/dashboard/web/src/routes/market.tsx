/** What is the market doing? Every token with its live price. */

import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { memo, useCallback } from "react";
import { Change, Empty, Failure, Input, Loading } from "../components/ui";
import { Sparkline } from "../components/Sparkline";
import { SignInFirst } from "../components/SignInFirst";
import { ApiError, type Schemas } from "../lib/api/client";
import { changePercent, compare, format, formatPrice, MISSING, round, sum } from "../lib/decimal";
import { candleTopic, useLiveCandle, useResumed } from "../lib/live";
import { dayBegins, dayQuery, tokensQuery } from "../lib/market";
import { useWatchlist, watch } from "../lib/watchlist";
import type { Sort } from "../main";

const route = getRouteApi("/");

type Day = Schemas["CandleSeries"];

interface Line {
  readonly token: Schemas["Token"];
  readonly day: Day | undefined;
  readonly error: Error | null;
}

/** From 24 hours ago, to the hour, to now. */
function changeOf(day: Day | undefined, price: string | undefined): string | null {
  const first = dayBegins(day);
  return first === undefined || price === undefined ? null : changePercent(first.open, price);
}

/** The day's closes by the hour, without hours in which the price is not known. */
function courseOf(day: Day): string[] {
  return day.data.filter(({ trades, complete }) => trades > 0 || complete).map(({ close }) => close);
}

/** The sum of the day's volumes in the quote; exact. */
function volumeOf(day: Day | undefined): string | null {
  if (day === undefined || dayBegins(day) === undefined) return null;
  return sum(day.data.map((candle) => candle.quote_volume));
}

/** By the figures last read, not by each trade: rows do not move away under a hand. */
function order(sort: Sort, down: boolean): (a: Line, b: Line) => number {
  const of = (line: Line): string | null => {
    const price = line.day?.data.at(-1)?.close;
    if (sort === "price") return price ?? null;
    return sort === "change" ? changeOf(line.day, price) : volumeOf(line.day);
  };
  return (a, b) => {
    if (sort === "rank") return 0;
    if (sort === "name") return (down ? -1 : 1) * a.token.name.localeCompare(b.token.name);
    const [x, y] = [of(a), of(b)];
    // What is not known stands last, either way.
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return (down ? -1 : 1) * compare(x, y);
  };
}

const Row = memo(function Row({ token, day, error, isWatched }: Line & { isWatched: boolean }) {
  const live = useLiveCandle(day === undefined ? null : candleTopic(day.instrument, "1m"));
  const price = live?.candle.close ?? day?.data.at(-1)?.close;
  const volume = volumeOf(day);
  const gaps = day?.coverage.gaps.length ?? 0;
  return (
    <tr className="border-t border-line">
      <td className="figures hidden text-muted sm:table-cell">{token.rank ?? MISSING}</td>
      <th scope="row" className="text-left font-medium">
        <button
          type="button"
          aria-pressed={isWatched}
          aria-label={`Watch ${token.name}`}
          onClick={() => watch(token.id, !isWatched)}
          className={`mr-1 min-h-6 min-w-6 cursor-pointer ${isWatched ? "text-accent" : "text-muted"}`}
        >
          {isWatched ? "★" : "☆"}
        </button>
        <Link to="/tokens/$id" params={{ id: token.id }} className="hover:underline">
          {token.name} <span className="font-normal text-muted">{token.symbol}</span>
        </Link>
      </th>
      <td className="figures">
        {formatPrice(price)} <span className="hidden text-xs text-muted sm:inline">{day?.instrument.quote}</span>
      </td>
      <td className="figures">
        <Change value={changeOf(day, price)} unit=" %" />
      </td>
      <td className="hidden lg:table-cell">{day !== undefined && <Sparkline values={courseOf(day)} />}</td>
      <td className="figures hidden sm:table-cell" title={volume === null ? undefined : format(volume)}>
        {volume === null ? MISSING : format(round(volume, 0))}
      </td>
      <td className="hidden text-xs text-muted md:table-cell">
        {error === null ? (
          <>
            {day === undefined ? "" : `${day.instrument.venue} ${day.instrument.symbol}`}
            {gaps > 0 && <span className="text-warn"> · {gaps === 1 ? "1 gap" : `${gaps} gaps`}</span>}
          </>
        ) : (
          <span className="text-bad">{error.message}</span>
        )}
      </td>
    </tr>
  );
});

function Heading({ sort, children, isNumber = true, className = "" }: { sort: Sort; children: string; isNumber?: boolean; className?: string }) {
  const { sort: now = "rank", down = false } = route.useSearch();
  const isNow = now === sort;
  return (
    <th scope="col" aria-sort={isNow ? (down ? "descending" : "ascending") : "none"} className={`${isNumber ? "figures" : "text-left"} ${className}`}>
      <Link
        from="/"
        to="/"
        replace
        search={(search) => ({
          ...search,
          sort: sort === "rank" ? undefined : sort,
          // Figures begin with the largest.
          down: (isNow ? !down : isNumber && sort !== "rank") ? true : undefined,
        })}
        className="font-medium text-muted hover:text-text"
      >
        {children}
        <span aria-hidden="true">{isNow ? (down ? " ↓" : " ↑") : ""}</span>
      </Link>
    </th>
  );
}

export function Market() {
  const { search = "", sort = "rank", down = false, watched = false } = route.useSearch();
  const watchlist = useWatchlist();
  const navigate = route.useNavigate();
  const tokens = useQuery(tokensQuery);
  const days = useQueries({ queries: (tokens.data ?? []).map((token) => dayQuery(token.id)) });
  const queries = useQueryClient();
  useResumed(useCallback(() => void queries.invalidateQueries({ queryKey: ["day"] }), [queries]));

  const wanted = search.trim().toLowerCase();
  const lines = (tokens.data ?? [])
    .map((token, at) => ({ token, day: days[at]?.data, error: days[at]?.error ?? null }))
    .filter(({ token }) => [token.name, token.symbol, token.id].some((name) => name.toLowerCase().includes(wanted)) && (!watched || watchlist.has(token.id)))
    .sort(order(sort, down));
  if (sort === "rank" && down) lines.reverse();

  if (tokens.error instanceof ApiError && tokens.error.status === 401) return <SignInFirst to="/" what="the market" />;
  if (tokens.isError) return <Failure error={tokens.error} retry={() => void tokens.refetch()} />;
  if (tokens.data === undefined) return <Loading what="the market" />;
  return (
    <>
      <title>Market · Coinsphere</title>
      <div className="mb-4 flex flex-wrap items-end justify-between gap-4">
        <h1>Market</h1>
        <div className="flex items-end gap-4">
          <label className="flex min-h-8 items-center gap-2 whitespace-nowrap">
            <input type="checkbox" checked={watched} onChange={() => void navigate({ replace: true, search: (old) => ({ ...old, watched: !watched || undefined }) })} />
            Only ★
          </label>
          <Input
            label="Search tokens"
            type="search"
            value={search}
            onChange={(event) => {
              const value = event.target.value;
              void navigate({ replace: true, search: (old) => ({ ...old, search: value || undefined }) });
            }}
          />
        </div>
      </div>
      {lines.length === 0 ? (
        <Empty>{tokens.data.length === 0 ? "No tokens are listed yet." : watched && wanted === "" ? "You watch no token yet: the star before a name does it." : `No token is called “${search}”.`}</Empty>
      ) : (
        <div role="group" aria-label="Tokens" tabIndex={0} className="relative overflow-x-auto rounded-md border border-line">
          <table className="w-full border-collapse">
            <caption className="sr-only">All tokens, with live prices and the change of the last 24 hours</caption>
            <thead className="bg-panel text-xs">
              <tr>
                <Heading sort="rank" className="hidden sm:table-cell">#</Heading>
                <Heading sort="name" isNumber={false}>
                  Token
                </Heading>
                <Heading sort="price">Price</Heading>
                <Heading sort="change">24 h</Heading>
                <th scope="col" className="hidden text-left font-medium text-muted lg:table-cell">
                  Course
                </th>
                <Heading sort="volume" className="hidden sm:table-cell">
                  Volume 24 h
                </Heading>
                <th scope="col" className="hidden text-left font-medium text-muted md:table-cell">
                  Instrument
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => (
                <Row key={line.token.id} {...line} isWatched={watchlist.has(line.token.id)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
