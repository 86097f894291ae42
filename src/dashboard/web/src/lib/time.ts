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

/** An instant as a field for local time has it, to the minute; empty for none. */
export function local(text: string | null | undefined): string {
  return localSeconds(text).slice(0, 16);
}

/** The same to the second. */
export function localSeconds(text: string | null | undefined): string {
  if (text == null) return "";
  const at = new Date(text);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
