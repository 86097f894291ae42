/** Why is this number so? A figure followed down to lots, transactions and prices; its parts add up to it. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Dialog } from "../../components/Dialog";
import { useAmounts } from "../../components/Money";
import { Failure, Loading } from "../../components/ui";
import type { Schemas } from "../../lib/api/client";
import { formatPrice } from "../../lib/decimal";
import { explanationQuery } from "../../lib/portfolios";

type Step = Schemas["Explanation"];

function Line({ step }: { step: Step }) {
  const { exact } = useAmounts();
  const where = [step.date, step.asset, step.account].filter((one) => one && one !== step.name).join(" · ");
  return (
    <span className="flex flex-wrap items-baseline justify-between gap-x-4">
      <span>
        <span className="text-xs text-muted">{step.kind}</span> {step.name}
        {where !== "" && <span className="text-xs text-muted"> {where}</span>}
        {step.quantity && <span className="text-xs text-muted"> × {exact(step.quantity)}</span>}
      </span>
      <span className="tabular-nums">{step.kind === "price" ? formatPrice(step.amount) : exact(step.amount)}</span>
    </span>
  );
}

function Steps({ step, depth }: { step: Step; depth: number }) {
  const { exact } = useAmounts();
  const parts = step.parts as unknown as Step[];
  const notes = (
    <>
      {step.rule && <p className="text-xs text-muted">{step.rule}</p>}
      {step.note && <p className="text-xs text-warn">{step.note}</p>}
    </>
  );
  if (parts.length === 0) {
    return (
      <div className="border-t border-line py-1">
        <Line step={step} />
        {notes}
      </div>
    );
  }
  return (
    <details open={depth === 0} className="border-t border-line py-1">
      <summary className="cursor-pointer">
        <span className="inline-block w-[calc(100%-1.5rem)] align-top">
          <Line step={step} />
        </span>
      </summary>
      {notes}
      <div className="ml-3 border-l border-line pl-3">
        {parts.map((part, at) => (
          <Steps key={`${part.kind} ${part.name} ${at}`} step={part} depth={depth + 1} />
        ))}
        {step.left_out > 0 && (
          <p className="py-1 text-xs text-muted">
            and {step.left_out} smaller {step.left_out === 1 ? "part" : "parts"}
            {step.left_out_amount ? `, ${exact(step.left_out_amount)} in sum` : ""}
          </p>
        )}
      </div>
    </details>
  );
}

function Content({ id, figure }: { id: string; figure: string }) {
  const explanation = useQuery(explanationQuery(id, figure));
  if (explanation.isError) return <Failure error={explanation.error} retry={() => void explanation.refetch()} />;
  if (explanation.data === undefined) return <Loading what="what it is made of" />;
  return <Steps step={explanation.data} depth={0} />;
}

/** A small button beside a figure that opens what it is made of. */
export function Explain({ id, figure, name }: { id: string; figure: string; name: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        onClick={() => setOpen(true)}
        aria-label={`Explain: ${name}`}
        title="What is it made of?"
        className="ml-1 inline-grid h-[24px] min-h-0 w-[24px] cursor-pointer place-items-center rounded-full border border-line align-middle text-xs text-muted hover:text-text"
      >
        ?
      </button>
      <Dialog title={name} isOpen={isOpen} close={() => setOpen(false)} isWide>
        <Content id={id} figure={figure} />
      </Dialog>
    </>
  );
}
