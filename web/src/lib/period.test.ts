import { describe, expect, it } from "vitest";
import { checkedDay, lastDays, moments } from "./period.ts";

describe("a period of days", () => {
  it("is whole days where the reader is, the last one included", () => {
    const { since, until } = moments({ from: "2026-02-27", to: "2026-02-28" });
    expect(new Date(since)).toEqual(new Date(2026, 1, 27));
    expect(new Date(until)).toEqual(new Date(2026, 2, 1));
  });

  it("counts today among the last days, over the end of a month and a year", () => {
    expect(lastDays(1, new Date(2026, 0, 3, 23, 59))).toEqual({ from: "2026-01-03", to: "2026-01-03" });
    expect(lastDays(7, new Date(2026, 0, 3, 0, 1))).toEqual({ from: "2025-12-28", to: "2026-01-03" });
  });

  it.each(["2026-02-30", "26-2-3", "yesterday", "2026-13-01", 5, undefined])("has no day %s", (value) => {
    expect(checkedDay(value)).toBeUndefined();
  });

  it("has days that exist", () => {
    expect(checkedDay("2028-02-29")).toBe("2028-02-29");
  });
});
