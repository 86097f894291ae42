/** Signing in and signing up: a session of the browser, whose cookie no script can read. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { Button, Failure, Input } from "../components/ui";
import { api, unwrap } from "../lib/api/client";
import { texts, useSending } from "../lib/sending";
import { useEntered } from "../lib/session";

/** Signs in and goes on to where the user wanted to be. */
function useEntering(to: string | undefined) {
  const entered = useEntered();
  return async (email: string, password: string, code: string) => {
    const body = { email, password, ...(code === "" ? {} : { totp_code: code }) };
    const session = await unwrap(api.POST("/api/v1/auth/browser/login", { body }));
    await entered(session.csrf_token, to ?? "/overview");
  };
}

/** A way in by an identity provider, if the server has one. */
function Provider({ to }: { to: string | undefined }) {
  const provider = useQuery({
    queryKey: ["identity-provider"],
    queryFn: () => unwrap(api.GET("/api/v1/auth/oidc")),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  }).data;
  if (provider === undefined) return null;
  return (
    <p className="mb-4">
      <a href={`/api/v1/auth/oidc/login?${new URLSearchParams({ return_to: to ?? "/overview" })}`} className="block rounded-md border border-line bg-panel px-3 py-2 text-center font-medium">
        {provider.label}
      </a>
    </p>
  );
}

export function SignIn() {
  const { to } = getRouteApi("/sign-in").useSearch();
  const enter = useEntering(to);
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { email = "", password = "", code = "" } = texts(event.currentTarget);
    void sending.send(() => enter(email.trim(), password, code.trim()));
  };
  return (
    <section className="mx-auto max-w-sm">
      <title>Sign in · Coinsphere</title>
      <h1 className="mb-4">Sign in</h1>
      <Provider to={to} />
      <form onSubmit={submit} className="grid gap-4">
        <Input label="Email" name="email" type="email" autoComplete="username" required autoFocus />
        <Input label="Password" name="password" type="password" autoComplete="current-password" required />
        <Input
          label="Second-factor code"
          name="code"
          autoComplete="one-time-code"
          hint="Only if your account has a second factor; a recovery code does as well."
        />
        {sending.error !== null && <Failure error={sending.error} />}
        <Button kind="primary" type="submit" disabled={sending.isBusy}>
          Sign in
        </Button>
      </form>
      <p className="mt-4 text-muted">
        No account yet?{" "}
        <Link to="/sign-up" search={{ to }} className="text-accent">
          Create one
        </Link>{" "}
        ·{" "}
        <Link to="/forgotten-password" className="text-accent">
          Forgotten your password?
        </Link>
      </p>
    </section>
  );
}

export function SignUp() {
  const { to } = getRouteApi("/sign-up").useSearch();
  const enter = useEntering(to);
  const sending = useSending();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { email = "", password = "", name = "", invitation = "" } = texts(event.currentTarget);
    const body = {
      email: email.trim(),
      password,
      ...(name.trim() === "" ? {} : { display_name: name.trim() }),
      ...(invitation.trim() === "" ? {} : { invitation: invitation.trim() }),
    };
    void sending.send(async () => {
      await unwrap(api.POST("/api/v1/auth/register", { body }));
      await enter(body.email, password, "");
    });
  };
  return (
    <section className="mx-auto max-w-sm">
      <title>Create an account · Coinsphere</title>
      <h1 className="mb-4">Create an account</h1>
      <Provider to={to} />
      <form onSubmit={submit} className="grid gap-4">
        <Input label="Email" name="email" type="email" autoComplete="username" required autoFocus error={sending.field("email")} />
        <Input
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={8}
          maxLength={128}
          hint="8 to 128 characters, and not one of the most common passwords."
          error={sending.field("password")}
        />
        <Input label="Your name (optional)" name="name" autoComplete="name" maxLength={80} error={sending.field("display_name")} />
        <Input
          label="Invitation (optional)"
          name="invitation"
          autoComplete="off"
          hint="If you were given one; the token that a new server prints makes you its admin."
          error={sending.field("invitation")}
        />
        {sending.error !== null && <Failure error={sending.error} />}
        <Button kind="primary" type="submit" disabled={sending.isBusy}>
          Create the account
        </Button>
      </form>
      <p className="mt-4 text-muted">
        You have an account?{" "}
        <Link to="/sign-in" search={{ to }} className="text-accent">
          Sign in
        </Link>
      </p>
    </section>
  );
}
