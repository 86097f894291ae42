/** Invitations to register, where a server is not open to everybody. */

import { type FormEvent, useState } from "react";
import { Secret } from "../../components/Secret";
import { Button, Failure, Input, Select } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { texts, useSending } from "../../lib/sending";

export function Invitations() {
  const sending = useSending();
  const [token, setToken] = useState<string | null>(null);
  const invite = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { email = "", role = "user", days = "7" } = texts(form);
    const body = { role, days: Number(days), ...(email.trim() === "" ? {} : { email: email.trim() }) };
    void sending.send(async (key) => {
      setToken((await change(() => api.POST("/api/v1/auth/invitations", { body, params: { header: { "Idempotency-Key": key } } }))).invitation);
      form.reset();
    }, body);
  };
  return (
    <details className="mb-3">
      <summary className="cursor-pointer text-accent">Invite somebody</summary>
      <form onSubmit={invite} className="mt-2 flex flex-wrap items-end gap-3">
        <Input label="Only for this address (optional)" name="email" type="email" autoComplete="off" error={sending.field("email")} />
        <Select label="Role" name="role" defaultValue="user">
          <option value="user">user</option>
          <option value="admin">admin</option>
        </Select>
        <Select label="Ends" name="days" defaultValue="7">
          <option value="1">in a day</option>
          <option value="7">in a week</option>
          <option value="30">in 30 days</option>
        </Select>
        <Button type="submit" disabled={sending.isBusy}>
          Make an invitation
        </Button>
      </form>
      {sending.error !== null && <Failure error={sending.error} />}
      <Secret title="The invitation, shown only now" secret={token} close={() => setToken(null)}>
        It is typed in where an account is created, and works once.
      </Secret>
    </details>
  );
}
