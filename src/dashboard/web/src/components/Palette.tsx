/** Where to? Every page, token and portfolio by a few letters of its name: Ctrl K, ⌘ K or / opens it. */

import { Dialog as Base } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useState } from "react";
import { find, type Place } from "../lib/find";
import { tokensQuery } from "../lib/market";
import { portfoliosQuery } from "../lib/portfolios";
import { useUser } from "../lib/session";

const PAGES: readonly Place[] = [
  { name: "Overview", kind: "page", to: "/overview" },
  { name: "Market", kind: "page", to: "/" },
  { name: "Portfolios", kind: "page", to: "/portfolios" },
  { name: "Alerts", kind: "page", to: "/alerts" },
  { name: "New alert", kind: "action", to: "/alerts/new" },
  { name: "Notifications", kind: "page", to: "/notifications" },
  { name: "Forecasts", kind: "page", to: "/forecasts" },
  { name: "Data quality", kind: "page", to: "/data" },
  { name: "Settings", kind: "page", to: "/settings" },
];

/** A key typed into a field is text, not a shortcut. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function Search({ close }: { close: () => void }) {
  const id = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const user = useUser();
  const tokens = useQuery(tokensQuery).data ?? [];
  const portfolios = useQuery({ ...portfoliosQuery, enabled: user?.email_verified === true }).data?.data ?? [];
  const places: Place[] = [
    ...PAGES,
    ...portfolios.map(({ id, name }) => ({ name, kind: "portfolio", to: `/portfolios/${id}` })),
    ...tokens.map(({ id, name, symbol }) => ({ name, kind: symbol, to: `/tokens/${id}` })),
  ];
  const found = find(places, text).slice(0, 10);
  const go = (place: Place | undefined) => {
    if (place === undefined) return;
    close();
    void navigate({ to: place.to });
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : found.length - 1;
      setAt((now) => (found.length === 0 ? 0 : (now + step) % found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(found[at]);
    }
  };
  return (
    <>
      <input
        role="combobox"
        aria-label="Go to a page, token or portfolio"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={found.length > 0 ? `${id}-${at}` : undefined}
        autoComplete="off"
        autoFocus
        placeholder="Go to a page, token or portfolio"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={key}
        className="w-full rounded-md border border-line bg-page px-3 py-2"
      />
      <div id={id} role="listbox" aria-label="Places" className="mt-2">
        {found.map((place, index) => (
          // The keyboard is handled by the field, which keeps the focus.
          <div
            key={place.to}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => go(place)}
            onMouseMove={() => setAt(index)}
            className={`flex cursor-pointer justify-between rounded-md px-3 py-1.5 ${index === at ? "bg-panel" : ""}`}
          >
            <span>{place.name}</span>
            <span className="text-xs text-muted">{place.kind}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p role="status" className="p-3 text-muted">
          Nothing is called “{text}”.
        </p>
      )}
    </>
  );
}

export function Palette() {
  const [isOpen, setOpen] = useState(false);
  const navigate = useNavigate();
  useEffect(() => {
    let isGoing = false;
    const pressed = (event: globalThis.KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen((open) => !open);
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const to = { o: "/overview", m: "/", p: "/portfolios", a: "/alerts", n: "/notifications", f: "/forecasts", d: "/data", s: "/settings" }[event.key];
      if (isGoing && to !== undefined) {
        event.preventDefault();
        void navigate({ to });
      }
      isGoing = event.key === "g";
      if (event.key === "/") {
        event.preventDefault();
        setOpen(true);
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [navigate]);
  return (
    <>
      <button
        type="button"
        onClick={() => setOpen(true)}
        className="min-h-8 cursor-pointer rounded-md border border-line bg-panel px-3 py-1 text-muted"
        aria-keyshortcuts="Control+K Meta+K /"
      >
        Search <kbd className="ml-1 hidden text-xs sm:inline">/</kbd>
      </button>
      <Base.Root open={isOpen} onOpenChange={setOpen}>
        <Base.Portal>
          <Base.Backdrop className="fixed inset-0 bg-black/50" />
          <Base.Popup
            aria-label="Search"
            className="fixed inset-x-4 top-[12vh] mx-auto max-h-[76vh] max-w-lg overflow-y-auto rounded-xl border border-line bg-page p-3 shadow-xl"
          >
            <Search close={() => setOpen(false)} />
          </Base.Popup>
        </Base.Portal>
      </Base.Root>
    </>
  );
}
