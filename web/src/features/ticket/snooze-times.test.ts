import { expect, it } from "vitest";
import { localInput, snoozePresets } from "./snooze-times.ts";

const DAYS = Array.from({ length: 14 }, (_, day) => new Date(2026, 2, 20 + day, 8, 30));

it.each(DAYS)("offers later times only, none of them twice: %s", (now) => {
  const times = snoozePresets(now).map(({ at }) => at.getTime());
  expect(times.every((time) => time > now.getTime())).toBe(true);
  expect(new Set(times).size).toBe(times.length);
});

it.each(DAYS)("means nine in the morning, also where clocks change: %s", (now) => {
  for (const { id, at } of snoozePresets(now)) {
    if (id !== "soon") {
      expect([at.getHours(), at.getMinutes()]).toEqual([9, 0]);
    }
    if (id === "monday") {
      expect(at.getDay()).toBe(1);
    }
  }
});

it("leaves one of two that are the same: on a Sunday tomorrow is Monday", () => {
  const sunday = new Date(2026, 10, 22, 18);
  expect(snoozePresets(sunday).map(({ id }) => id)).toEqual(["soon", "tomorrow", "nextWeek"]);
});

it("writes a moment as its field reads it", () => {
  const at = new Date(2026, 0, 5, 7, 9);
  expect(localInput(at)).toBe("2026-01-05T07:09");
  expect(new Date(localInput(at))).toEqual(at);
});
