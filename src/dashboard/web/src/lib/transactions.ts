/** Transactions of a portfolio: their kinds, and which fields each has. */

import type { Schemas } from "./api/client";

export type Transaction = Schemas["Transaction"];
export type Stored = Schemas["StoredTransaction"];

interface KindSpec {
  readonly legs: readonly ("sent" | "received")[];
  readonly extra: readonly ("to_account" | "basis" | "acquired")[];
}

function of(...legs: KindSpec["legs"]): KindSpec {
  return { legs, extra: [] };
}

const BROUGHT: KindSpec = { legs: ["received"], extra: ["basis", "acquired"] };

export const KINDS = {
  buy: of("sent", "received"),
  sell: of("sent", "received"),
  swap: of("sent", "received"),
  deposit: BROUGHT,
  withdrawal: of("sent"),
  transfer: { legs: ["sent"], extra: ["to_account"] },
  staking: of("received"),
  interest: of("received"),
  mining: of("received"),
  airdrop: of("received"),
  reward: of("received"),
  fork: of("received"),
  gift_in: BROUGHT,
  gift_out: of("sent"),
  spend: of("sent"),
  loss: of("sent"),
  fee: of("sent"),
  opening: BROUGHT,
  migration: of("sent", "received"),
} as const satisfies Record<string, KindSpec>;

export type Kind = keyof typeof KINDS;

export function kindWords(kind: string): string {
  return kind.replaceAll("_", " ");
}

/** What the API takes of a transaction that it gave: without the number and the import that are its place. */
export function withoutPlace(stored: Stored): Transaction {
  const { number: _number, import: _import, ...rest } = stored;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)) as unknown as Transaction;
}
