/** Where the link of an email leads that verifies an address. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Failure, Loading } from "../components/ui";
import { api, unwrap } from "../lib/api/client";
import { sessionQuery } from "../lib/session";

export function VerifyEmail() {
  const { token } = getRouteApi("/verify-email/$token").useParams();
  const queries = useQueryClient();
  const verified = useQuery({
    queryKey: ["verify-email", token],
    queryFn: async () => {
      const answer = await unwrap(api.GET("/api/v1/auth/verify-email/{token}", { params: { path: { token } } }));
      // An answer about the user that is on its way may be from before.
      await queries.cancelQueries({ queryKey: sessionQuery.queryKey });
      await queries.refetchQueries({ queryKey: sessionQuery.queryKey });
      return answer;
    },
    // The code can be used once.
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <section className="mx-auto max-w-md">
      <title>Verify your address · Coinsphere</title>
      <h1 className="mb-4">Verify your address</h1>
      {verified.isPending && <Loading what="the answer" />}
      {verified.isError && (
        <>
          <Failure error={verified.error} />
          <p className="mt-3">
            A link works once. Another can be sent from <Link to="/settings" className="text-accent">your settings</Link>.
          </p>
        </>
      )}
      {verified.data !== undefined && (
        <p role="status">
          {verified.data.email} is verified. Now you can begin a{" "}
          <Link to="/portfolios" className="font-medium text-accent">
            portfolio
          </Link>{" "}
          or an{" "}
          <Link to="/alerts/new" className="font-medium text-accent">
            alert
          </Link>
          .
        </p>
      )}
    </section>
  );
}
