import { describe, expect, it } from "vitest";
import { isIncomplete, ruleOf, type Tree, treeOf } from "./rule.ts";

describe("a condition in the form for it", () => {
  it.each<[string, Tree]>([
    ["a value", { field: "fields.device", is: ["printer", "phone"] }],
    ["no such value", { not: { field: "type", is: ["billing"] } }],
    ["empty", { field: "group", is: [] }],
    ["filled in", { not: { field: "group", is: [] } }],
    ["a number", { field: "fields.cost", gte: 10 }],
    ["a part of a text", { field: "fields.serial", contains: "X" }],
    [
      "all of several",
      {
        all: [
          { field: "type", is: ["billing"] },
          { field: "fields.cost", lt: 5 },
        ],
      },
    ],
    [
      "one of several",
      {
        any: [
          { field: "type", is: ["billing"] },
          { field: "fields.broken", is: [true] },
        ],
      },
    ],
  ])("means the same afterwards: %s", (_, tree) => {
    const rule = ruleOf(tree, "always");
    expect(rule.mode).toBe("when");
    expect(treeOf(rule, "always")).toEqual(tree);
  });

  it("that is always or never met is told by a word", () => {
    expect(ruleOf(null, "always").mode).toBe("always");
    expect(ruleOf({ all: [] }, "never").mode).toBe("always");
    expect(ruleOf({ any: [] }, "always").mode).toBe("never");
    expect(treeOf(ruleOf({ all: [] }, "never"), "never")).toEqual({ all: [] });
    expect(treeOf(ruleOf({ all: [] }, "always"), "always")).toBeNull();
  });

  it.each<Tree>([{ all: [{ any: [{ field: "type", is: ["billing"] }] }] }, { not: { field: "fields.cost", gt: 1 } }])(
    "that has no place in it is kept as it is: %j",
    (tree) => {
      const rule = ruleOf(tree, "never");
      expect(rule.mode).toBe("other");
      expect(treeOf(rule, "never")).toEqual(tree);
    },
  );

  it("is not complete while a value is missing, which would mean: empty", () => {
    const rule = ruleOf({ field: "type", is: ["billing"] }, "always");
    const without = { ...rule, tests: rule.tests.map((test) => ({ ...test, values: [] })) };
    expect(isIncomplete(rule)).toBe(false);
    expect(isIncomplete(without)).toBe(true);
    expect(isIncomplete(ruleOf({ field: "type", is: [] }, "always"))).toBe(false);
  });
});
