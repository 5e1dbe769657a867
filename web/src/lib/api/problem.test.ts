import { describe, expect, it } from "vitest";
import { ApiError, retryAfter, slugOf } from "./problem.ts";

describe("Retry-After", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  it.each([
    ["42", 42],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60],
    ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
    ["", null],
    ["soon", null],
    [null, null],
  ])("%j means %j seconds", (header, seconds) => {
    expect(retryAfter(header, now)).toBe(seconds);
  });
});

describe("Which problem it is", () => {
  it.each([
    [new ApiError(409, { type: "/problems/stale-thread" }), "stale-thread"],
    [new ApiError(500, {}), null],
    [new TypeError("fetch failed"), null],
  ])("%j", (error, slug) => {
    expect(slugOf(error)).toBe(slug);
  });
});
