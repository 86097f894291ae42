/** Times in the browser's zone. */

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function time(at: number): string {
  return CLOCK.format(at);
}

/** Day and minute of an RFC 3339 time. */
export function moment(text: string | null | undefined): string {
  if (text === null || text === undefined) return "–";
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : FULL.format(at);
}
