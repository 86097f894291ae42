import { describe, expect, it } from "vitest";
import { pointsOf } from "./Sparkline";

describe("sparklines", () => {
  it("reach from the lowest value to the highest, and are level where nothing moves", () => {
    expect(pointsOf([2, 1, 3])).toBe("0.0,12.0 50.0,22.0 100.0,2.0");
    expect(pointsOf([5, 5])).toBe("0.0,12.0 100.0,12.0");
  });
});
