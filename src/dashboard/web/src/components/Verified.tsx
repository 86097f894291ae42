/** For pages of a user with a verified address: signs in others first. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { sessionQuery, type User } from "../lib/session";
import { SignInFirst } from "./SignInFirst";
import { Failure, Loading } from "./ui";
import { Unverified } from "./Unverified";

export function Verified({ to, what, children }: { to: string; what: string; children: (user: User) => ReactNode }) {
  const session = useQuery(sessionQuery);
  if (session.isError) return <Failure error={session.error} retry={() => void session.refetch()} />;
  if (session.data === undefined) return <Loading what={what} />;
  if (session.data === null) return <SignInFirst to={to} what={what} />;
  if (!session.data.email_verified) return <Unverified email={session.data.email} what={what} />;
  return children(session.data);
}
