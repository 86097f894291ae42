import { describe, expect, it } from "vitest";
import {
  changePercent,
  compare,
  format,
  formatMoney,
  formatPrice,
  formatSigned,
  isDecimal,
  percentRatio,
  ratioPercent,
  round,
  step,
  sum,
} from "./decimal";

/** A generator with a seed: a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("decimals", () => {
  it("loses no digit of what it shows", () => {
    const next = random(7);
    const digits = (most: number) =>
      Array.from({ length: 1 + Math.floor(next() * most) }, () => Math.floor(next() * 10)).join("");
    for (let i = 0; i < 2_000; i += 1) {
      const whole = BigInt(digits(18)).toString();
      const text = `${next() < 0.5 ? "-" : ""}${whole}.${digits(18)}`;
      const read = format(text).replaceAll(",", "").replace("\u2212", "-");
      expect(read).toBe(text);
    }
  });

  it("groups thousands and writes a real minus", () => {
    expect(format("1234567.00000001")).toBe("1,234,567.00000001");
    expect(format("-1234")).toBe("\u22121,234");
    expect(format("999")).toBe("999");
    expect(format("0.000000000000000001")).toBe("0.000000000000000001");
    expect(format(null)).toBe("–");
    expect(format("not a number")).toBe("not a number");
  });

  it("rounds half away from zero on the digits themselves", () => {
    expect(round("1.005", 2)).toBe("1.01");
    expect(round("-1.005", 2)).toBe("-1.01");
    expect(round("2.675", 2)).toBe("2.68");
    expect(round("1", 2)).toBe("1.00");
    expect(round("0.004", 2)).toBe("0.00");
    expect(round("9007199254740993.125", 2)).toBe("9007199254740993.13");
  });

  it("adds up without losing a digit", () => {
    expect(sum(["0.1", "0.2", "100000000000000000000"])).toBe("100000000000000000000.3");
    expect(sum(["-0.05", "0.04"])).toBe("-0.01");
    expect(sum([])).toBe("0");
  });

  it("compares what floats cannot tell apart", () => {
    expect(compare("9007199254740993", "9007199254740992")).toBe(1);
    expect(compare("0.1", "0.10")).toBe(0);
    expect(compare("-2", "1")).toBe(-1);
  });

  it("turns per cent into a ratio with every digit", () => {
    expect(percentRatio("62.5")).toBe("0.625");
    expect(percentRatio("0.000000000000000001")).toBe("0.00000000000000000001");
    expect(percentRatio("all")).toBeNull();
  });

  it("says how far it is in per cent", () => {
    expect(changePercent("100", "101.236")).toBe("1.24");
    expect(changePercent("0.00000003", "0.00000002")).toBe("-33.33");
    expect(changePercent("0", "1")).toBeNull();
    expect(ratioPercent("-0.001945")).toBe("-0.19");
    expect(ratioPercent("0.75")).toBe("75.00");
  });

  it("shows prices, money and signs", () => {
    expect(formatPrice("61840")).toBe("61,840.00");
    expect(formatPrice("61840.5")).toBe("61,840.50");
    expect(formatPrice("0.4")).toBe("0.4");
    expect(formatPrice("0.00001234")).toBe("0.00001234");
    expect(formatMoney("1234.5678")).toBe("1,234.57");
    expect(formatSigned("1.5")).toBe("+1.5");
    expect(formatSigned("-1.5")).toBe("\u22121.5");
    expect(formatSigned("0")).toBe("0");
  });

  it("knows what the API takes", () => {
    for (const good of ["1", "0.5", "-3.25"]) expect(isDecimal(good)).toBe(true);
    for (const bad of ["", "1e5", "1,000", ".5", "1.", "+1", "NaN", " 1"]) expect(isDecimal(bad)).toBe(false);
  });

  it("steps by their last digit", () => {
    expect(step("0.0999", 1)).toBe("0.1000");
    expect(step("60000", -10)).toBe("59990");
    expect(step("0.5", -10)).toBe("-0.5");
    expect(step("none", 1)).toBe("none");
  });
});
