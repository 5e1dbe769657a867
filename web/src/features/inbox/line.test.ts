import { describe, expect, it } from "vitest";
import { conditionOf, LineError, lineOf } from "./line.ts";
import { hasWords } from "./tokens.ts";

describe("a search line", () => {
  it.each([
    ["status:open assignee:me", false],
    ["status:open OR -tags:vip", false],
    ["fields.cost>10", false],
    ['organisation:"Example Ltd" -tier:gold', false],
    ["late refund", true],
    ['status:open "late refund"', true],
    ["subject:refund", true],
    ["https://example.org", true],
  ])("%s searches for words: %s", (line, words) => {
    expect(hasWords(line)).toBe(words);
  });

  it("becomes the tree that the server makes of it", () => {
    expect(conditionOf("status:new,open (assignee:me OR assignee:none) -tags:vip")).toEqual({
      all: [
        { field: "status", is: ["new", "open"] },
        {
          any: [
            { field: "assignee", is: ["me"] },
            { field: "assignee", is: [] },
          ],
        },
        { not: { field: "tags", is: ["vip"] } },
      ],
    });
    expect(conditionOf('group:"Night shift" created>2026-01-31')).toEqual({
      all: [
        { field: "group", is: ["Night shift"] },
        { field: "created", gte: "2026-02-01" },
      ],
    });
    expect(conditionOf("fields.cost>=10", { "fields.cost": "number" })).toEqual({ field: "fields.cost", gte: 10 });
  });

  it.each(["late refund", "(status:open", "status:open)", "created:tomorrow", "-"])("%s is no condition", (line) => {
    expect(() => conditionOf(line)).toThrow(LineError);
  });

  it.each([
    "status:new,open (assignee:me OR assignee:none) -tags:vip",
    'group:"Night shift" due<+2h',
    'organisation:"Example Ltd" -tier:gold',
    "-(status:open tags:vip)",
    "status:open OR priority:urgent",
  ])("%s is told again from its tree", (line) => {
    expect(lineOf(conditionOf(line))).toBe(line);
  });

  it("does not tell what it cannot say", () => {
    expect(lineOf({ field: "subject", contains: "x" })).toBeNull();
  });
});
