/** Users, for admins: role, disabling, sessions, deletion. */

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Confirm } from "../../components/Confirm";
import { Button, Failure, Loading } from "../../components/ui";
import { api, change, type Schemas, unwrap } from "../../lib/api/client";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

type User = Schemas["AdministeredUser"];

const KEY = ["admin", "users"];

function Actions({ user, isSelf }: { user: User; isSelf: boolean }) {
  const [isDeleting, setDeleting] = useState(false);
  const [ended, setEnded] = useState<number | null>(null);
  const queries = useQueryClient();
  const sending = useSending();
  const params = { path: { id: user.id } };
  const run = (request: () => Promise<unknown>) =>
    void sending.send(async () => {
      await request();
      setDeleting(false);
      await queries.invalidateQueries({ queryKey: KEY });
    });
  const patch = (body: Schemas["AdministeredUserChange"]) => run(() => change(() => api.PATCH("/api/v1/admin/users/{id}", { params, body })));
  const end = () => run(async () => setEnded((await change(() => api.DELETE("/api/v1/admin/users/{id}/sessions", { params }))).ended));
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <Button disabled={sending.isBusy || isSelf} onClick={() => patch({ role: user.role === "admin" ? "user" : "admin" })} aria-label={`${user.role === "admin" ? "Make a user" : "Make an admin"}: ${user.email}`}>
          {user.role === "admin" ? "Make a user" : "Make an admin"}
        </Button>
        <Button disabled={sending.isBusy || isSelf} onClick={() => patch({ disabled: !user.disabled })} aria-label={`${user.disabled ? "Enable" : "Disable"} ${user.email}`}>
          {user.disabled ? "Enable" : "Disable"}
        </Button>
        <Button disabled={sending.isBusy || isSelf} onClick={end} aria-label={`End sessions of ${user.email}`}>
          End sessions
        </Button>
        <Button kind="danger" disabled={isSelf} onClick={() => setDeleting(true)} aria-label={`Delete ${user.email}`}>
          Delete
        </Button>
      </div>
      <p role="status">{ended !== null && `${ended === 1 ? "One session" : `${ended} sessions`} ended.`}</p>
      {sending.error !== null && !isDeleting && <Failure error={sending.error} />}
      <Confirm
        title={`Delete ${user.email}?`}
        typed={user.email}
        isOpen={isDeleting}
        sending={sending}
        run={() => run(() => change(() => api.DELETE("/api/v1/admin/users/{id}", { params })))}
        close={() => setDeleting(false)}
      >
        The account and all of its data go, at once and for good. The user is informed by email.
      </Confirm>
    </>
  );
}

export function Users({ self }: { self: string }) {
  const users = useInfiniteQuery({
    queryKey: KEY,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/admin/users", { params: { query: { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) } } })),
    getNextPageParam: (page) => page.next_cursor ?? null,
  });
  if (users.isError) return <Failure error={users.error} retry={() => void users.refetch()} />;
  if (users.data === undefined) return <Loading what="the users" />;
  return (
    <>
      <ul aria-label="Users">
        {users.data.pages
          .flatMap((page) => page.data)
          .map((user) => (
            <li key={user.id} className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-2 first:border-t-0">
              <div className="min-w-0">
                <p className="font-medium break-all">
                  {user.email} {user.role === "admin" && <span className="text-accent">admin</span>} {user.id === self && <span className="text-muted">(you)</span>}
                  {user.disabled && <span className="text-bad"> disabled {moment(user.disabled_at)}</span>}
                </p>
                <p className="text-xs text-muted">
                  {user.display_name != null && `${user.display_name} · `}since {moment(user.created_at)} · {user.email_verified ? "verified" : "not verified"} ·{" "}
                  {user.two_factor ? "second factor" : "no second factor"}
                </p>
              </div>
              <Actions user={user} isSelf={user.id === self} />
            </li>
          ))}
      </ul>
      {users.hasNextPage && (
        <Button disabled={users.isFetchingNextPage} onClick={() => void users.fetchNextPage()}>
          More
        </Button>
      )}
    </>
  );
}
