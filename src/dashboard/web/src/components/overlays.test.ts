import { describe, expect, it } from "vitest";
import { placeIn } from "./overlays";

describe("places among bars", () => {
  it("are found between, before and after them, over missing bars too", () => {
    const times = [100, 110, 120, 150];
    const places = [80, 100, 104, 120, 135, 150, 175].map((time) => placeIn(times, 10, time));
    expect(places).toEqual([-2, 0, 0.4, 2, 2.5, 3, 5.5]);
    expect(placeIn([], 10, 5)).toBe(0);
  });
});
