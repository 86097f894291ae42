/** Asked before what cannot be undone. */

import type { ReactNode } from "react";
import { useState } from "react";
import type { Sending } from "../lib/sending";
import { Dialog } from "./Dialog";
import { Button, Failure, Input } from "./ui";

export function Confirm({
  title,
  yes = "Delete for good",
  typed,
  isOpen,
  sending,
  run,
  close,
  children,
}: {
  title: string;
  /** What the button says that does it. */
  yes?: string;
  /** A text that has to be typed first, for what hurts most. */
  typed?: string;
  isOpen: boolean;
  sending: Sending;
  run: () => void;
  close: () => void;
  children: ReactNode;
}) {
  const [text, setText] = useState("");
  return (
    <Dialog title={title} isOpen={isOpen} close={close}>
      <div className="mb-3">{children}</div>
      {sending.error !== null && <Failure error={sending.error} />}
      {typed !== undefined && <Input label={`Type ${typed} to delete it`} value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" />}
      <div className="mt-3 flex gap-2">
        <Button kind="danger" disabled={sending.isBusy || (typed !== undefined && text !== typed)} onClick={run}>
          {yes}
        </Button>
        <Button onClick={close}>Keep it</Button>
      </div>
    </Dialog>
  );
}
