/** Jobs that the server does in the background, for admins. */

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button, Empty, Failure, Loading } from "../../components/ui";
import { api, change, type Schemas, unwrap } from "../../lib/api/client";
import { useSending } from "../../lib/sending";
import { moment } from "../../lib/time";

const STATES = ["waiting", "running", "done", "failed", "cancelled"];

function Line({ job }: { job: Schemas["Job"] }) {
  const queries = useQueryClient();
  const sending = useSending();
  const isOver = job.finished_at != null;
  const cancel = () =>
    void sending.send(async () => {
      await change(() => api.POST("/api/v1/admin/jobs/{id}/cancel", { params: { path: { id: job.id } } }));
      await queries.invalidateQueries({ queryKey: ["admin", "jobs"] });
    });
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-2 first:border-t-0">
      <div className="min-w-0">
        <p>
          <span className="font-medium">{job.kind}</span>{" "}
          <span className={job.state === "failed" ? "text-bad" : job.state === "running" ? "text-accent" : "text-muted"}>{job.state}</span>
          {job.progress != null && ` · ${job.progress}`}
        </p>
        <p className="text-xs text-muted">
          asked for {moment(job.created_at)} · attempt {job.attempts} of {job.max_attempts} · {isOver ? `ended ${moment(job.finished_at)}` : `due ${moment(job.run_at)}`}
        </p>
        <p className="text-xs break-all text-muted">{JSON.stringify(job.arguments)}</p>
        {job.last_error != null && <p className="text-xs text-bad">{job.last_error}</p>}
        {sending.error !== null && <Failure error={sending.error} />}
      </div>
      {!isOver && (
        <Button disabled={sending.isBusy || job.cancel_requested} onClick={cancel} aria-label={`Cancel ${job.kind}`}>
          {job.cancel_requested ? "Being cancelled" : "Cancel"}
        </Button>
      )}
    </li>
  );
}

export function Jobs() {
  const [state, setState] = useState("");
  const jobs = useInfiniteQuery({
    queryKey: ["admin", "jobs", state],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/admin/jobs", { params: { query: { limit: 50, ...(state === "" ? {} : { state }), ...(pageParam === null ? {} : { cursor: pageParam }) } } })),
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: 10_000,
  });
  const all = jobs.data?.pages.flatMap((page) => page.data);
  return (
    <>
      <label className="mb-3 flex items-center gap-2">
        <span className="text-muted">Only</span>
        <select value={state} onChange={(event) => setState(event.target.value)} className="rounded-md border border-line bg-page px-2 py-1">
          <option value="">all</option>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      {jobs.isError && <Failure error={jobs.error} retry={() => void jobs.refetch()} />}
      {jobs.isPending && <Loading what="the jobs" />}
      {all?.length === 0 && <Empty>There is no such job. Finished ones are kept for 30 days.</Empty>}
      <ul aria-label="Jobs">{all?.map((job) => <Line key={job.id} job={job} />)}</ul>
      {jobs.hasNextPage && (
        <Button disabled={jobs.isFetchingNextPage} onClick={() => void jobs.fetchNextPage()}>
          More
        </Button>
      )}
    </>
  );
}
