/** A dialog over the page: focus stays inside, Escape closes it, and returns to where it was. */

import { Dialog as Base } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { Button } from "./ui";

export function Dialog({
  title,
  isOpen,
  close,
  isWide = false,
  children,
}: {
  title: string;
  isOpen: boolean;
  close: () => void;
  isWide?: boolean;
  children: ReactNode;
}) {
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => !open && close()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 bg-black/50" />
        <Base.Popup
          className={`fixed inset-x-0 bottom-0 mx-auto max-h-[90vh] w-full overflow-y-auto rounded-t-xl border border-line bg-page p-5 shadow-xl sm:inset-x-4 sm:top-[8vh] sm:bottom-auto sm:w-auto sm:rounded-xl ${isWide ? "sm:max-w-4xl" : "sm:max-w-lg"}`}
        >
          <div className="mb-4 flex items-start justify-between gap-4">
            <Base.Title className="text-base font-semibold">{title}</Base.Title>
            <Base.Close render={<Button aria-label="Close">✕</Button>} />
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
