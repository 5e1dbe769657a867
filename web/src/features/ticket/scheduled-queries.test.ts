// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { Scheduled } from "@/lib/api/types.ts";
import { untilSettled } from "./scheduled-queries.ts";

it("what waits is looked at again about when the next one leaves, and not at all when none waits", () => {
  const reply = (state: string, at: string) => ({ state, release_at: at }) as Scheduled;
  const now = Date.parse("2026-03-02T09:00:00Z");
  const soon = reply("waiting", "2026-03-02T09:00:05Z");
  expect(untilSettled([reply("waiting", "2026-03-03T09:00:00Z"), soon], now)).toBe(5_500);
  expect(untilSettled([reply("waiting", "2026-03-02T08:59:59Z")], now)).toBe(500);
  expect(untilSettled([reply("released", "2026-03-02T09:00:05Z")], now)).toBe(false);
});
