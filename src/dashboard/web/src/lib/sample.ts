/** Sample transactions for who wants to look around first: they end today, whenever that is. */

import type { Transaction } from "./transactions";

const DAY = 86_400_000;

/** The day so many days before, at ten. */
function ago(now: number, days: number): string {
  return `${new Date(now - days * DAY).toISOString().slice(0, 10)}T10:00:00Z`;
}

export const SAMPLE_NAME = "Sample";

export function sampleTransactions(now: number): Transaction[] {
  const usd = (quantity: string) => ({ asset: "USD", quantity });
  const of = (asset: string, quantity: string) => ({ asset, quantity });
  return [
    { id: "sample-1", time: ago(now, 400), kind: "deposit", account: "exchange", received: usd("12000") },
    { id: "sample-2", time: ago(now, 399), kind: "buy", account: "exchange", sent: usd("5000"), received: of("bitcoin", "0.08"), fees: [usd("5")] },
    { id: "sample-3", time: ago(now, 300), kind: "buy", account: "exchange", sent: usd("3000"), received: of("ethereum", "1.2"), fees: [usd("3")] },
    { id: "sample-4", time: ago(now, 200), kind: "buy", account: "exchange", sent: usd("1500"), received: of("solana", "10"), fees: [usd("1.5")] },
    { id: "sample-5", time: ago(now, 120), kind: "staking", account: "exchange", received: of("solana", "0.21"), value: "33.60", note: "A reward: income at its value" },
    { id: "sample-6", time: ago(now, 60), kind: "sell", account: "exchange", sent: of("bitcoin", "0.02"), received: usd("1900"), fees: [usd("1.9")] },
    { id: "sample-7", time: ago(now, 20), kind: "transfer", account: "exchange", to_account: "wallet", sent: of("bitcoin", "0.05"), fees: [of("bitcoin", "0.0001")] },
  ];
}
