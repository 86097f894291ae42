import { Change } from "../../components/ui";
import { MISSING, ratioPercent } from "../../lib/decimal";

/** A ratio in per cent, or a dash with the reason in the title. */
export function Ratio({ value, reason }: { value: string | null | undefined; reason?: string | null | undefined }) {
  if (value === null || value === undefined) return <span title={reason ?? "not known"}>{MISSING}</span>;
  return <Change value={ratioPercent(value)} unit=" %" />;
}
