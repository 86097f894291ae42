import { describe, expect, it } from "vitest";
import { mixOf, totalOf, weightsIn } from "./mix";

describe("a mix", () => {
  it("is exact, and whole or nothing", () => {
    const thirds = [
      { asset: "bitcoin", percent: "33.33" },
      { asset: " ethereum ", percent: "33.34" },
      { asset: "USD", percent: "33.33" },
    ];
    expect(mixOf(thirds)).toBe("bitcoin:0.3333,ethereum:0.3334,USD:0.3333");
    expect(mixOf([{ asset: "bitcoin", percent: "100" }])).toBe("bitcoin:1.00");
    expect(totalOf(thirds.slice(0, 2))).toBe("66.67");
    expect(mixOf(thirds.slice(0, 2))).toBeNull();
    expect(mixOf([...thirds, { asset: "", percent: "0" }])).toBeNull();
    expect(mixOf([{ asset: "a", percent: "150" }, { asset: "b", percent: "-50" }])).toBeNull();
    expect(mixOf([{ asset: "a:1,b", percent: "100" }])).toBeNull();
    expect(mixOf([])).toBeNull();
  });

  it("is read from what was kept, if that is one", () => {
    const weights = [{ asset: "bitcoin", percent: "60" }];
    expect(weightsIn(JSON.stringify(weights))).toEqual(weights);
    for (const kept of [null, "", "{}", "[null, 1]", '[{"asset": 1, "percent": "2"}]']) expect(weightsIn(kept)).toEqual([]);
  });
});
