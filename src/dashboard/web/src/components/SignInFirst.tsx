import { Link } from "@tanstack/react-router";
import { Empty } from "./ui";

/** Instead of what only users see. */
export function SignInFirst({ to, what }: { to: string; what: string }) {
  return (
    <Empty>
      <p>You need to be signed in to see {what}.</p>
      <p className="mt-2">
        <Link to="/sign-in" search={{ to }} className="font-medium text-accent">
          Sign in
        </Link>{" "}
        or{" "}
        <Link to="/sign-up" search={{ to }} className="font-medium text-accent">
          create an account
        </Link>
      </p>
    </Empty>
  );
}
