import { describe, expect, it } from "vitest";
import { formatSpan, slaLook } from "./due.ts";

const DUE = "2026-01-01T12:00:00Z";
const at = (time: string) => Date.parse(`2026-01-01T${time}Z`);
const clock = (
  state: "running" | "warned" | "breached" | "paused" | "met" | null,
  next_due_at: string | null = DUE,
) => ({
  state,
  next_due_at,
  metric: "first_response" as const,
});

describe("how a clock looks", () => {
  it("runs, is near in the last ten minutes and overdue from its deadline on, even before the server says so", () => {
    expect(slaLook(clock("running"), at("11:50:00"))).toBe("running");
    expect(slaLook(clock("running"), at("11:50:01"))).toBe("warned");
    expect(slaLook(clock("warned"), at("09:00:00"))).toBe("warned");
    expect(slaLook(clock("running"), at("12:00:00"))).toBe("overdue");
    expect(slaLook(clock("warned"), at("11:59:59"))).toBe("warned");
    expect(slaLook(clock("warned"), at("12:00:01"))).toBe("overdue");
  });

  it("stays overdue once breached, and calm while it waits or is done", () => {
    expect(slaLook(clock("breached", null), at("11:00:00"))).toBe("overdue");
    expect(slaLook(clock("paused"), at("13:00:00"))).toBe("paused");
    expect(slaLook(clock("met"), at("13:00:00"))).toBe("met");
    expect(slaLook(clock(null), at("13:00:00"))).toBe("none");
  });
});

describe("a span in words", () => {
  const minutes = (count: number) => count * 60_000;

  it.each([
    [minutes(4) + 5_000, "4:05"],
    [-minutes(4) - 5_000, "4:05"],
    [minutes(59), "59 min"],
    [minutes(125), "2 hr 5 min"],
    [minutes(120), "2 hr"],
    [minutes(60 * 27), "1 day 3 hr"],
  ])("%i ms is %s", (span, words) => {
    expect(formatSpan(span, "en")).toBe(words);
  });

  it("speaks the reader's language", () => {
    expect(formatSpan(minutes(125), "de")).toBe("2 Std. 5 Min.");
    expect(formatSpan(minutes(30), "bn")).toContain("৩০");
  });
});
