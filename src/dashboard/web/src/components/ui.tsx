/** The few parts that every page is made of. */

import type { AnchorHTMLAttributes, ButtonHTMLAttributes, InputHTMLAttributes, ReactNode, SelectHTMLAttributes } from "react";
import { useId } from "react";
import { ApiError } from "../lib/api/client";
import { format, formatSigned, MISSING, sign } from "../lib/decimal";

export function Button({
  kind = "plain",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "plain" | "primary" | "danger" }) {
  const looks = {
    plain: "border-line bg-panel",
    primary: "border-accent bg-accent text-on-accent",
    danger: "border-line text-bad",
  }[kind];
  const common = "min-h-8 cursor-pointer rounded-md border px-3 py-1 font-medium whitespace-nowrap disabled:cursor-default disabled:opacity-50";
  return <button type="button" className={`${common} ${looks}`} {...rest} />;
}

/** A file of the API, as a button. */
export function Download({ children, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement>) {
  return (
    <a className="rounded-md border border-line bg-panel px-3 py-1 font-medium whitespace-nowrap" {...rest}>
      {children}
    </a>
  );
}

const FIELD = "min-h-8 w-full rounded-md border border-line bg-page px-2 py-1";

export function Input({
  label,
  error,
  hint,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { label: string; error?: string | undefined; hint?: string }) {
  const id = useId();
  const said = error ?? hint;
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <input
        id={id}
        className={FIELD}
        aria-invalid={error !== undefined}
        aria-describedby={said === undefined ? undefined : `${id}-said`}
        {...rest}
      />
      {said !== undefined && (
        <p id={`${id}-said`} className={`mt-1 text-xs ${error === undefined ? "text-muted" : "text-bad"}`}>
          {said}
        </p>
      )}
    </div>
  );
}

export function Select({
  label,
  children,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & { label: string; children: ReactNode }) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <select id={id} className={FIELD} {...rest}>
        {children}
      </select>
    </div>
  );
}

/** What happened, and a way on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const text = error instanceof Error ? error.message : "Something unexpected happened";
  const id = error instanceof ApiError ? error.requestId : null;
  const fields = error instanceof ApiError ? error.fields : [];
  return (
    <div role="alert" className="rounded-md border border-bad p-4">
      <p>{text}</p>
      {fields.map(({ field, detail }) => (
        <p key={field} className="text-xs">
          {field}: {detail}
        </p>
      ))}
      {id !== null && <p className="mt-1 text-xs text-muted">Request {id}</p>}
      {retry !== undefined && (
        <div className="mt-3">
          <Button onClick={retry}>Try again</Button>
        </div>
      )}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p role="status" className="p-4 text-muted">
      Loading {what}…
    </p>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="rounded-md border border-line p-6 text-center text-muted">{children}</div>;
}

/** A change: sign, arrow, then colour. The exact text is the title. */
export function Change({ value, unit = "", exact }: { value: string | null | undefined; unit?: string; exact?: string | null | undefined }) {
  if (value === null || value === undefined) return <span title="not known">{MISSING}</span>;
  const way = sign(value);
  const colour = way > 0 ? "text-up" : way < 0 ? "text-down" : "text-muted";
  return (
    <span className={`whitespace-nowrap ${colour}`} title={exact ? format(exact) : undefined}>
      {formatSigned(value)}
      {unit}
      <span aria-hidden="true"> {way > 0 ? "▲" : way < 0 ? "▼" : "="}</span>
    </span>
  );
}
