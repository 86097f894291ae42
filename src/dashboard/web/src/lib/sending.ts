/** What a form needs: sending, what the server says about which field, and no second request while one is on its way. */

import { useRef, useState } from "react";
import { ApiError } from "./api/client";

export interface Sending {
  readonly isBusy: boolean;
  readonly error: Error | null;
  /** What the server says about a field, by its name. */
  field(name: string): string | undefined;
  /**
   * Runs a request; returns whether it succeeded. The key goes with what must not be done twice: it stays the same while the
   * same body is sent again, because its answer was lost.
   */
  send(request: (key: string) => Promise<unknown>, body?: unknown): Promise<boolean>;
}

export function useSending(): Sending {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const sent = useRef<{ text: string; key: string } | null>(null);
  return {
    isBusy,
    error,
    field: (name) => (error instanceof ApiError ? error.fields.find((field) => field.field === name)?.detail : undefined),
    async send(request, body) {
      if (isBusy) return false;
      const text = JSON.stringify(body) ?? "";
      if (sent.current === null || sent.current.text !== text) sent.current = { text, key: crypto.randomUUID() };
      setBusy(true);
      setError(null);
      try {
        await request(sent.current.key);
        sent.current = null;
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
