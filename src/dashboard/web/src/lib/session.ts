/** Who is signed in: the cookie is out of reach of scripts, so the server is asked. */

import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { ApiError, api, type Schemas, setCsrfToken, unwrap } from "./api/client";
import { forget } from "./live";

export type User = Schemas["User"];

async function ask(): Promise<User | null> {
  try {
    const user = await unwrap(api.GET("/api/v1/auth/me"));
    setCsrfToken((await unwrap(api.GET("/api/v1/auth/csrf"))).csrf_token);
    return user;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      setCsrfToken(null);
      return null;
    }
    throw error;
  }
}

export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: ask, staleTime: 5 * 60_000 });

/** The user, null for a visitor, undefined until that is known. */
export function useUser(): User | null | undefined {
  return useQuery(sessionQuery).data;
}

/** Begins with the session that an answer has brought, and goes on to a page. */
export function useEntered(): (csrfToken: string, to: string) => Promise<void> {
  const queries = useQueryClient();
  const router = useRouter();
  return async (csrfToken, to) => {
    setCsrfToken(csrfToken);
    // What the one before, or a visitor, was shown is not this user's.
    queries.removeQueries({ predicate: (query) => !query.isActive() });
    await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
    forget();
    router.history.push(to);
  };
}

/** Goes on as a visitor once the session has ended. */
export function useLeft(): () => Promise<void> {
  const queries = useQueryClient();
  const router = useRouter();
  return async () => {
    setCsrfToken(null);
    // Set, not cleared: what is on the page looks at it.
    queries.setQueryData(sessionQuery.queryKey, null);
    forget();
    await router.navigate({ to: "/" });
    // What this user was shown is nobody else's.
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== sessionQuery.queryKey[0] && !query.isActive() });
  };
}
