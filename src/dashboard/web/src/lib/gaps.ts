/** Gaps: times in which trades are missing, and what becomes of them. */

import type { Schemas } from "./api/client";
import { moment } from "./time";

/** The reason of a gap in words. */
export function reasonOf(reason: string): string {
  return reason.replaceAll("_", " ");
}

/** Gaps as a chart shades them; one that goes on ends now. */
export function shadesOf(gaps: readonly Pick<Schemas["Gap"], "from" | "to" | "reason">[], now: number) {
  const seconds = (text: string) => Math.floor(Date.parse(text) / 1000);
  return gaps.map(({ from, to, reason }) => ({
    from: seconds(from),
    to: to == null ? Math.floor(now / 1000) : seconds(to),
    reason: reasonOf(reason),
  }));
}

/** What is being done about a gap. */
export function repairOf(gap: Schemas["CoverageGap"]): string {
  if (gap.to == null) return "goes on";
  const tried = gap.attempts === 0 ? "" : ` after ${gap.attempts === 1 ? "one attempt" : `${gap.attempts} attempts`}`;
  if (gap.next_attempt_at != null) return `repair is due ${moment(gap.next_attempt_at)}${tried}`;
  return gap.attempts === 0 ? "no repair is planned" : `not repaired${tried}`;
}
