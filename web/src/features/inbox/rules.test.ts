import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { rulesOf } from "./rules.ts";
import { session, ticket } from "./tickets-of-tests.ts";
import { STANDARD } from "./views.ts";

describe("what belongs into a list", () => {
  beforeAll(() => vi.stubEnv("TZ", "Asia/Kolkata"));
  afterAll(() => vi.unstubAllEnvs());

  it("begins a day where the reader is, as the server does", () => {
    const rules = rulesOf({ field: "created", gte: "2026-02-01" }, "-created_at", session);
    const made = (created_at: string) => rules?.matches(ticket(1, { created_at }));
    // Half past six in the evening of the day before, in UTC.
    expect(made("2026-01-31T18:30:00Z")).toBe(true);
    expect(made("2026-01-31T18:29:59Z")).toBe(false);
  });

  it("is not guessed by live events where they do not tell of it: what is held for review", () => {
    expect(rulesOf(STANDARD.review.condition, "-created_at", session)).toBeNull();
  });

  it.each(["organisation", "tier"])("is not guessed by live events, which tell of the requester no %s", (field) => {
    const condition = { all: [{ field: "status", is: ["open"] }, { not: { field, is: ["gold"] } }] };
    expect(rulesOf(condition, "-created_at", session)).toBeNull();
  });
});
