/** The second factor of somebody whom an identity provider has sent back: it is asked for on whatever page that is. */

import { type FormEvent, useState } from "react";
import { api, unwrap } from "../lib/api/client";
import { texts, useSending } from "../lib/sending";
import { useEntered } from "../lib/session";
import { Dialog } from "./Dialog";
import { Button, Failure, Input } from "./ui";

/** As the page was opened: what is done with its address since does not matter. */
const WAS_ASKED = new URLSearchParams(location.search).get("sign_in") === "second-factor-required";

export function SecondFactor() {
  const [isAsked, setAsked] = useState(WAS_ASKED);
  const entered = useEntered();
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { totp_code = "" } = texts(event.currentTarget);
    void sending.send(async () => {
      const { csrf_token } = await unwrap(api.POST("/api/v1/auth/oidc/second-factor", { body: { totp_code: totp_code.trim() } }));
      setAsked(false);
      await entered(csrf_token, location.pathname);
    });
  };
  return (
    <Dialog title="Second factor" isOpen={isAsked} close={() => setAsked(false)}>
      <form onSubmit={submit} className="grid gap-3">
        <p>Your account asks for a code besides the identity provider; a recovery code does as well. There are five minutes for it.</p>
        <Input label="Second-factor code" name="totp_code" inputMode="numeric" autoComplete="one-time-code" required autoFocus error={sending.field("totp_code")} />
        {sending.error !== null && <Failure error={sending.error} />}
        <div>
          <Button type="submit" kind="primary" disabled={sending.isBusy}>
            Sign in
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
