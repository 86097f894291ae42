/** What to do first, with what is done already: there until all of it is, or until it is put away. */

import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import { useState } from "react";
import { Card } from "../../components/Card";
import { Button } from "../../components/ui";
import { alertsQuery } from "../../lib/alerts";
import { channelsQuery } from "../../lib/notifications";
import { portfoliosQuery } from "../../lib/portfolios";
import { keep, kept } from "../../lib/preferences";
import type { User } from "../../lib/session";
import { Sample } from "../portfolio/Sample";

interface Step {
  readonly name: string;
  readonly why: string;
  readonly isDone: boolean;
  readonly link: LinkProps;
}

export function Guide({ user }: { user: User }) {
  const place = `guide:${user.id}`;
  const [isAway, setAway] = useState(() => kept(place) === "away");
  const portfolios = useQuery(portfoliosQuery).data?.data;
  const alerts = useQuery(alertsQuery).data?.data;
  const channels = useQuery(channelsQuery).data?.data;
  if (isAway || portfolios === undefined || alerts === undefined || channels === undefined) return null;
  const first = portfolios[0];
  const steps: Step[] = [
    { name: "Begin a portfolio", why: "It says in which currency and by which rules it is counted.", isDone: first !== undefined, link: { to: "/portfolios" } },
    {
      name: "Fill it",
      why: "Import a file of your exchange, or add what you hold by hand.",
      isDone: portfolios.some(({ transactions }) => transactions > 0),
      link: first === undefined ? { to: "/portfolios" } : { to: "/portfolios/$id", params: { id: first.id }, search: { tab: "transactions" } },
    },
    { name: "Set an alert", why: "Click a price in the chart of a token, or say a condition.", isDone: alerts.length > 0, link: { to: "/alerts/new" } },
    { name: "Say where alerts are sent", why: "This device, an email address or a messenger.", isDone: channels.some(({ state }) => state === "active"), link: { to: "/notifications" } },
    { name: "Protect the account", why: "A second factor, so that a stolen password alone opens nothing.", isDone: user.two_factor, link: { to: "/settings" } },
  ];
  if (steps.every(({ isDone }) => isDone)) return null;
  const putAway = () => {
    keep(place, "away");
    setAway(true);
  };
  return (
    <Card title="First steps" action={<Button onClick={putAway}>Put away</Button>}>
      <ol className="grid gap-2">
        {steps.map(({ name, why, isDone, link }) => (
          <li key={name} className="flex gap-3">
            <span aria-hidden="true" className={isDone ? "text-good" : "text-muted"}>
              {isDone ? "✓" : "○"}
            </span>
            <span>
              {isDone ? (
                <span className="text-muted">
                  {name}
                  <span className="sr-only">: done</span>
                </span>
              ) : (
                <>
                  <Link {...link} className="font-medium text-accent">
                    {name}
                  </Link>
                  <span className="text-muted"> {why}</span>
                </>
              )}
            </span>
          </li>
        ))}
      </ol>
      {first === undefined && (
        <div className="mt-3">
          <Sample />
        </div>
      )}
    </Card>
  );
}
