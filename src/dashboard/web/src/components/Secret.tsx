/** A secret that is shown once. */

import type { ReactNode } from "react";
import { useState } from "react";
import { Dialog } from "./Dialog";
import { Button } from "./ui";

export function Secret({ title, secret, close, children }: { title: string; secret: string | null; close: () => void; children: ReactNode }) {
  const [copied, setCopied] = useState<string | null>(null);
  const copy = () => {
    if (secret === null) return;
    navigator.clipboard.writeText(secret).then(
      () => setCopied("Copied."),
      () => setCopied("This browser does not let it be copied: select it by hand."),
    );
  };
  const leave = () => {
    setCopied(null);
    close();
  };
  return (
    <Dialog title={title} isOpen={secret !== null} close={leave}>
      <div className="mb-2">{children}</div>
      <code className="block rounded-md bg-panel p-3 break-all select-all">{secret}</code>
      <div className="mt-3 flex items-center gap-3">
        <Button kind="primary" onClick={copy}>
          Copy
        </Button>
        <span role="status" className="text-xs text-muted">
          {copied}
        </span>
      </div>
    </Dialog>
  );
}
