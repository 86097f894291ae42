/** What stands around every page: where one can go, how fresh it is, who is signed in. */

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, change } from "../lib/api/client";
import { stream, useStreamState } from "../lib/live";
import { MOST_COUNTED, unreadQuery } from "../lib/notifications";
import { useLeft, useUser } from "../lib/session";
import { turnAmounts, usePreferences } from "../lib/preferences";
import { time } from "../lib/time";
import { Fired } from "./Fired";
import { NewVersion } from "./NewVersion";
import { Palette } from "./Palette";
import { SecondFactor } from "./SecondFactor";
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
      <span className="whitespace-nowrap text-good" title={`connected since ${time(state.since)}`}>
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

/** Amounts of money, everywhere at once. */
function AmountsSwitch() {
  const isHidden = usePreferences().amounts === "hidden";
  return (
    <Button onClick={turnAmounts} aria-label={isHidden ? "Show amounts" : "Hide amounts"} title={isHidden ? "Show amounts" : "Hide amounts"}>
      <svg viewBox="0 0 20 20" aria-hidden="true" className="h-4 w-4 fill-none stroke-current" strokeWidth="1.5">
        <path d="M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5Z" />
        <circle cx="10" cy="10" r="2.2" />
        {isHidden && <path d="M3 17 17 3" />}
      </svg>
    </Button>
  );
}

function Account() {
  const user = useUser();
  const left = useLeft();
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
    await left();
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
  useEffect(() => {
    // Only an installed application has a badge; others may refuse it.
    if ("setAppBadge" in navigator) navigator.setAppBadge(count).catch(() => {});
  }, [count]);
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
  const place = "whitespace-nowrap rounded-md px-2 py-1 font-medium text-muted [&.active]:bg-panel [&.active]:text-text";
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
          {user && (
            // Phones have no room for it: the settings and the search do it too.
            <span className="hidden sm:inline">
              <AmountsSwitch />
            </span>
          )}
          <ThemeSwitch />
        </div>
        <nav aria-label="Pages" className="relative flex gap-1 overflow-x-auto pb-2">
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
      <NewVersion />
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
      <Fired />
      <SecondFactor />
    </div>
  );
}
