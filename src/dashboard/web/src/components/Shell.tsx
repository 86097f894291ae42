/** What stands around every page: where one can go, how fresh it is, who is signed in. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, change, setCsrfToken } from "../lib/api/client";
import { forget, stream, useStreamState } from "../lib/live";
import { MOST_COUNTED, unreadQuery } from "../lib/notifications";
import { sessionQuery, useUser } from "../lib/session";
import { time } from "../lib/time";
import { Fired } from "./Fired";
import { Palette } from "./Palette";
import { Button } from "./ui";

/** Counts down while it is shown. */
function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return <>{seconds === 0 ? "now" : `in ${seconds} s`}</>;
}

function StreamStatus() {
  const state = useStreamState();
  if (state.kind === "idle") return null;
  if (state.kind === "live") {
    return (
      <span className="whitespace-nowrap text-up" title={`connected since ${time(state.since)}`}>
        ● Live
      </span>
    );
  }
  if (state.kind === "connecting") return <span className="text-muted">○ Connecting…</span>;
  const stale = state.staleSince === null ? "" : `, stale since ${time(state.staleSince)}`;
  return (
    <span className="flex flex-wrap items-center gap-2 text-warn">
      {state.kind === "reconnecting" ? (
        <span>
          ◌ Reconnecting{stale} (again{" "}
          <span aria-hidden="true">
            <Countdown until={state.retryAt} />
          </span>
          )
        </span>
      ) : (
        <span>
          ■ Not live{stale}: {state.reason}
        </span>
      )}
      <Button onClick={stream.retryNow}>Connect now</Button>
    </span>
  );
}

function ThemeSwitch() {
  const [isDark, setDark] = useState(() => document.documentElement.dataset.theme === "dark");
  const other = isDark ? "light" : "dark";
  const turn = () => {
    try {
      localStorage.setItem("theme", other);
    } catch {
      // Storage is switched off: it lasts as long as the page.
    }
    dispatchEvent(new CustomEvent("theme", { detail: other }));
    setDark(!isDark);
  };
  return (
    <Button onClick={turn} aria-label={`Switch to ${other} colours`}>
      <span aria-hidden="true">{isDark ? "☀" : "☾"}</span>
    </Button>
  );
}

function Account() {
  const user = useUser();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [failed, setFailed] = useState(false);
  if (user === undefined) return null;
  if (user === null) {
    return (
      <Link to="/sign-in" className="font-medium text-accent">
        Sign in
      </Link>
    );
  }
  const signOut = async () => {
    try {
      await change(() => api.POST("/api/v1/auth/logout"));
    } catch {
      setFailed(true);
      return;
    }
    setCsrfToken(null);
    // Set, not cleared: what is on the page looks at it.
    queries.setQueryData(sessionQuery.queryKey, null);
    forget();
    await navigate({ to: "/" });
    // What this user was shown is nobody else's.
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== sessionQuery.queryKey[0] && !query.isActive() });
  };
  return (
    <span className="flex items-center gap-2">
      <Link to="/settings" className="text-muted hover:text-text">
        <span className="hidden sm:inline">{user.display_name ?? user.email}</span>
        <span className="sm:hidden">Account</span>
      </Link>
      <Button onClick={signOut}>{failed ? "Sign out: try again" : "Sign out"}</Button>
    </span>
  );
}

/** How many notifications are unread. */
function Unread() {
  const count = useQuery(unreadQuery).data ?? 0;
  if (count === 0) return null;
  return (
    <span className="ml-1 rounded-full bg-accent px-1.5 text-xs text-on-accent">
      {count > MOST_COUNTED ? `${MOST_COUNTED}+` : count}
      <span className="sr-only"> unread</span>
    </span>
  );
}

export function Shell() {
  const user = useUser();
  const place = "rounded-md px-2 py-1 font-medium text-muted [&.active]:bg-panel [&.active]:text-text";
  return (
    <div className="mx-auto max-w-6xl px-4 pb-12">
      <a href="#content" className="sr-only focus:not-sr-only">
        Skip to the content
      </a>
      <header className="mb-4 border-b border-line">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-2 py-3 sm:gap-x-4">
          <span className="hidden text-base font-semibold sm:inline">Coinsphere</span>
          <Palette />
          <div role="status" aria-label="Live data" className="ml-auto text-xs">
            <StreamStatus />
          </div>
          <Account />
          <ThemeSwitch />
        </div>
        <nav aria-label="Pages" className="flex gap-1 overflow-x-auto pb-2">
          <Link to="/overview" className={place}>
            Overview
          </Link>
          <Link to="/" className={place} activeOptions={{ exact: true }}>
            Market
          </Link>
          <Link to="/portfolios" className={place}>
            Portfolios
          </Link>
          <Link to="/alerts" className={place}>
            Alerts
          </Link>
          {user?.email_verified === true && (
            <Link to="/notifications" className={place}>
              Inbox
              <Unread />
            </Link>
          )}
          <Link to="/forecasts" className={place}>
            Forecasts
          </Link>
          <Link to="/data" className={place}>
            Data
          </Link>
          {user?.role === "admin" && (
            <Link to="/admin" className={place}>
              Admin
            </Link>
          )}
          <a href="/docs" className={place}>
            API
          </a>
        </nav>
      </header>
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
      <Fired />
    </div>
  );
}
