/** The second factor: enrolled with a QR code, confirmed with a first code, removed with the password. */

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Card } from "../../components/Card";
import { Button, Failure, Input } from "../../components/ui";
import { api, change, type Schemas } from "../../lib/api/client";
import { texts, useSending } from "../../lib/sending";
import { sessionQuery, type User } from "../../lib/session";

function Codes({ codes, done }: { codes: readonly string[]; done: () => void }) {
  return (
    <div>
      <p className="mb-2">
        Keep these recovery codes somewhere safe. Each replaces a code once, and they are <strong>shown only now</strong>.
      </p>
      <ul className="mb-3 grid grid-cols-2 gap-1 rounded-md bg-panel p-3 font-mono">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="flex gap-2">
        <Button onClick={() => void navigator.clipboard.writeText(codes.join("\n"))}>Copy</Button>
        <Button kind="primary" onClick={done}>
          I have kept them
        </Button>
      </div>
    </div>
  );
}

export function TwoFactor({ user }: { user: User }) {
  const [enrolment, setEnrolment] = useState<Schemas["TotpEnrolment"] | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const queries = useQueryClient();
  const sending = useSending();

  const proof = (form: HTMLFormElement) => {
    const { password = "", totp_code } = texts(form);
    return { password, ...(totp_code ? { totp_code } : {}) };
  };
  const enrol = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = proof(event.currentTarget);
    void sending.send(async () => setEnrolment(await change(() => api.POST("/api/v1/auth/two-factor/enrol", { body }))));
  };
  const confirm = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { totp_code = "" } = texts(event.currentTarget);
    void sending.send(async () => {
      const answer = await change(() => api.POST("/api/v1/auth/two-factor/confirm", { body: { totp_code } }));
      setEnrolment(null);
      setCodes(answer.recovery_codes);
    });
  };
  const withFactor = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = proof(event.currentTarget);
    const submitter = (event.nativeEvent as SubmitEvent).submitter as HTMLButtonElement | null;
    void sending.send(async () => {
      if (submitter?.value === "remove") {
        await change(() => api.POST("/api/v1/auth/two-factor/remove", { body }));
        await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
        return;
      }
      setCodes((await change(() => api.POST("/api/v1/auth/two-factor/recovery-codes", { body }))).recovery_codes);
    });
  };
  const done = () => {
    setCodes(null);
    void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
  };

  let content = null;
  if (codes !== null) {
    content = <Codes codes={codes} done={done} />;
  } else if (enrolment !== null) {
    content = (
      <form onSubmit={confirm} className="grid max-w-sm gap-3">
        <p>Scan this with an authenticator application, then type the code that it shows.</p>
        <img
          alt="QR code of the secret"
          className="h-44 w-44 rounded bg-white p-2"
          src={`data:image/svg+xml,${encodeURIComponent(enrolment.qr_svg)}`}
        />
        <p className="text-xs text-muted">
          Or type the secret: <code className="break-all">{enrolment.secret}</code>
        </p>
        <Input label="Code" name="totp_code" inputMode="numeric" autoComplete="one-time-code" required />
        <div className="flex gap-2">
          <Button type="submit" kind="primary" disabled={sending.isBusy}>
            Switch on
          </Button>
          <Button onClick={() => setEnrolment(null)}>Cancel</Button>
        </div>
      </form>
    );
  } else if (user.two_factor) {
    content = (
      <form onSubmit={withFactor} className="grid max-w-sm gap-3">
        <p>
          <span className="text-good">● On.</span> Signing in asks for a code besides the password.
        </p>
        <Input label="Password" name="password" type="password" autoComplete="current-password" required />
        <Input label="Code" name="totp_code" inputMode="numeric" autoComplete="one-time-code" required />
        <div className="flex flex-wrap gap-2">
          <Button type="submit" value="codes" disabled={sending.isBusy}>
            New recovery codes
          </Button>
          <Button type="submit" value="remove" kind="danger" disabled={sending.isBusy}>
            Switch off
          </Button>
        </div>
      </form>
    );
  } else {
    content = (
      <form onSubmit={enrol} className="grid max-w-sm gap-3">
        <p>Off. With it, a stolen password alone opens nothing.</p>
        {user.email_verified ? (
          <>
            <Input label="Password" name="password" type="password" autoComplete="current-password" required />
            <div>
              <Button type="submit" kind="primary" disabled={sending.isBusy}>
                Set up
              </Button>
            </div>
          </>
        ) : (
          <p className="text-warn">Verify your email address first.</p>
        )}
      </form>
    );
  }
  return (
    <Card title="Two-factor authentication">
      {sending.error !== null && (
        <div className="mb-3">
          <Failure error={sending.error} />
        </div>
      )}
      {content}
    </Card>
  );
}
