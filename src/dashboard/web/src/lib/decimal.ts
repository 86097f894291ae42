/**
 * Decimals as the API sends them: texts, calculated with whole numbers of any length, never through a
 * float. Only the chart's pixels come from floats.
 */

interface Decimal {
  /** The number without its point. */
  readonly units: bigint;
  /** How many digits stand behind the point. */
  readonly scale: number;
}

const SHAPE = /^(-?)(\d+)(?:\.(\d+))?$/;
const MINUS = "\u2212";

/** What is shown where there is no number. */
export const MISSING = "–";

function parse(text: string): Decimal | null {
  const found = SHAPE.exec(text);
  if (found === null) return null;
  const fraction = found[3] ?? "";
  const units = BigInt(`${found[2]}${fraction}`);
  return { units: found[1] === "-" ? -units : units, scale: fraction.length };
}

function aligned(a: Decimal, b: Decimal): [bigint, bigint] {
  const scale = Math.max(a.scale, b.scale);
  const lift = (one: Decimal) => one.units * 10n ** BigInt(scale - one.scale);
  return [lift(a), lift(b)];
}

/** The quotient as a whole number, half away from zero. */
function divide(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n !== divisor < 0n;
  const magnitude = (n: bigint) => (n < 0n ? -n : n);
  const rounded = (2n * magnitude(dividend) + magnitude(divisor)) / (2n * magnitude(divisor));
  return isNegative ? -rounded : rounded;
}

function write({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale);
  return `${units < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Whether a text is a decimal as the API takes it. */
export function isDecimal(text: string): boolean {
  return parse(text) !== null;
}

/** Below zero, zero or above zero, as `a` is below, equal to or above `b`. */
export function compare(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (left === null || right === null) return 0;
  const [x, y] = aligned(left, right);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** -1, 0 or 1. */
export function sign(text: string): number {
  return compare(text, "0");
}

/** The decimal with this many digits behind the point, half away from zero. */
export function round(text: string, decimals: number): string {
  const value = parse(text);
  if (value === null) return text;
  if (value.scale <= decimals) {
    const units = value.units * 10n ** BigInt(decimals - value.scale);
    return write({ units, scale: decimals });
  }
  const units = divide(value.units, 10n ** BigInt(value.scale - decimals));
  return write({ units, scale: decimals });
}

/** How far it is from `from` to `to`, in per cent with two decimals; null where that has no meaning. */
export function changePercent(from: string, to: string): string | null {
  const [a, b] = [parse(from), parse(to)];
  if (a === null || b === null || a.units === 0n) return null;
  const [x, y] = aligned(a, b);
  return write({ units: divide((y - x) * 10_000n, x), scale: 2 });
}

/** A ratio (0.0123) in per cent with two decimals (1.23). */
export function ratioPercent(ratio: string): string | null {
  const value = parse(ratio);
  if (value === null) return null;
  return round(write({ units: value.units * 100n, scale: value.scale }), 2);
}

/** Per cent (62.5) as a ratio (0.625), with every digit; null if it is no decimal. */
export function percentRatio(percent: string): string | null {
  const value = parse(percent);
  return value === null ? null : write({ units: value.units, scale: value.scale + 2 });
}

/** The sum, with every digit. */
export function sum(texts: readonly string[]): string {
  const values = texts.map(parse).filter((value) => value !== null);
  const scale = values.reduce((most, value) => Math.max(most, value.scale), 0);
  const units = values.reduce((all, value) => all + value.units * 10n ** BigInt(scale - value.scale), 0n);
  return write({ units, scale });
}

/** The decimal so many steps away, where a step is one of its last digit. */
export function step(text: string, steps: number): string {
  const value = parse(text);
  return value === null ? text : write({ units: value.units + BigInt(steps), scale: value.scale });
}

/** For people: digits in groups of three, a real minus, every digit that there is. */
export function format(text: string | null | undefined): string {
  if (text === null || text === undefined) return MISSING;
  const found = SHAPE.exec(text);
  if (found === null) return text;
  const whole = (found[2] ?? "").replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = found[3] === undefined ? "" : `.${found[3]}`;
  return `${found[1] === "-" ? MINUS : ""}${whole}${fraction}`;
}

/** Money in the currency it is counted in: two decimals. The exact text belongs into the title. */
export function formatMoney(text: string | null | undefined): string {
  return text === null || text === undefined ? MISSING : format(round(text, 2));
}

/** With a sign even above zero, so that colour is not all that says which way. */
export function formatSigned(text: string | null | undefined): string {
  if (text === null || text === undefined) return MISSING;
  return sign(text) > 0 ? `+${format(text)}` : format(text);
}

/** A price: every digit, and at least two decimals from one on, so that a column of changes does not jump. */
export function formatPrice(text: string | null | undefined): string {
  if (text === null || text === undefined) return MISSING;
  const value = parse(text);
  if (value === null) return text;
  const isLarge = compare(text, "1") >= 0 || compare(text, "-1") <= 0;
  return format(value.scale < 2 && isLarge ? round(text, 2) : text);
}
