/** Name and address, and whether the address is verified. */

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Button, Failure, Input } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { texts, useSending } from "../../lib/sending";
import { sessionQuery, type User } from "../../lib/session";

export function Profile({ user }: { user: User }) {
  const sending = useSending();
  const queries = useQueryClient();
  const [said, setSaid] = useState<string | null>(null);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { display_name = "" } = texts(event.currentTarget);
    void sending.send(async () => {
      await change(() => api.PATCH("/api/v1/auth/me", { body: { display_name } }));
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
      setSaid("Saved.");
    });
  };
  const again = () =>
    void sending.send(async () => {
      await change(() => api.POST("/api/v1/auth/resend-verification"));
      setSaid("An email with a link is on its way.");
    });
  return (
    <Card title="Profile">
      {sending.error !== null && <Failure error={sending.error} />}
      <p className="mb-3">
        {user.email}{" "}
        {user.email_verified ? (
          <span className="text-xs text-good">● verified</span>
        ) : (
          <span className="text-warn">
            ○ not verified yet: open the link in the email. <Button onClick={again}>Send it again</Button>
          </span>
        )}
      </p>
      <form onSubmit={submit} className="flex max-w-sm items-end gap-2">
        <div className="grow">
          <Input label="Display name" name="display_name" defaultValue={user.display_name ?? ""} error={sending.field("display_name")} />
        </div>
        <Button type="submit" disabled={sending.isBusy}>
          Save
        </Button>
      </form>
      <p role="status" className="mt-2 min-h-5 text-xs text-muted">
        {said}
      </p>
    </Card>
  );
}
