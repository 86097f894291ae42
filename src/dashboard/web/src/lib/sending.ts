/** What a form needs: sending, what the server says about which field, and no second request while one is on its way. */

import { useState } from "react";
import { ApiError } from "./api/client";

export interface Sending {
  readonly isBusy: boolean;
  readonly error: Error | null;
  /** What the server says about a field, by its name. */
  field(name: string): string | undefined;
  /** Runs a request; returns whether it succeeded. */
  send(request: () => Promise<unknown>): Promise<boolean>;
}

export function useSending(): Sending {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  return {
    isBusy,
    error,
    field: (name) =>
      error instanceof ApiError ? error.fields.find((field) => field.field === name)?.detail : undefined,
    async send(request) {
      if (isBusy) return false;
      setBusy(true);
      setError(null);
      try {
        await request();
        return true;
      } catch (caught) {
        setError(caught instanceof Error ? caught : new Error("Something unexpected happened"));
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}

/** The texts of a form that was submitted. */
export function texts(form: HTMLFormElement): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") found[name] = value;
  return found;
}
