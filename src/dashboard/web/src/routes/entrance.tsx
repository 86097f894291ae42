/** Signing in and signing up: a session of the browser, whose cookie no script can read. */

import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { Button, Failure, Input } from "../components/ui";
import { api, setCsrfToken, unwrap } from "../lib/api/client";
import { field, fieldError, useForm } from "../lib/form";
import { forget } from "../lib/live";
import { sessionQuery } from "../lib/session";

/** Signs in and goes on to where the user wanted to be. */
function useEntering(to: string | undefined) {
  const queries = useQueryClient();
  const router = useRouter();
  return async (email: string, password: string, code: string) => {
    const body = { email, password, ...(code === "" ? {} : { totp_code: code }) };
    const session = await unwrap(api.POST("/api/v1/auth/browser/login", { body }));
    setCsrfToken(session.csrf_token);
    // What the one before, or a visitor, was shown is not this user's.
    queries.removeQueries({ predicate: (query) => !query.isActive() });
    await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
    forget();
    router.history.push(to ?? "/portfolios");
  };
}

export function SignIn() {
  const { to } = getRouteApi("/sign-in").useSearch();
  const enter = useEntering(to);
  const { error, isSending, submit } = useForm(async (fields) => {
    await enter(field(fields, "email"), String(fields.get("password")), field(fields, "code"));
  });
  return (
    <section className="mx-auto max-w-sm">
      <title>Sign in · Coinsphere</title>
      <h1 className="mb-4">Sign in</h1>
      <form onSubmit={submit} className="grid gap-4">
        <Input label="Email" name="email" type="email" autoComplete="username" required autoFocus />
        <Input label="Password" name="password" type="password" autoComplete="current-password" required />
        <Input
          label="Second-factor code"
          name="code"
          autoComplete="one-time-code"
          hint="Only if your account has a second factor; a recovery code does as well."
        />
        {error !== null && <Failure error={error} />}
        <Button kind="primary" type="submit" disabled={isSending}>
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
  const { error, isSending, submit } = useForm(async (fields) => {
    const [email, password] = [field(fields, "email"), String(fields.get("password"))];
    const [name, invitation] = [field(fields, "name"), field(fields, "invitation")];
    const body = {
      email,
      password,
      ...(name === "" ? {} : { display_name: name }),
      ...(invitation === "" ? {} : { invitation }),
    };
    await unwrap(api.POST("/api/v1/auth/register", { body }));
    await enter(email, password, "");
  });
  return (
    <section className="mx-auto max-w-sm">
      <title>Create an account · Coinsphere</title>
      <h1 className="mb-4">Create an account</h1>
      <form onSubmit={submit} className="grid gap-4">
        <Input label="Email" name="email" type="email" autoComplete="username" required autoFocus error={fieldError(error, "email")} />
        <Input
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={8}
          maxLength={128}
          hint="8 to 128 characters, and not one of the most common passwords."
          error={fieldError(error, "password")}
        />
        <Input label="Your name (optional)" name="name" autoComplete="name" maxLength={80} error={fieldError(error, "display_name")} />
        <Input
          label="Invitation (optional)"
          name="invitation"
          autoComplete="off"
          hint="If you were given one; the token that a new server prints makes you its admin."
          error={fieldError(error, "invitation")}
        />
        {error !== null && <Failure error={error} />}
        <Button kind="primary" type="submit" disabled={isSending}>
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
