/** Where the dashboard begins: its routes and what they share. */

import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
  RouterProvider,
} from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Shell } from "./components/Shell";
import { Empty, Failure } from "./components/ui";
import { ApiError } from "./lib/api/client";
import { INTERVALS, type Interval } from "./lib/market";
import { begin } from "./lib/preferences";
import type { Tab } from "./routes/admin";
import type { Period } from "./routes/data";
import { Market } from "./routes/market";
import type { PortfolioTab } from "./routes/portfolio";
import "./styles.css";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Empty>
      There is no such page. <Link to="/" className="text-accent">To the market</Link>
    </Empty>
  ),
});

const SORTS = ["rank", "name", "price", "change", "volume"] as const;
export type Sort = (typeof SORTS)[number];

function oneOf<T extends string>(known: readonly T[], value: unknown): T | undefined {
  return known.find((one) => one === value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

const market = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: Market,
  validateSearch: (search: Record<string, unknown>): { search?: string | undefined; sort?: Sort | undefined; down?: boolean | undefined; watched?: boolean | undefined } => ({
    search: text(search.search),
    sort: oneOf(SORTS, search.sort),
    down: search.down === true ? true : undefined,
    watched: search.watched === true ? true : undefined,
  }),
});

const token = createRoute({
  getParentRoute: () => root,
  path: "/tokens/$id",
  component: lazyRouteComponent(() => import("./routes/token"), "TokenPage"),
  validateSearch: (search: Record<string, unknown>): { interval?: Interval | undefined; venue?: string | undefined } => ({
    interval: oneOf(INTERVALS, search.interval),
    venue: text(search.venue),
  }),
});

const entrance = (search: Record<string, unknown>): { to?: string | undefined } => {
  const to = text(search.to);
  // Only our own pages: an address of elsewhere would be somebody's trap.
  return { to: to !== undefined && /^\/(?![/\\])/.test(to) ? to : undefined };
};

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  component: lazyRouteComponent(() => import("./routes/entrance"), "SignIn"),
  validateSearch: entrance,
});

const signUp = createRoute({
  getParentRoute: () => root,
  path: "/sign-up",
  component: lazyRouteComponent(() => import("./routes/entrance"), "SignUp"),
  validateSearch: entrance,
});

const portfolios = createRoute({
  getParentRoute: () => root,
  path: "/portfolios",
  component: lazyRouteComponent(() => import("./routes/portfolios"), "Portfolios"),
});

const portfolio = createRoute({
  getParentRoute: () => root,
  path: "/portfolios/$id",
  component: lazyRouteComponent(() => import("./routes/portfolio"), "PortfolioPage"),
  validateSearch: (search: Record<string, unknown>): { tab?: PortfolioTab | undefined } => ({
    tab: oneOf(["holdings", "analysis", "transactions", "tax", "settings"], search.tab),
  }),
});

const shared = createRoute({
  getParentRoute: () => root,
  path: "/shared/$secret",
  component: lazyRouteComponent(() => import("./routes/shared"), "Shared"),
});

const overview = createRoute({
  getParentRoute: () => root,
  path: "/overview",
  component: lazyRouteComponent(() => import("./routes/overview"), "Overview"),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  component: lazyRouteComponent(() => import("./routes/alerts"), "Alerts"),
});

const newAlert = createRoute({
  getParentRoute: () => root,
  path: "/alerts/new",
  component: lazyRouteComponent(() => import("./routes/alert"), "NewAlert"),
  validateSearch: (
    search: Record<string, unknown>,
  ): { venue?: string | undefined; symbol?: string | undefined; price?: string | undefined; operator?: string | undefined } => ({
    venue: text(search.venue),
    symbol: text(search.symbol),
    // An address without quotes around digits has a number.
    price: text(typeof search.price === "number" ? String(search.price) : search.price),
    operator: oneOf(["crosses_up", "crosses_down"], search.operator),
  }),
});

const alert = createRoute({
  getParentRoute: () => root,
  path: "/alerts/$id",
  component: lazyRouteComponent(() => import("./routes/alert"), "AlertPage"),
  validateSearch: (search: Record<string, unknown>): { edit?: boolean | undefined } => ({ edit: search.edit === true ? true : undefined }),
});

const notifications = createRoute({
  getParentRoute: () => root,
  path: "/notifications",
  component: lazyRouteComponent(() => import("./routes/notifications"), "Notifications"),
});

const forecasts = createRoute({
  getParentRoute: () => root,
  path: "/forecasts",
  component: lazyRouteComponent(() => import("./routes/forecasts"), "Forecasts"),
});

const forecast = createRoute({
  getParentRoute: () => root,
  path: "/forecasts/$token",
  component: lazyRouteComponent(() => import("./routes/forecast"), "ForecastPage"),
  validateSearch: (search: Record<string, unknown>): { interval?: "1h" | "1d" | undefined; horizon?: string | undefined } => ({
    interval: oneOf(["1h", "1d"], search.interval),
    horizon: text(search.horizon),
  }),
});

const data = createRoute({
  getParentRoute: () => root,
  path: "/data",
  component: lazyRouteComponent(() => import("./routes/data"), "DataQuality"),
  validateSearch: (search: Record<string, unknown>): { period?: Period | undefined; search?: string | undefined } => ({
    period: oneOf(["24h", "7d", "30d"], search.period),
    search: text(search.search),
  }),
});

const admin = createRoute({
  getParentRoute: () => root,
  path: "/admin",
  component: lazyRouteComponent(() => import("./routes/admin"), "Admin"),
  validateSearch: (search: Record<string, unknown>): { tab?: Tab | undefined } => ({
    tab: oneOf(["users", "jobs", "parts", "training"], search.tab),
  }),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("./routes/settings"), "Settings"),
});

const reset = createRoute({
  getParentRoute: () => root,
  path: "/forgotten-password",
  component: lazyRouteComponent(() => import("./routes/reset"), "Reset"),
});

const verify = createRoute({
  getParentRoute: () => root,
  path: "/verify-email/$token",
  component: lazyRouteComponent(() => import("./routes/verify"), "VerifyEmail"),
});

const router = createRouter({
  routeTree: root.addChildren([verify, overview, market, token, signIn, signUp, reset, portfolios, portfolio, shared, alerts, newAlert, alert, notifications, forecasts, forecast, data, admin, settings]),
  defaultPreload: "intent",
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refuses it refuses again; what it could not do may work.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      refetchOnWindowFocus: false,
    },
  },
});

begin();

const element = document.getElementById("root");
if (element !== null) {
  createRoot(element).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}
