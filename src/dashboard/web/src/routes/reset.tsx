/** A password that was forgotten: a code comes by email, and sets a new one. */

import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Button, Failure, Input } from "../components/ui";
import { api, unwrap } from "../lib/api/client";
import { texts, useSending } from "../lib/sending";

export function Reset() {
  const [step, setStep] = useState<"ask" | "code" | "done">("ask");
  const sending = useSending();
  const ask = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { email = "" } = texts(event.currentTarget);
    void sending.send(async () => {
      await unwrap(api.POST("/api/v1/auth/password-reset", { body: { email: email.trim() } }));
      setStep("code");
    });
  };
  const confirm = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { token = "", password = "", totp_code } = texts(event.currentTarget);
    const body = { token: token.trim(), password, ...(totp_code ? { totp_code } : {}) };
    void sending.send(async () => {
      await unwrap(api.POST("/api/v1/auth/password-reset/confirm", { body }));
      setStep("done");
    });
  };
  return (
    <section className="mx-auto max-w-sm">
      <title>Forgotten password · Coinsphere</title>
      <h1 className="mb-4">Forgotten password</h1>
      {sending.error !== null && (
        <div className="mb-4">
          <Failure error={sending.error} />
        </div>
      )}
      {step === "ask" && (
        <form onSubmit={ask} className="grid gap-4">
          <Input label="Email" name="email" type="email" autoComplete="username" required autoFocus error={sending.field("email")} />
          <Button kind="primary" type="submit" disabled={sending.isBusy}>
            Send me a code
          </Button>
          <Button onClick={() => setStep("code")}>I have a code</Button>
        </form>
      )}
      {step === "code" && (
        <form onSubmit={confirm} className="grid gap-4">
          <p role="status">If there is such an account, a code is on its way. It can be used once, within an hour.</p>
          <Input label="Code from the email" name="token" autoComplete="off" required autoFocus error={sending.field("token")} />
          <Input
            label="New password"
            name="password"
            type="password"
            autoComplete="new-password"
            minLength={8}
            maxLength={128}
            required
            error={sending.field("password")}
          />
          <Input label="Second-factor code" name="totp_code" autoComplete="one-time-code" hint="Only if your account has a second factor." />
          <Button kind="primary" type="submit" disabled={sending.isBusy}>
            Set the password
          </Button>
        </form>
      )}
      {step === "done" && (
        <p role="status">
          The password is set, and all sessions have ended.{" "}
          <Link to="/sign-in" className="font-medium text-accent">
            Sign in
          </Link>
        </p>
      )}
    </section>
  );
}
