/** A part of a page with a heading of its own. */

import type { ReactNode } from "react";

export function Card({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="rounded-lg border border-line p-4">
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <h2>{title}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}

/** A figure under its name. */
export function Figure({ name, title, children }: { name: string; title?: string | undefined; children: ReactNode }) {
  return (
    <div title={title}>
      <dt className="text-xs text-muted">{name}</dt>
      <dd className="text-base font-medium tabular-nums">{children}</dd>
    </div>
  );
}
