/** Parts of a page, or ways to look at it, one of which is shown; each has an address of its own. */

import { Link, type LinkProps } from "@tanstack/react-router";

export function Tabs<T extends string>({ label, tabs, chosen, to }: { label: string; tabs: readonly (readonly [value: T, words: string])[]; chosen: T; to: (tab: T) => LinkProps }) {
  return (
    <nav aria-label={label} className="flex flex-wrap gap-1">
      {tabs.map(([one, words]) => (
        <Link
          key={one}
          {...to(one)}
          activeOptions={{ exact: true }}
          aria-current={one === chosen ? "page" : undefined}
          className={`rounded-md border px-2 py-1 ${one === chosen ? "border-accent font-medium" : "border-line text-muted"}`}
        >
          {words}
        </Link>
      ))}
    </nav>
  );
}
