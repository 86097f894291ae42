/** What has been notified: read, acknowledged, and delivered by which channel. */

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Button, Empty, Failure, Loading } from "../../components/ui";
import { api, change, unwrap } from "../../lib/api/client";
import { alertOf, channelsQuery, inboxQuery, type Notification } from "../../lib/notifications";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

function Deliveries({ id }: { id: string }) {
  const channels = useQuery(channelsQuery).data?.data ?? [];
  const deliveries = useQuery({
    queryKey: ["notifications", id, "deliveries"],
    queryFn: () => unwrap(api.GET("/api/v1/notifications/{id}/deliveries", { params: { path: { id } } })),
  });
  if (deliveries.isError) return <Failure error={deliveries.error} retry={() => void deliveries.refetch()} />;
  if (deliveries.data === undefined) return <Loading what="the deliveries" />;
  if (deliveries.data.data.length === 0) return <p className="text-muted">It was sent by no channel.</p>;
  return (
    <ul>
      {deliveries.data.data.map((one) => (
        <li key={one.channel}>
          {channels.find((channel) => channel.id === one.channel)?.name ?? "A channel that was removed"}: {one.state}
          {one.attempts > 0 && `, ${one.attempts === 1 ? "one attempt" : `${one.attempts} attempts`}`}
          {one.finished_at != null && `, ${moment(one.finished_at)}`}
          {one.next_attempt_at != null && `, again ${moment(one.next_attempt_at)}`}
          {one.last_error != null && <span className="text-warn"> ({one.last_error})</span>}
        </li>
      ))}
    </ul>
  );
}

function Line({ one }: { one: Notification }) {
  const [isOpen, setOpen] = useState(false);
  const queries = useQueryClient();
  const sending = useSending();
  const params = { path: { id: one.id } };
  const run = (request: () => Promise<unknown>) =>
    void sending.send(async () => {
      await request();
      await queries.invalidateQueries({ queryKey: ["notifications"] });
    });
  const alert = alertOf(one);
  const facts = one.fields as unknown as readonly { name: string; value: string }[];
  return (
    <li className={`border-t border-line px-4 py-3 first:border-t-0 ${one.read_at == null ? "bg-panel" : ""}`}>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <p>
            {one.read_at == null && (
              <span className="text-accent">
                ● <span className="sr-only">unread: </span>
              </span>
            )}
            {alert === undefined ? (
              <span className="font-medium">{one.title}</span>
            ) : (
              <Link to="/alerts/$id" params={{ id: alert }} className="font-medium hover:underline">
                {one.title}
              </Link>
            )}{" "}
            {one.severity === "urgent" && <span className="text-bad">urgent</span>}
          </p>
          <p>{one.body}</p>
          <p className="text-xs text-muted">
            {moment(one.created_at)}
            {facts.map(({ name, value }) => ` · ${name}: ${value}`).join("")}
            {one.acknowledged_at != null && ` · acknowledged ${moment(one.acknowledged_at)}`}
          </p>
          <details className="text-xs" onToggle={(event) => setOpen(event.currentTarget.open)}>
            <summary className="cursor-pointer text-muted">Deliveries</summary>
            {isOpen && <Deliveries id={one.id} />}
          </details>
        </div>
        <div className="flex flex-wrap gap-2">
          {one.read_at == null && (
            <Button disabled={sending.isBusy} onClick={() => run(() => change(() => api.POST("/api/v1/notifications/{id}/read", { params })))} aria-label={`Mark ${one.title} as read`}>
              Read
            </Button>
          )}
          {one.acknowledged_at == null && (
            <Button disabled={sending.isBusy} onClick={() => run(() => change(() => api.POST("/api/v1/notifications/{id}/acknowledge", { params })))} aria-label={`Acknowledge ${one.title}`}>
              Acknowledge
            </Button>
          )}
        </div>
      </div>
      {sending.error !== null && <Failure error={sending.error} />}
    </li>
  );
}

export function Inbox() {
  const [isUnreadOnly, setUnreadOnly] = useState(false);
  const inbox = useInfiniteQuery(inboxQuery(isUnreadOnly));
  const all = inbox.data?.pages.flatMap((page) => page.data);
  return (
    <section aria-label="Inbox">
      <label className="mb-3 flex items-center gap-2">
        <input type="checkbox" checked={isUnreadOnly} onChange={(event) => setUnreadOnly(event.target.checked)} />
        Only unread
      </label>
      {inbox.isError && <Failure error={inbox.error} retry={() => void inbox.refetch()} />}
      {inbox.isPending && <Loading what="your notifications" />}
      {all?.length === 0 && <Empty>{isUnreadOnly ? "Everything has been read." : "Nothing has happened yet. What an alert fires comes here too."}</Empty>}
      {all !== undefined && all.length > 0 && (
        <ul aria-label="Notifications" className="rounded-lg border border-line">
          {all.map((one) => (
            <Line key={one.id} one={one} />
          ))}
        </ul>
      )}
      {inbox.hasNextPage && (
        <div className="mt-3">
          <Button disabled={inbox.isFetchingNextPage} onClick={() => void inbox.fetchNextPage()}>
            Earlier ones
          </Button>
        </div>
      )}
    </section>
  );
}
