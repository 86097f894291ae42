/** Where the account is signed in. */

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Card } from "../../components/Card";
import { Button, Failure, Loading } from "../../components/ui";
import { deviceOf } from "../../lib/agent";
import { api, change, unwrap } from "../../lib/api/client";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

const KEY = ["sessions"];

export function Sessions() {
  const queries = useQueryClient();
  const sending = useSending();
  const sessions = useInfiniteQuery({
    queryKey: KEY,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/auth/sessions", { params: { query: { limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) } } })),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const end = (id: string) =>
    void sending.send(async () => {
      await change(() => api.DELETE("/api/v1/auth/sessions/{id}", { params: { path: { id } } }));
      await queries.invalidateQueries({ queryKey: KEY });
    });
  const all = sessions.data?.pages.flatMap((page) => page.data);
  return (
    <Card title="Sessions">
      {sending.error !== null && <Failure error={sending.error} />}
      {sessions.isError && <Failure error={sessions.error} retry={() => void sessions.refetch()} />}
      {all === undefined && sessions.isPending && <Loading what="your sessions" />}
      <ul>
        {all?.map((session) => (
          <li key={session.id} className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-2 first:border-t-0">
            <div>
              <p title={session.user_agent ?? undefined}>
                {deviceOf(session.user_agent)} {session.current && <span className="text-xs text-good">● this one</span>}
              </p>
              <p className="text-xs text-muted">
                {session.address ?? "address unknown"} · last used {moment(session.last_used_at)} · until {moment(session.expires_at)}
              </p>
            </div>
            {!session.current && (
              <Button disabled={sending.isBusy} onClick={() => end(session.id)} aria-label={`End the session of ${deviceOf(session.user_agent)}`}>
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {sessions.hasNextPage && <Button onClick={() => void sessions.fetchNextPage()}>More</Button>}
    </Card>
  );
}
