/** Steps of escalation: who else hears of an event that nobody has acknowledged in time. */

import { Button, Input } from "../../components/ui";
import { ChannelChecks } from "./ChannelChoice";

/** A step as a form has it. */
export interface Step {
  readonly minutes: string;
  readonly channels: readonly string[];
}

/** The most steps that the server takes. */
const MOST = 5;

export function Escalation({ steps, change, error }: { steps: readonly Step[]; change: (steps: readonly Step[]) => void; error: string | undefined }) {
  const last = Number(steps.at(-1)?.minutes ?? 0);
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 font-medium">Unless it is acknowledged</legend>
      {steps.map((step, at) => (
        // Places in a list that is edited: their order is all that they are.
        <div key={at} className="grid gap-2 rounded-md border border-line p-3">
          <div className="flex items-end gap-2">
            <div className="grow">
              <Input
                label={`After minutes (step ${at + 1})`}
                inputMode="numeric"
                pattern="[1-9]\d*"
                title="A whole number of minutes, each step after the one before"
                required
                autoComplete="off"
                value={step.minutes}
                onChange={(event) => change(steps.with(at, { ...step, minutes: event.target.value }))}
              />
            </div>
            <Button aria-label={`Remove step ${at + 1}`} onClick={() => change(steps.toSpliced(at, 1))}>
              ✕
            </Button>
          </div>
          <ChannelChecks chosen={step.channels} choose={(channels) => change(steps.with(at, { ...step, channels }))} />
        </div>
      ))}
      {error !== undefined && <p className="text-xs text-bad">{error}</p>}
      {steps.length < MOST && (
        <div>
          <Button onClick={() => change([...steps, { minutes: String(last === 0 ? 5 : last * 2), channels: [] }])}>
            {steps.length === 0 ? "Send it elsewhere after a while" : "Another step"}
          </Button>
        </div>
      )}
    </fieldset>
  );
}
