/** The API, typed by its own description; errors are thrown as the problems that they are. */

import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** An answer that says what is wrong, or the lack of any answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly fields: readonly Schemas["FieldError"][];
  readonly requestId: string | null;

  constructor(status: number, problem: Partial<Schemas["Problem"]>, requestId: string | null) {
    const title = problem.title ?? "The server could not be reached";
    super(problem.detail ? `${title}: ${problem.detail}` : title);
    this.status = status;
    this.type = problem.type ?? "";
    this.fields = problem.errors ?? [];
    this.requestId = requestId;
  }
}

let csrfToken: string | null = null;

/** The token that goes with everything that changes something; signing in and loading the page bring one. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

const SAFE = new Set(["GET", "HEAD"]);

const csrf: Middleware = {
  onRequest({ request }) {
    if (csrfToken !== null && !SAFE.has(request.method)) request.headers.set("x-csrf-token", csrfToken);
    return request;
  },
  onResponse({ response }) {
    const renewed = response.headers.get("x-csrf-token");
    if (renewed !== null) csrfToken = renewed;
  },
};

export const api = createClient<paths>({ baseUrl: "/" });
api.use(csrf);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What an answer has in it as JSON: files, such as CSV, are texts, and are asked for by links. */
type Body<T> = Exclude<T, string>;

/** The answer's body, or the problem as an error. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<Body<T>> {
  const answer = await asked.catch(() => {
    throw new ApiError(0, { detail: "check the connection, then try again" }, null);
  });
  if (answer.response.ok) return answer.data as Body<T>;
  const problem = typeof answer.error === "object" && answer.error !== null ? answer.error : {};
  throw new ApiError(
    answer.response.status,
    { title: `The server answered ${answer.response.status}`, ...problem },
    answer.response.headers.get("x-request-id"),
  );
}

/** Asks; where the CSRF token had become stale, once more with a new one. */
export async function change<T>(ask: () => Promise<Answer<T>>): Promise<Body<T>> {
  try {
    return await unwrap(ask());
  } catch (error) {
    if (!(error instanceof ApiError) || error.type !== "/problems/csrf") throw error;
    const renewed = await unwrap(api.GET("/api/v1/auth/csrf"));
    setCsrfToken(renewed.csrf_token);
    return unwrap(ask());
  }
}
