import { describe, expect, it } from "vitest";
import { type ChartData, colourOf, drawn, tableOf } from "./chart-data.ts";

const of = (count: number): ChartData => ({
  points: ["1 May", "2 May"],
  series: Array.from({ length: count }, (_, place) => ({
    name: `language ${place}`,
    values: [10 - place, place],
    searches: [`a${place}`, `b${place}`],
  })),
});

describe("what a chart draws", () => {
  it.each([1, 6, 7, 40])("has no colour twice, of %i series", (count) => {
    const { series } = drawn(of(count), "Other languages");
    const colours = series.map((_, place) => colourOf(place));
    expect(new Set(colours).size).toBe(colours.length);
    expect(colours.every((colour) => /^var\(--color-chart-[1-6]\)$/.test(colour))).toBe(true);
  });

  it("is all of up to six, and of more the first five and the others together, which lead to no search", () => {
    expect(drawn(of(6), "Other languages")).toEqual(of(6));
    const { series } = drawn(of(8), "Other languages");
    expect(series.map(({ name }) => name).slice(4)).toEqual(["language 4", "Other languages"]);
    expect(series.at(-1)).toEqual({ name: "Other languages", values: [5 + 4 + 3, 5 + 6 + 7] });
  });

  it("leaves the table with each of them, and the same sums", () => {
    const [heads, first] = tableOf(of(8), "Day", "Sum");
    expect(heads).toHaveLength(10);
    const sum = drawn(of(8), "Other languages").series.reduce((all, { values }) => all + (values[0] ?? 0), 0);
    expect(first?.at(-1)).toBe(sum);
  });
});
