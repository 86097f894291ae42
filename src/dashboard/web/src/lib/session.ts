/** Who is signed in: the cookie is out of reach of scripts, so the server is asked. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import { ApiError, api, type Schemas, setCsrfToken, unwrap } from "./api/client";

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
