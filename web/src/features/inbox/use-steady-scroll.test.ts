import { describe, expect, it } from "vitest";
import { shift } from "./use-steady-scroll.ts";

/** A dot is a row that is not known. */
const rows = (ids: string) => [...ids].map((id) => (id === "." ? undefined : { id }));

describe("by how much reading has to move", () => {
  it.each([
    ["abcd", "xabcd", 1, 1],
    ["abcd", "xyabcd", 2, 2],
    ["abcd", "bcd", 1, -1],
    ["abcd", "acd", 1, -1],
    ["abcd", "abcdx", 2, 0],
    ["abcd", "wxyz", 1, 0],
    ["..cd", "x..cd", 1, 1],
  ])("from %s to %s, reading at %i", (old, now, top, moved) => {
    expect(shift(rows(old), rows(now), top)).toBe(moved);
  });
});
