/** How pages look and what keys do, in this browser. */

import { Card } from "../../components/Card";
import { Change, Select } from "../../components/ui";
import { type Preferences, prefer, usePreferences } from "../../lib/preferences";

export function Looks() {
  const now = usePreferences();
  const field = <N extends keyof Preferences>(name: N, label: string, choices: readonly (readonly [Preferences[N], string])[]) => (
    <Select label={label} value={now[name]} onChange={(event) => prefer(name, event.target.value as Preferences[N])}>
      {choices.map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </Select>
  );
  return (
    <Card title="Looks">
      <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
        {field("density", "Density", [
          ["comfortable", "comfortable"],
          ["compact", "compact"],
        ])}
        {field("amounts", "Amounts", [
          ["shown", "shown"],
          ["hidden", "hidden everywhere"],
        ])}
        <div>
          {field("palette", "Gain and loss", [
            ["teal", "teal and red"],
            ["blue", "blue and orange"],
            ["reversed", "red and teal (red is up)"],
          ])}
          <p className="mt-1 flex gap-3 text-xs">
            <Change value="1.20" unit=" %" /> <Change value="-0.80" unit=" %" />
          </p>
        </div>
        {field("keys", "Single keys", [
          ["on", "are shortcuts (? lists them)"],
          ["off", "do nothing"],
        ])}
      </div>
      <p className="mt-2 text-xs text-muted">Kept in this browser.</p>
    </Card>
  );
}
