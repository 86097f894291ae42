import { describe, expect, it } from "vitest";
import { find } from "./find";

const PLACES = [
  { name: "Overview", kind: "page", to: "/overview" },
  { name: "Bitcoin Cash", kind: "BCH", to: "/tokens/bitcoin-cash" },
  { name: "Bitcoin", kind: "BTC", to: "/tokens/bitcoin" },
  { name: "Ethereum", kind: "ETH", to: "/tokens/ethereum" },
];

describe("finding", () => {
  it.each([
    ["btc", ["Bitcoin", "Bitcoin Cash"]],
    ["bit", ["Bitcoin Cash", "Bitcoin"]],
    ["cash", ["Bitcoin Cash"]],
    ["eth", ["Ethereum"]],
    ["ovw", ["Overview"]],
    ["xyz", []],
    ["", ["Overview", "Bitcoin Cash", "Bitcoin", "Ethereum"]],
  ])("%s gives %j", (text, names) => {
    expect(find(PLACES, text).map(({ name }) => name)).toEqual(names);
  });
});
