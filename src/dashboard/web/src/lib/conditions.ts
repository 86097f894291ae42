/** Conditions of alerts: the fields of each kind, a draft of them as a form has it, and their words. */

import { compare, format, isDecimal } from "./decimal";

export interface Condition {
  readonly kind: string;
  readonly [field: string]: unknown;
}

type Choices = readonly (readonly [value: string, words: string])[];

export type FieldSpec =
  | { readonly type: "instrument"; readonly name: "instrument" | "against"; readonly label: string }
  | { readonly type: "instruments"; readonly name: "instruments"; readonly label: string }
  | { readonly type: "parts"; readonly name: "of"; readonly label: string }
  | { readonly type: "choice"; readonly name: string; readonly label: string; readonly choices: Choices }
  | { readonly type: "decimal"; readonly name: string; readonly label: string; readonly usual?: string }
  | { readonly type: "count"; readonly name: string; readonly label: string; readonly usual: string; readonly least: number; readonly most: number };

export interface KindSpec {
  readonly name: string;
  readonly fields: readonly FieldSpec[];
}

const OPERATORS: Choices = [
  ["crosses_up", "rises to"],
  ["crosses_down", "falls to"],
  ["crosses", "crosses"],
  ["above", "is at or above"],
  ["below", "is at or below"],
];
const MOVES: Choices = [
  ["rises_by", "rises by"],
  ["falls_by", "falls by"],
  ["moves_by", "moves by"],
];
const TRAILS: Choices = [
  ["falls_by", "falls from its highest by"],
  ["rises_by", "rises from its lowest by"],
];
const CLOSES: Choices = [
  ["closes_above", "closes above"],
  ["closes_below", "closes below"],
];
const WEIGHTS: Choices = [
  ["simple", "simple"],
  ["exponential", "exponential"],
];
/** Figures that other parts of the program feed. */
const FIGURES: Readonly<Record<string, string>> = {
  value: "its value",
  day_change: "its change of today",
  drawdown: "its distance below its highest",
  weight: "its share",
  since_cost: "the distance of its price from its cost",
  expected_return: "the expected return",
  lower_bound: "the lower bound",
  upper_bound: "the upper bound",
};
/** What can happen to an account. */
const HAPPENINGS: Readonly<Record<string, string>> = {
  new_device: "somebody signs in to your account from a new device",
  new_key_address: "one of your API keys is used from a new address",
  new_key: "an API key is made in your account",
  credentials_changed: "your password or second factor is changed",
};
const SIDES: Choices = OPERATORS.filter(([value]) => value === "above" || value === "below");
const INTERVALS: Choices = ["1m", "5m", "15m", "1h", "4h", "1d"].map((one) => [one, one]);
const WINDOWS: Choices = ["1m", "5m", "15m", "30m", "1h", "4h", "12h", "24h", "7d", "30d"].map((one) => [one, one]);

const INSTRUMENT: FieldSpec = { type: "instrument", name: "instrument", label: "Instrument" };
const INTERVAL: FieldSpec = { type: "choice", name: "interval", label: "Candles of", choices: INTERVALS };
const OPERATOR: FieldSpec = { type: "choice", name: "operator", label: "When it", choices: OPERATORS };

function decimal(name: string, label: string, usual = ""): FieldSpec {
  return { type: "decimal", name, label, usual };
}

function count(name: string, label: string, usual: number, least: number, most: number): FieldSpec {
  return { type: "count", name, label, usual: String(usual), least, most };
}

function choice(name: string, label: string, choices: Choices): FieldSpec {
  return { type: "choice", name, label, choices };
}

export const KINDS: Readonly<Record<string, KindSpec>> = {
  price: { name: "Price", fields: [INSTRUMENT, OPERATOR, decimal("threshold", "Price")] },
  change: {
    name: "Change within a time",
    fields: [INSTRUMENT, choice("operator", "When it", MOVES), decimal("percent", "Percent"), choice("window", "Within", WINDOWS)],
  },
  average: {
    name: "Distance from an average",
    fields: [
      INSTRUMENT,
      INTERVAL,
      count("length", "Number of closes", 20, 2, 500),
      choice("weights", "Weights", WEIGHTS),
      choice("operator", "When the distance", OPERATORS),
      decimal("percent", "Percent of the average (0: the average itself)", "0"),
    ],
  },
  trailing: {
    name: "Distance from its highest or lowest",
    fields: [INSTRUMENT, choice("operator", "When it", TRAILS), decimal("percent", "Percent")],
  },
  volume: {
    name: "Unusual volume",
    fields: [INSTRUMENT, INTERVAL, count("length", "Compared with candles", 24, 2, 500), decimal("times", "Times their median")],
  },
  volatility: {
    name: "Unusual volatility",
    fields: [
      INSTRUMENT,
      INTERVAL,
      count("length", "Moves that are now", 12, 2, 250),
      count("usual", "Moves that are usual", 100, 3, 500),
      decimal("times", "Times the usual"),
    ],
  },
  candle: {
    name: "Closes of candles",
    fields: [INSTRUMENT, INTERVAL, choice("operator", "When it", CLOSES), decimal("threshold", "Price"), count("count", "Times in a row", 1, 1, 100)],
  },
  spread: {
    name: "Spread between two instruments",
    fields: [
      INSTRUMENT,
      { type: "instrument", name: "against", label: "Compared with" },
      choice("operator", "When the difference", OPERATORS),
      decimal("percent", "Percent of the other's price"),
      count("max_age_seconds", "Greatest age of a price, in seconds", 60, 1, 3600),
    ],
  },
  new_high: { name: "New high", fields: [INSTRUMENT, count("days", "Of days", 7, 1, 30)] },
  new_low: { name: "New low", fields: [INSTRUMENT, count("days", "Of days", 7, 1, 30)] },
  agreement: {
    name: "Several venues agree",
    fields: [
      { type: "instruments", name: "instruments", label: "Instruments (2 to 8)" },
      choice("operator", "When each", SIDES),
      decimal("threshold", "Price"),
    ],
  },
  gap: { name: "A gap in the trades", fields: [INSTRUMENT, count("seconds", "Of at least seconds", 0, 0, 86_400)] },
  stale: { name: "No trade for a while", fields: [INSTRUMENT, count("seconds", "For seconds", 60, 5, 86_400)] },
  all: { name: "All of several conditions", fields: [{ type: "parts", name: "of", label: "Conditions (2 to 8)" }] },
  any: { name: "Any of several conditions", fields: [{ type: "parts", name: "of", label: "Conditions (2 to 8)" }] },
};

/** Kinds that are true for a while, and so may be parts of another; composites only on the first level. */
export function kindsAt(level: number): string[] {
  const isPart = (kind: string) => level === 0 || !["gap", "stale", "trailing"].includes(kind);
  return Object.keys(KINDS).filter((kind) => isPart(kind) && (level < 2 || (kind !== "all" && kind !== "any")));
}

/** The choices of a field; crossings are over at once, so that no part of a condition may be one. */
export function choicesAt(spec: Extract<FieldSpec, { type: "choice" }>, level: number): Choices {
  return level === 0 || spec.choices !== OPERATORS ? spec.choices : SIDES;
}

/** A condition as a form has it: texts; instruments as `venue:symbol`. */
export interface Draft {
  readonly kind: string;
  readonly texts: Readonly<Record<string, string>>;
  readonly instruments: readonly string[];
  readonly parts: readonly Draft[];
}

interface Named {
  readonly venue: string;
  readonly symbol: string;
}

export function keyOf({ venue, symbol }: Named): string {
  return `${venue}:${symbol}`;
}

export function named(key: string): Named {
  const at = key.indexOf(":");
  return { venue: key.slice(0, at), symbol: key.slice(at + 1) };
}

/** A draft of this kind, with what `old` has of the same fields. */
export function draftOf(kind: string, level: number, old?: Draft): Draft {
  const texts: Record<string, string> = {};
  const spec = KINDS[kind];
  for (const field of spec?.fields ?? []) {
    const before = old?.texts[field.name];
    switch (field.type) {
      case "choice": {
        const choices = choicesAt(field, level);
        texts[field.name] = choices.find(([value]) => value === before)?.[0] ?? choices[0]?.[0] ?? "";
        break;
      }
      case "instrument":
        texts[field.name] = before ?? "";
        break;
      case "decimal":
      case "count":
        texts[field.name] = before ?? field.usual ?? "";
        break;
    }
  }
  const has = (type: FieldSpec["type"]) => spec?.fields.some((field) => field.type === type) === true;
  const first = old?.texts.instrument ?? old?.instruments[0] ?? "";
  return {
    kind,
    texts: has("instruments") || has("parts") ? { ...texts, instrument: first } : texts,
    instruments: has("instruments") ? (old?.instruments.length ? old.instruments : [first, ""]) : [],
    parts: has("parts")
      ? old?.parts.length
        ? old.parts
        : [draftOf("price", level + 1, old), draftOf("volume", level + 1, old)]
      : [],
  };
}

/** What the API takes of a draft. */
export function conditionOf(draft: Draft): Condition {
  const condition: Record<string, unknown> = {};
  for (const field of KINDS[draft.kind]?.fields ?? []) {
    const text = (draft.texts[field.name] ?? "").trim();
    switch (field.type) {
      case "instrument":
        if (field.name === "against") condition.against = named(text);
        else Object.assign(condition, named(text));
        break;
      case "instruments":
        condition.instruments = draft.instruments.map(named);
        break;
      case "parts":
        condition.of = draft.parts.map(conditionOf);
        break;
      case "count":
        condition[field.name] = Number(text);
        break;
      default:
        condition[field.name] = text;
    }
  }
  return { kind: draft.kind, ...condition };
}

/** Null for kinds that the form does not know. */
export function draftFrom(condition: Condition): Draft | null {
  const spec = KINDS[condition.kind];
  if (spec === undefined) return null;
  const texts: Record<string, string> = {};
  let instruments: readonly string[] = [];
  const parts: Draft[] = [];
  for (const field of spec.fields) {
    const value = condition[field.name];
    switch (field.type) {
      case "instrument": {
        const { venue, symbol } = (field.name === "against" ? value : condition) as unknown as Named;
        texts[field.name] = keyOf({ venue, symbol });
        break;
      }
      case "instruments":
        instruments = (value as Named[]).map(keyOf);
        break;
      case "parts":
        for (const part of value as Condition[]) {
          const draft = draftFrom(part);
          if (draft === null) return null;
          parts.push(draft);
        }
        break;
      default:
        texts[field.name] = value === undefined || value === null ? "" : String(value);
    }
  }
  return { kind: condition.kind, texts, instruments, parts };
}

/** Whether every field is filled in, so that the server can be asked about it. */
export function isFilled(draft: Draft): boolean {
  return (KINDS[draft.kind]?.fields ?? []).every((field) => {
    const text = (draft.texts[field.name] ?? "").trim();
    switch (field.type) {
      case "instruments":
        return draft.instruments.length >= 2 && draft.instruments.every((one) => one !== "");
      case "parts":
        return draft.parts.length >= 2 && draft.parts.every(isFilled);
      case "decimal":
        return isDecimal(text);
      case "count":
        return /^\d+$/.test(text);
      default:
        return text !== "";
    }
  });
}

/** The instruments that a condition is about, each once, as `venue:symbol`. */
export function instrumentsOf(condition: Condition): string[] {
  const found: string[] = [];
  if (typeof condition.venue === "string") found.push(keyOf(condition as unknown as Named));
  if (condition.against) found.push(keyOf(condition.against as Named));
  for (const one of (condition.instruments as Named[] | undefined) ?? []) found.push(keyOf(one));
  for (const part of (condition.of as Condition[] | undefined) ?? []) found.push(...instrumentsOf(part));
  return [...new Set(found)];
}

/** The prices of an instrument that a condition names: lines on its chart. */
export function pricesOf(condition: Condition, instrument: string): string[] {
  const isPrice = ["price", "candle", "agreement"].includes(condition.kind);
  const own = isPrice && typeof condition.threshold === "string" && instrumentsOf(condition).includes(instrument) ? [condition.threshold] : [];
  return [...own, ...((condition.of as Condition[] | undefined) ?? []).flatMap((part) => pricesOf(part, instrument))];
}

function wordOf(choices: Choices, value: unknown): string {
  return choices.find(([one]) => one === value)?.[1] ?? String(value);
}

function at(one: unknown): string {
  const { venue, symbol } = one as Named;
  return `${symbol} on ${venue}`;
}

/** A condition in words. */
export function wordsOf(condition: Condition): string {
  const { kind, operator, threshold, percent, interval, length, times } = condition;
  const number = (text: unknown) => format(String(text));
  switch (kind) {
    case "price":
      return `${at(condition)} ${wordOf(OPERATORS, operator)} ${number(threshold)}`;
    case "change":
      return `${at(condition)} ${wordOf(MOVES, operator)} ${number(percent)} % within ${condition.window}`;
    case "average": {
      const average = `${condition.weights ?? "simple"} average of ${length} ${interval} closes`;
      return compare(String(percent), "0") === 0
        ? `${at(condition)} ${wordOf(OPERATORS, operator)} its ${average}`
        : `${at(condition)}: the distance from its ${average} ${wordOf(OPERATORS, operator)} ${number(percent)} %`;
    }
    case "trailing":
      return `${at(condition)} ${wordOf(TRAILS, operator)} ${number(percent)} %`;
    case "volume":
      return `${at(condition)}: the volume of a ${interval} candle reaches ${number(times)} times the median of the ${length} before`;
    case "volatility":
      return `${at(condition)}: the volatility of ${length} ${interval} moves reaches ${number(times)} times that of ${condition.usual}`;
    case "candle": {
      const row = Number(condition.count ?? 1);
      const closes = wordOf(CLOSES, operator);
      return row === 1
        ? `${at(condition)}: a ${interval} candle ${closes} ${number(threshold)}`
        : `${at(condition)}: ${row} ${interval} candles ${closes.replace("closes", "close")} ${number(threshold)} in a row`;
    }
    case "spread":
      return `${at(condition)} over ${at(condition.against)}: the difference ${wordOf(OPERATORS, operator)} ${number(percent)} %`;
    case "new_high":
    case "new_low":
      return `${at(condition)} makes a new ${kind === "new_high" ? "high" : "low"} of ${condition.days === 1 ? "a day" : `${condition.days} days`}`;
    case "agreement":
      return `${(condition.instruments as Named[]).map(at).join(", ")}: each ${wordOf(OPERATORS, operator)} ${number(threshold)}`;
    case "gap":
      return `${at(condition)}: a gap in the trades${Number(condition.seconds) > 0 ? ` of at least ${condition.seconds} s` : ""} has ended`;
    case "stale":
      return `${at(condition)}: no trade for ${condition.seconds} s`;
    case "portfolio":
      return `portfolio ${condition.portfolio}: ${FIGURES[String(condition.figure)] ?? condition.figure} ${wordOf(OPERATORS, operator)} ${number(threshold)}${condition.figure === "value" ? "" : " %"}`;
    case "holding":
      return `${condition.asset} in portfolio ${condition.portfolio}: ${FIGURES[String(condition.figure)] ?? condition.figure} ${wordOf(OPERATORS, operator)} ${number(percent)} %`;
    case "forecast":
      return `${at(condition)}: ${FIGURES[String(condition.figure)] ?? condition.figure} of the ${interval} forecast ${wordOf(OPERATORS, operator)} ${number(percent)} %${condition.without_skill === true ? ", skill or not" : ""}`;
    case "health_factor":
      return `the health factor of ${condition.account} on ${condition.protocol} ${wordOf(OPERATORS, operator)} ${number(threshold)}`;
    case "connection":
      return `the exchange connection ${condition.connection} has not worked for ${condition.seconds} s`;
    case "listing":
      return `a new instrument is listed on ${condition.venue}${typeof condition.quote === "string" ? ` in ${condition.quote}` : ""}`;
    case "account":
      return HAPPENINGS[String(condition.event)] ?? `account: ${condition.event}`;
    case "signal":
      return `${condition.name} ${wordOf(OPERATORS, operator)} ${number(threshold)}`;
    case "all":
    case "any":
      return `${kind} of: ${(condition.of as Condition[]).map((part) => (part.of === undefined ? wordsOf(part) : `(${wordsOf(part)})`)).join("; ")}`;
    default:
      return kind;
  }
}
