/** The fields of a condition, and of the conditions in it. */

import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { Button, Input, Select } from "../../components/ui";
import { choicesAt, type Draft, draftOf, type FieldSpec, KINDS, keyOf, kindsAt, named } from "../../lib/conditions";
import { instrumentsQuery } from "../../lib/market";

function InstrumentField({ label, value, error, change }: { label: string; value: string; error: string | undefined; change: (value: string) => void }) {
  const id = useId();
  const instruments = useQuery(instrumentsQuery).data ?? [];
  const all = instruments.map(keyOf);
  // One that is not followed any more stays what it is.
  const keys = value === "" || all.includes(value) ? all : [value, ...all];
  const venues = [...new Set(keys.map((key) => named(key).venue))];
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <select
        id={id}
        required
        value={value}
        onChange={(event) => change(event.target.value)}
        aria-invalid={error !== undefined}
        className="min-h-8 w-full rounded-md border border-line bg-page px-2 py-1"
      >
        <option value="">Choose one</option>
        {venues.map((venue) => (
          <optgroup key={venue} label={venue}>
            {keys
              .filter((key) => named(key).venue === venue)
              .map((key) => (
                <option key={key} value={key}>
                  {named(key).symbol} · {venue}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
      {error !== undefined && <p className="mt-1 text-xs text-bad">{error}</p>}
    </div>
  );
}

export function ConditionEditor({
  draft,
  change,
  error,
  path = "condition",
  level = 0,
}: {
  draft: Draft;
  change: (draft: Draft) => void;
  /** What the server says about a field, by its path. */
  error: (path: string) => string | undefined;
  path?: string;
  level?: number;
}) {
  const set = (name: string, value: string) => change({ ...draft, texts: { ...draft.texts, [name]: value } });
  const field = (spec: FieldSpec) => {
    const value = draft.texts[spec.name] ?? "";
    const said = error(`${path}.${spec.name}`);
    switch (spec.type) {
      case "instrument": {
        const inside = spec.name === "against" ? `${path}.against` : path;
        const wrong = said ?? error(`${inside}.venue`) ?? error(`${inside}.symbol`);
        return <InstrumentField key={spec.name} label={spec.label} value={value} error={wrong} change={(text) => set(spec.name, text)} />;
      }
      case "choice":
        return (
          <Select key={spec.name} label={spec.label} value={value} onChange={(event) => set(spec.name, event.target.value)}>
            {choicesAt(spec, level).map(([one, words]) => (
              <option key={one} value={one}>
                {words}
              </option>
            ))}
          </Select>
        );
      case "decimal":
      case "count":
        return (
          <Input
            key={spec.name}
            label={spec.label}
            value={value}
            inputMode={spec.type === "decimal" ? "decimal" : "numeric"}
            autoComplete="off"
            required
            error={said}
            onChange={(event) => set(spec.name, event.target.value)}
          />
        );
      case "instruments":
        return (
          <fieldset key={spec.name} className="grid gap-2 sm:col-span-2">
            <legend className="mb-1 font-medium">{spec.label}</legend>
            {draft.instruments.map((one, at) => (
              // Places in a list that is edited: their order is all that they are.
              <div key={at} className="flex items-end gap-2">
                <div className="min-w-0 grow">
                  <InstrumentField
                    label={`Instrument ${at + 1}`}
                    value={one}
                    error={error(`${path}.instruments[${at}]`)}
                    change={(text) => change({ ...draft, instruments: draft.instruments.with(at, text) })}
                  />
                </div>
                {draft.instruments.length > 2 && (
                  <Button aria-label={`Remove instrument ${at + 1}`} onClick={() => change({ ...draft, instruments: draft.instruments.toSpliced(at, 1) })}>
                    ✕
                  </Button>
                )}
              </div>
            ))}
            {said !== undefined && <p className="text-xs text-bad">{said}</p>}
            {draft.instruments.length < 8 && (
              <div>
                <Button onClick={() => change({ ...draft, instruments: [...draft.instruments, ""] })}>Another instrument</Button>
              </div>
            )}
          </fieldset>
        );
      case "parts":
        return (
          <div key={spec.name} className="grid gap-3 sm:col-span-2">
            {draft.parts.map((part, at) => (
              <fieldset key={at} className="rounded-md border border-line p-3">
                <legend className="px-1 text-muted">
                  {draft.kind === "all" ? "All" : "Any"} of: {at + 1}
                </legend>
                <ConditionEditor
                  draft={part}
                  level={level + 1}
                  path={`${path}.of[${at}]`}
                  error={error}
                  change={(next) => change({ ...draft, parts: draft.parts.with(at, next) })}
                />
                {error(`${path}.of[${at}]`) !== undefined && <p className="mt-1 text-xs text-bad">{error(`${path}.of[${at}]`)}</p>}
                {draft.parts.length > 2 && (
                  <div className="mt-3">
                    <Button aria-label={`Remove condition ${at + 1}`} onClick={() => change({ ...draft, parts: draft.parts.toSpliced(at, 1) })}>
                      Remove
                    </Button>
                  </div>
                )}
              </fieldset>
            ))}
            {said !== undefined && <p className="text-xs text-bad">{said}</p>}
            {draft.parts.length < 8 && (
              <div>
                <Button onClick={() => change({ ...draft, parts: [...draft.parts, draftOf("price", level + 1, draft)] })}>Another condition</Button>
              </div>
            )}
          </div>
        );
    }
  };
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <div className="sm:col-span-2">
        <Select label="Kind" value={draft.kind} onChange={(event) => change(draftOf(event.target.value, level, draft))}>
          {kindsAt(level).map((kind) => (
            <option key={kind} value={kind}>
              {KINDS[kind]?.name}
            </option>
          ))}
        </Select>
      </div>
      {(KINDS[draft.kind]?.fields ?? []).map(field)}
    </div>
  );
}
