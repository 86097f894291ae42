/** A new password: it ends all other sessions. */

import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Button, Failure, Input } from "../../components/ui";
import { api, change, setCsrfToken } from "../../lib/api/client";
import { texts, useSending } from "../../lib/sending";
import { stream } from "../../lib/live";
import type { User } from "../../lib/session";

export function Password({ user }: { user: User }) {
  const sending = useSending();
  const [isChanged, setChanged] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { current_password = "", new_password = "", totp_code } = texts(form);
    const body = { current_password, new_password, ...(totp_code ? { totp_code } : {}) };
    void sending.send(async () => {
      const session = await change(() => api.POST("/api/v1/auth/password", { body }));
      if ("csrf_token" in session) setCsrfToken(session.csrf_token);
      stream.restart();
      form.reset();
      setChanged(true);
    });
  };
  return (
    <Card title="Password">
      <form onSubmit={submit} className="grid max-w-sm gap-3">
        {sending.error !== null && <Failure error={sending.error} />}
        {isChanged && (
          <p role="status" className="text-good">
            The password is changed. All other sessions have ended.
          </p>
        )}
        <input type="hidden" name="username" autoComplete="username" value={user.email} readOnly />
        <Input label="Current password" name="current_password" type="password" autoComplete="current-password" required error={sending.field("current_password")} />
        <Input label="New password" name="new_password" type="password" autoComplete="new-password" required error={sending.field("new_password")} />
        {user.two_factor && <Input label="Code" name="totp_code" inputMode="numeric" autoComplete="one-time-code" required />}
        <div>
          <Button type="submit" kind="primary" disabled={sending.isBusy}>
            Change the password
          </Button>
        </div>
      </form>
    </Card>
  );
}
