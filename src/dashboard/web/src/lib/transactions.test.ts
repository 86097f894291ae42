import { describe, expect, it } from "vitest";
import { type Stored, withoutPlace } from "./transactions";

describe("a stored transaction", () => {
  it("can be sent again", () => {
    const stored: Stored = { id: "a", number: 3, import: null, kind: "buy", time: "2026-06-01T10:00:00Z", account: "main", note: null, tags: ["x"], sent: { asset: "USD", quantity: "1" } };
    expect(withoutPlace(stored)).toEqual({ id: "a", kind: "buy", time: "2026-06-01T10:00:00Z", account: "main", tags: ["x"], sent: { asset: "USD", quantity: "1" } });
  });
});
