// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { Message } from "@/lib/api/types.ts";
import { beginsDay, dayName, firstNew, keepLooked, lastLooked } from "./thread-marks.ts";

const at = (time: string, author = "customer", kind = "customer") =>
  ({ id: time, added_at: time, author: { id: author }, kind }) as Message;

it("days are called as people call them", () => {
  const now = new Date(2026, 2, 2, 0, 30).getTime();
  const name = (...date: [number, number, number, number]) => dayName(new Date(...date).toISOString(), "en", now);
  expect(name(2026, 2, 2, 0)).toBe("today");
  expect(name(2026, 2, 1, 23)).toBe("yesterday");
  expect(name(2026, 1, 27, 12)).toBe("Friday, February 27");
  expect(name(2025, 11, 31, 12)).toBe("Wednesday, December 31, 2025");
});

it("a day begins with its first message, in the reader's zone", () => {
  const evening = at(new Date(2026, 2, 1, 23, 59).toISOString());
  const night = at(new Date(2026, 2, 2, 0, 1).toISOString());
  expect([beginsDay(evening, undefined), beginsDay(night, evening), beginsDay(night, night)]).toEqual([
    true,
    true,
    false,
  ]);
});

it("new is what others wrote since one last looked", () => {
  const [old, mine, news] = [
    at("2026-03-01T08:00:00Z"),
    at("2026-03-01T09:00:00Z", "me", "reply"),
    at("2026-03-01T10:00:00Z"),
  ];
  const thread = [old, mine, at("2026-03-01T09:30:00Z", "desk", "system"), news] as Message[];
  expect(firstNew(thread, null, "me")).toBeNull();
  expect(firstNew(thread, "2026-03-01T08:00:00Z", "me")).toBe("2026-03-01T10:00:00Z");
  expect(firstNew(thread, "2026-03-01T10:00:00Z", "me")).toBeNull();
});

it("what was looked at is remembered for each person, the last five hundred tickets", () => {
  for (let ticket = 0; ticket < 501; ticket += 1) keepLooked("me", `t${ticket}`, "2026-03-01T08:00:00Z");
  expect(lastLooked("me", "t0")).toBeNull();
  expect(lastLooked("me", "t1")).toBe("2026-03-01T08:00:00Z");
  expect(lastLooked("you", "t1")).toBeNull();
  localStorage.setItem("desk.looked.me", "damaged");
  expect(lastLooked("me", "t1")).toBeNull();
});
