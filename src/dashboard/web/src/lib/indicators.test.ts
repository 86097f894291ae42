import { describe, expect, it } from "vitest";
import { average, bands, chosen, convergence, exponential, strength, trueRange, volumeWeighted } from "./indicators";

function near(values: readonly (number | null)[]): (number | null)[] {
  return values.map((value) => (value === null ? null : Math.round(value * 1e4) / 1e4));
}

describe("indicators", () => {
  it("are means of as many values as they say, and begin again after a gap", () => {
    expect(average([1, 2, 3, 4, null, 6, 8, 10], 3)).toEqual([null, null, 2, 3, null, null, null, 8]);
    expect(exponential([1, 2, 3, 7, null, 5, 5], 3)).toEqual([null, null, 2, 4.5, null, null, null]);
    const { middle, upper, lower } = bands([2, 4, 4, 4, 5, 5, 7, 9], 8, 2);
    expect([middle.at(-1), upper.at(-1), lower.at(-1)]).toEqual([5, 9, 1]);
    expect(upper.slice(0, 7).every((value) => value === null)).toBe(true);
  });

  it("agree with Wilder's figures", () => {
    const closes = [44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.1, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28, 46.0, 46.03, 46.41, 46.22, 45.64];
    const found = strength(closes, 14);
    expect(found.slice(0, 14).every((value) => value === null)).toBe(true);
    expect(found[14]).toBeCloseTo(70.46, 1);
    expect(found[15]).toBeCloseTo(66.25, 1);
    expect(strength([1, 1, 1, 1], 3).at(-1)).toBe(50);
    // The first range has no close before it; the third jumps past the close of the second.
    expect(near(trueRange([10, 11, 15], [8, 9, 13], [9, 10, 14], 2))).toEqual([null, 2, 3.5]);
  });

  it("of convergence have their signal after the slower mean", () => {
    const { line, signal, rest } = convergence(Array.from({ length: 40 }, (_, at) => at));
    expect(line.findIndex((value) => value !== null)).toBe(25);
    expect(signal.findIndex((value) => value !== null)).toBe(33);
    // Of a straight line the two means keep their distance: 7, the difference of their lags.
    expect(line.at(-1)).toBeCloseTo(7, 6);
    expect(rest.at(-1)).toBeCloseTo(0, 6);
  });

  it("by volume begin with each day", () => {
    expect(volumeWeighted([0, 3600, 86_400], [10, 20, 30], [1, 3, 2])).toEqual([10, 17.5, 30]);
  });

  it("stand in two panes at most", () => {
    expect(chosen(["sma20", "rsi", "macd"], "atr", true)).toEqual(["sma20", "macd", "atr"]);
    expect(chosen(["sma20", "rsi"], "sma20", false)).toEqual(["rsi"]);
    expect(chosen(["gone"], "sma20", true)).toEqual(["sma20"]);
  });
});
