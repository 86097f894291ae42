/** All that is kept of the account: taken along, or deleted with it. */

import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Dialog } from "../../components/Dialog";
import { Button, Download, Failure, Input } from "../../components/ui";
import { api, change } from "../../lib/api/client";
import { texts, useSending } from "../../lib/sending";
import { type User, useLeft } from "../../lib/session";

/** Hands a file to the browser. */
function save(name: string, data: unknown): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

export function Data({ user }: { user: User }) {
  const [isDeleting, setDeleting] = useState(false);
  const sending = useSending();
  const left = useLeft();
  const remove = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { password = "", totp_code } = texts(event.currentTarget);
    const body = { password, ...(totp_code ? { totp_code: totp_code.trim() } : {}) };
    void sending.send(async () => {
      save("coinsphere-account.json", await change(() => api.POST("/api/v1/auth/me/delete", { body })));
      await left();
    });
  };
  return (
    <Card title="Your data">
      <div className="flex flex-wrap items-center gap-3">
        <Download href="/api/v1/auth/me/export" download="coinsphere-account.json">
          Export everything
        </Download>
        <Button kind="danger" onClick={() => setDeleting(true)}>
          Delete the account…
        </Button>
      </div>
      <Dialog title="Delete your account?" isOpen={isDeleting} close={() => setDeleting(false)}>
        <form onSubmit={remove} className="grid gap-3">
          <p>Portfolios, alerts, channels and keys go with it, and nothing brings them back. What was deleted is handed to you as a file, this once.</p>
          <Input label="Password" name="password" type="password" autoComplete="current-password" required error={sending.field("password")} />
          {user.two_factor && <Input label="Code" name="totp_code" inputMode="numeric" autoComplete="one-time-code" required error={sending.field("totp_code")} />}
          {sending.error !== null && <Failure error={sending.error} />}
          <div className="flex gap-2">
            <Button type="submit" kind="danger" disabled={sending.isBusy}>
              Delete for good
            </Button>
            <Button onClick={() => setDeleting(false)}>Keep it</Button>
          </div>
        </form>
      </Dialog>
    </Card>
  );
}
