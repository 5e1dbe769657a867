import { expect, it } from "vitest";
import { spansOf } from "./spans.ts";

const [nine, ten, eleven, noon] = ["09", "10", "11", "12"].map((hour) => `2026-01-01T${hour}:00:00Z`) as [
  string,
  string,
  string,
  string,
];

it("shows the pauses between what counted", () => {
  const intervals = [
    { start: nine, end: ten },
    { start: eleven, end: null },
  ];
  expect(spansOf({ intervals, stopped_at: null })).toEqual([
    { start: nine, end: ten, counts: true },
    { start: ten, end: eleven, counts: false },
    { start: eleven, end: null, counts: true },
  ]);
});

it("ends with the pause that lasts, and with nothing where it was stopped while it counted", () => {
  const intervals = [{ start: nine, end: ten }];
  expect(spansOf({ intervals, stopped_at: null }).at(-1)).toEqual({ start: ten, end: null, counts: false });
  expect(spansOf({ intervals, stopped_at: ten })).toHaveLength(1);
  expect(spansOf({ intervals, stopped_at: noon }).at(-1)).toEqual({ start: ten, end: noon, counts: false });
});
