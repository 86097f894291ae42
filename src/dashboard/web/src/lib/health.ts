/** The state of the server's parts. */

import { queryOptions } from "@tanstack/react-query";
import { ApiError, api, type Schemas } from "./api/client";

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: async (): Promise<Schemas["Readiness"]> => {
    const answer = await api.GET("/health").catch(() => {
      throw new ApiError(0, { detail: "check the connection, then try again" }, null);
    });
    // A server that is not ready says so by its status, and why in the same body.
    const body = (answer.data ?? answer.error) as Schemas["Readiness"] | undefined;
    if (body === undefined || typeof body.services !== "object") {
      throw new ApiError(answer.response.status, {}, answer.response.headers.get("x-request-id"));
    }
    return body;
  },
  refetchInterval: 5_000,
});
