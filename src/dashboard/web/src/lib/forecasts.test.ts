import { describe, expect, it } from "vitest";
import { coneOf, type Prediction } from "./forecasts";

const HOUR = 3600;

function prediction(hours: number, more: Partial<Prediction> = {}): Prediction {
  const open = Date.parse("2026-11-28T06:00:00Z");
  return {
    horizon: `${hours}h`,
    open_time: "2026-11-28T06:00:00Z",
    target_time: new Date(open + (hours + 1) * HOUR * 1000).toISOString(),
    made_at: "2026-11-28T07:00:01Z",
    base_price: "100",
    price: "101",
    expected_return: 0.01,
    intervals: [
      { level: 95, low: "80", high: "120" },
      { level: 50, low: "95", high: "105" },
    ],
    method: "ridge",
    model: "1",
    skill: { has_skill: false, statement: "No skill." },
    ...more,
  };
}

const at = (text: string) => Date.parse(text) / 1000;

describe("the cone", () => {
  it("begins at the close it is based on and ends where its forecasts do", () => {
    expect(coneOf([prediction(24), prediction(1)], HOUR, HOUR)).toEqual([
      { time: at("2026-11-28T06:00:00Z"), middle: null, ranges: [[100, 100], [100, 100]] },
      { time: at("2026-11-28T07:00:00Z"), middle: null, ranges: [[95, 105], [80, 120]] },
      { time: at("2026-11-29T06:00:00Z"), middle: null, ranges: [[95, 105], [80, 120]] },
    ]);
  });

  it("stands where the candle closes at that time, whatever its length", () => {
    const [base, hour] = coneOf([prediction(1)], 300, HOUR);
    expect(base?.time).toBe(at("2026-11-28T06:55:00Z"));
    expect(hour?.time).toBe(at("2026-11-28T07:55:00Z"));
  });

  it("has a middle only as far as there is skill", () => {
    const skilled = { skill: { has_skill: true, statement: "Skill." } };
    expect(coneOf([prediction(1, skilled), prediction(24)], HOUR, HOUR).map(({ middle }) => middle)).toEqual([100, 101, null]);
    expect(coneOf([prediction(1), prediction(24, skilled)], HOUR, HOUR).map(({ middle }) => middle)).toEqual([null, null, 101]);
  });

  it("leaves out what has no intervals, is old, or too near or far for the candles", () => {
    expect(coneOf([prediction(1, { intervals: [] })], HOUR, HOUR)).toEqual([]);
    expect(coneOf([prediction(1, { open_time: "2026-11-28T05:00:00Z" }), prediction(24)], HOUR, HOUR)).toHaveLength(2);
    expect(coneOf([prediction(24)], 60, HOUR)).toEqual([]);
    expect(coneOf([prediction(1)], 24 * HOUR, HOUR)).toEqual([]);
    expect(coneOf([], HOUR, HOUR)).toEqual([]);
  });
});
