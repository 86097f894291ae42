import { describe, expect, it } from "vitest";
import { bytesOf } from "./push";

describe("the key for pushed messages", () => {
  it("is read from base64url, with its own letters and without padding", () => {
    expect([...bytesOf("-_8")]).toEqual([251, 255]);
    expect(bytesOf("BAAA").length).toBe(3);
  });
});
