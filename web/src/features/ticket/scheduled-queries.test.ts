// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { Scheduled } from "@/lib/api/types.ts";
import { dismissedReplies, dismissReply, untilSettled } from "./scheduled-queries.ts";

it("what waits is looked at again about when the next one leaves, and not at all when none waits", () => {
  const reply = (state: string, at: string) => ({ state, release_at: at }) as Scheduled;
  const now = Date.parse("2026-03-02T09:00:00Z");
  const soon = reply("waiting", "2026-03-02T09:00:05Z");
  expect(untilSettled([reply("waiting", "2026-03-03T09:00:00Z"), soon], now)).toBe(5_500);
  expect(untilSettled([reply("waiting", "2026-03-02T09:00:00Z")], now)).toBe(500);
  expect(untilSettled([reply("waiting", "2026-03-02T08:59:50Z")], now)).toBe(10_500);
  expect(untilSettled([reply("waiting", "2026-03-02T05:00:00Z")], now)).toBe(60_000);
  expect(untilSettled([reply("released", "2026-03-02T09:00:05Z")], now)).toBe(false);
});

it("a refused reply that somebody has put back is not offered to them again", () => {
  expect(dismissedReplies("asha")).toEqual([]);
  dismissReply("asha", "r1");
  expect(dismissReply("asha", "r2")).toEqual(["r1", "r2"]);
  expect(dismissedReplies("asha")).toEqual(["r1", "r2"]);
  expect(dismissedReplies("lena")).toEqual([]);
});
