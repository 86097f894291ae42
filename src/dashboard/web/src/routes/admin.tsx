/** What admins see: users, jobs, the server's parts, training. */

import { getRouteApi } from "@tanstack/react-router";
import { Card } from "../components/Card";
import { Tabs } from "../components/Tabs";
import { Empty } from "../components/ui";
import { Verified } from "../components/Verified";
import { Health } from "../features/admin/Health";
import { Invitations } from "../features/admin/Invitations";
import { Jobs } from "../features/admin/Jobs";
import { Training } from "../features/admin/Training";
import { Users } from "../features/admin/Users";
import type { User } from "../lib/session";

const TABS = [
  ["users", "Users"],
  ["jobs", "Jobs"],
  ["parts", "Parts"],
  ["training", "Training"],
] as const;
export type Tab = (typeof TABS)[number][0];

function Shown({ user }: { user: User }) {
  const { tab = "users" } = getRouteApi("/admin").useSearch();
  if (user.role !== "admin") return <Empty>This page is for admins.</Empty>;
  return (
    <>
      <Tabs label="Administration" tabs={TABS} chosen={tab} to={(one) => ({ to: "/admin", search: { tab: one } })} />
      <Card title={TABS.find(([one]) => one === tab)?.[1] ?? ""}>
        {tab === "users" && (
          <>
            <Invitations />
            <Users self={user.id} />
          </>
        )}
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
