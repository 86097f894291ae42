/** Where to? Every page, token and portfolio by a few letters of its name: Ctrl K, ⌘ K or / opens it. */

import { Dialog as Base } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Fragment, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { find, type Place } from "../lib/find";
import { SHORTCUTS, useKeys } from "../lib/keys";
import { tokensQuery } from "../lib/market";
import { portfoliosQuery } from "../lib/portfolios";
import { turnAmounts, turnDensity, usePreferences } from "../lib/preferences";
import { useUser } from "../lib/session";
import { Dialog } from "./Dialog";

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

function Search({ close }: { close: () => void }) {
  const id = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const user = useUser();
  const tokens = useQuery(tokensQuery).data ?? [];
  const portfolios = useQuery({ ...portfoliosQuery, enabled: user?.email_verified === true }).data?.data ?? [];
  const { amounts, density } = usePreferences();
  const places: Place[] = [
    ...PAGES,
    { name: amounts === "hidden" ? "Show amounts" : "Hide amounts", kind: "action", run: turnAmounts },
    { name: density === "compact" ? "Comfortable density" : "Compact density", kind: "action", run: turnDensity },
    ...portfolios.map(({ id, name }) => ({ name, kind: "portfolio", to: `/portfolios/${id}` })),
    ...tokens.map(({ id, name, symbol }) => ({ name, kind: symbol, to: `/tokens/${id}` })),
  ];
  const found = find(places, text).slice(0, 10);
  const go = (place: Place | undefined) => {
    if (place === undefined) return;
    close();
    place.run?.();
    if (place.to !== undefined) void navigate({ to: place.to });
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
        placeholder="Go to a page, token or portfolio, or do something"
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
            key={place.to ?? place.name}
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

const PLACES: Readonly<Record<string, string>> = { o: "/overview", m: "/", p: "/portfolios", a: "/alerts", n: "/notifications", f: "/forecasts", d: "/data", s: "/settings" };

export function Palette() {
  const [isOpen, setOpen] = useState(false);
  const [isHelping, setHelping] = useState(false);
  const navigate = useNavigate();
  const isGoing = useRef(false);
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      setOpen((open) => !open);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  useKeys((key, event) => {
    const to = isGoing.current ? PLACES[key] : undefined;
    isGoing.current = key === "g";
    if (to !== undefined) {
      event.preventDefault();
      void navigate({ to });
    } else if (key === "/") {
      event.preventDefault();
      setOpen(true);
    } else if (key === "?") {
      setHelping(true);
    } else if (key === "h") {
      turnAmounts();
    } else if (key === "D") {
      turnDensity();
    }
  });
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
      <Dialog title="Keys" isOpen={isHelping} close={() => setHelping(false)}>
        <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1">
          {SHORTCUTS.map(([keys, words]) => (
            <Fragment key={keys}>
              <dt>
                <kbd className="rounded border border-line bg-panel px-1.5 text-xs">{keys}</kbd>
              </dt>
              <dd>{words}</dd>
            </Fragment>
          ))}
        </dl>
        <p className="mt-3 text-xs text-muted">Single keys can be switched off in the settings.</p>
      </Dialog>
    </>
  );
}
