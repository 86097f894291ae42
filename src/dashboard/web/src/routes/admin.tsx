/** What admins see: users, jobs, the server's parts, training. */

import { getRouteApi, Link } from "@tanstack/react-router";
import { Card } from "../components/Card";
import { Empty } from "../components/ui";
import { Verified } from "../components/Verified";
import { Health } from "../features/admin/Health";
import { Jobs } from "../features/admin/Jobs";
import { Training } from "../features/admin/Training";
import { Users } from "../features/admin/Users";
import type { User } from "../lib/session";

const TABS = { users: "Users", jobs: "Jobs", parts: "Parts", training: "Training" } as const;
export type Tab = keyof typeof TABS;
const ALL = Object.keys(TABS) as Tab[];

function Shown({ user }: { user: User }) {
  const { tab = "users" } = getRouteApi("/admin").useSearch();
  if (user.role !== "admin") return <Empty>This page is for admins.</Empty>;
  return (
    <>
      <nav aria-label="Administration" className="flex flex-wrap gap-1">
        {ALL.map((one) => (
          <Link key={one} to="/admin" search={{ tab: one }} aria-current={one === tab ? "page" : undefined} className={`rounded-md border px-2 py-1 ${one === tab ? "border-accent font-medium" : "border-line text-muted"}`}>
            {TABS[one]}
          </Link>
        ))}
      </nav>
      <Card title={TABS[tab]}>
        {tab === "users" && <Users self={user.id} />}
        {tab === "jobs" && <Jobs />}
        {tab === "parts" && <Health />}
        {tab === "training" && <Training />}
      </Card>
    </>
  );
}

export function Admin() {
  return (
    <div className="grid grid-cols-1 gap-4">
      <title>Administration · Coinsphere</title>
      <h1>Administration</h1>
      <Verified to="/admin" what="the administration">
        {(user) => <Shown user={user} />}
      </Verified>
    </div>
  );
}
