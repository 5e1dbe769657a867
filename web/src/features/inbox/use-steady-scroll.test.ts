import { describe, expect, it } from "vitest";
import { arrivals, shift } from "./use-steady-scroll.ts";

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

describe("how many came in above what is read", () => {
  it.each([
    ["abcd", "xabcd", 2, 1, 1],
    ["abcd", "xbcd", 2, 0, 1],
    ["abcd", "bcd", 2, -1, 0],
    ["abcd", "xycd", 2, 0, 2],
    [".bcd", "abcd", 2, 0, 0],
    ["..cd", "x..cd", 2, 1, 1],
  ])("from %s to %s, reading at %i, moved by %i", (old, now, top, moved, count) => {
    expect(arrivals(rows(old), rows(now), top, moved)).toBe(count);
  });
});
