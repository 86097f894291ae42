/** Says that the server has a newer page than this one; it is loaded when the person says so, never under their hands. */

import { useCallback, useEffect, useRef, useState } from "react";
import { useResumed } from "../lib/live";
import { Button } from "./ui";

/** The tag of the page that the server has now; null if it cannot be asked. */
async function tag(): Promise<string | null> {
  const answer = await fetch("/", { method: "HEAD", cache: "no-store", headers: { accept: "text/html" } }).catch(() => null);
  return answer?.ok ? answer.headers.get("etag") : null;
}

export function NewVersion() {
  const loaded = useRef<string | null>(null);
  const [isNew, setNew] = useState(false);
  const look = useCallback(async () => {
    const now = await tag();
    if (now === null) return;
    if (loaded.current !== null && now !== loaded.current) setNew(true);
    loaded.current ??= now;
  }, []);
  // A server that was replaced has closed the stream.
  useResumed(useCallback(() => void look(), [look]));
  useEffect(() => {
    const timer = setTimeout(() => void look(), 3000);
    // A part of this page is not there any more.
    const missing = () => setNew(true);
    addEventListener("vite:preloadError", missing);
    return () => {
      clearTimeout(timer);
      removeEventListener("vite:preloadError", missing);
    };
  }, [look]);
  return (
    <div role="status" aria-label="Version">
      {isNew && (
        <p className="mb-4 flex flex-wrap items-center gap-3 rounded-md border border-accent p-3">
          A new version of this page is ready.
          <Button kind="primary" onClick={() => location.reload()}>
            Load it
          </Button>
        </p>
      )}
    </div>
  );
}
