/** Who am I here, and who else could be? */

import { Failure, Loading } from "../components/ui";
import { SignInFirst } from "../components/SignInFirst";
import { ApiKeys } from "../features/settings/ApiKeys";
import { Data } from "../features/settings/Data";
import { Looks } from "../features/settings/Looks";
import { Password } from "../features/settings/Password";
import { Profile } from "../features/settings/Profile";
import { Sessions } from "../features/settings/Sessions";
import { TwoFactor } from "../features/settings/TwoFactor";
import { sessionQuery } from "../lib/session";
import { useQuery } from "@tanstack/react-query";

export function Settings() {
  const session = useQuery(sessionQuery);
  if (session.isError) return <Failure error={session.error} retry={() => void session.refetch()} />;
  if (session.data === undefined) return <Loading what="your account" />;
  if (session.data === null) return <SignInFirst to="/settings" what="your settings" />;
  const user = session.data;
  return (
    <>
      <title>Settings · Coinsphere</title>
      <h1 className="mb-4">Settings</h1>
      <div className="grid grid-cols-1 items-start gap-4 md:grid-cols-2">
        <Profile user={user} />
        <Password user={user} />
        <TwoFactor user={user} />
        <Looks />
        <Data user={user} />
        <ApiKeys isVerified={user.email_verified} />
        <div className="md:col-span-2">
          <Sessions />
        </div>
      </div>
    </>
  );
}
