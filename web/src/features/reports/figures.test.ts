import { describe, expect, it } from "vitest";
import { formatDuration } from "./figures.ts";

describe("a duration", () => {
  it.each([
    [0, "0 sec"],
    [59.6, "1 min"],
    [3_900, "1 hr 5 min"],
    [86_400 * 2 + 3_600 * 3 + 59, "2 days 3 hr"],
  ])("of %d seconds is %s", (seconds, words) => {
    expect(formatDuration(seconds, "en-US")).toBe(words);
  });
});
