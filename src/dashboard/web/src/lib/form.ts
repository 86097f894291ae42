/** Forms: sent once, their problems kept beside the fields that they are of. */

import { type FormEvent, useRef, useState } from "react";
import { ApiError } from "./api/client";

export interface Form {
  readonly error: unknown;
  readonly isSending: boolean;
  readonly submit: (event: FormEvent<HTMLFormElement>) => Promise<void>;
}

export function useForm(send: (fields: FormData, key: string) => Promise<void>): Form {
  const [error, setError] = useState<unknown>(null);
  const [isSending, setSending] = useState(false);
  // The same form sent again, because its answer was lost, is not carried out again.
  const sent = useRef<{ text: string; key: string } | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const fields = new FormData(element);
    const text = JSON.stringify([...fields]);
    if (sent.current?.text !== text) sent.current = { text, key: crypto.randomUUID() };
    setSending(true);
    setError(null);
    try {
      await send(fields, sent.current.key);
      sent.current = null;
      element.reset();
    } catch (problem) {
      setError(problem);
    } finally {
      setSending(false);
    }
  };
  return { error, isSending, submit };
}

/** The text of a field, without spaces around it. */
export function field(fields: FormData, name: string): string {
  return String(fields.get(name) ?? "").trim();
}

/** What the server says is wrong with a field. */
export function fieldError(error: unknown, name: string): string | undefined {
  return error instanceof ApiError ? error.fields.find((one) => one.field === name)?.detail : undefined;
}
