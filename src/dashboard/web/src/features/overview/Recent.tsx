/** What happened last: the newest of the inbox. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Card } from "../../components/Card";
import { Failure, Loading } from "../../components/ui";
import { alertOf, inboxQuery } from "../../lib/notifications";
import { moment } from "../../lib/time";

const MOST = 5;

export function Recent() {
  const inbox = useInfiniteQuery(inboxQuery(false));
  const newest = inbox.data?.pages[0]?.data.slice(0, MOST);
  return (
    <Card
      title="What happened"
      action={
        <Link to="/notifications" className="text-accent">
          Inbox
        </Link>
      }
    >
      {inbox.isError && <Failure error={inbox.error} retry={() => void inbox.refetch()} />}
      {inbox.isPending && <Loading what="what happened" />}
      {newest?.length === 0 && <p className="text-muted">Nothing yet. What an alert fires comes here.</p>}
      <ul>
        {newest?.map((one) => {
          const alert = alertOf(one);
          return (
            <li key={one.id} className="flex flex-wrap justify-between gap-x-3 border-t border-line py-1 first:border-t-0">
              {alert === undefined ? (
                <span>{one.title}</span>
              ) : (
                <Link to="/alerts/$id" params={{ id: alert }} className="hover:underline">
                  {one.title}
                </Link>
              )}
              <time dateTime={one.created_at} className="text-xs text-muted">
                {moment(one.created_at)}
              </time>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
