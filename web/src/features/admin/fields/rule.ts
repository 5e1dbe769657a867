import type { FieldDefinition } from "@/lib/api/types.ts";

/** A tree of conditions as the API carries it. */
export type Tree = NonNullable<FieldDefinition["visible_if"]>;
export type Scalar = string | number | boolean;
export type TestedKind = "word" | "text" | "number" | "moment" | "flag";

const COMPARED = ["gte", "gt", "lte", "lt"] as const;
/** How each kind of field can be tested. */
export const HOWS = {
  word: ["is", "isNot", "empty", "filled"],
  text: ["contains", "is", "isNot", "empty", "filled"],
  number: ["is", ...COMPARED, "empty", "filled"],
  moment: ["gte", "lt", "empty", "filled"],
  flag: ["is", "empty", "filled"],
} as const satisfies Record<TestedKind, readonly string[]>;
export type How = (typeof HOWS)[TestedKind][number];

/** One test of one field; by its id the form knows it, as two tests may be the same. */
export interface Test {
  id: number;
  field: string;
  how: How;
  values: readonly Scalar[];
}

/** When a field is shown, or asked for; `other` is a tree that has no place in this form, and is kept as it is. */
export interface Rule {
  mode: "always" | "never" | "when" | "other";
  match: "all" | "any";
  tests: readonly Test[];
  tree: Tree | null;
}

/** What no condition means: a field is shown, and not required. */
export type Otherwise = "always" | "never";

let made = 0;

/** A test as it enters the form. */
export function newTest(field: string, how: How, values: readonly Scalar[] = []): Test {
  made += 1;
  return { id: made, field, how, values };
}

export function ruleOf(tree: Tree | null | undefined, otherwise: Otherwise): Rule {
  const rule = { match: "all", tests: [], tree: tree ?? null } as const;
  if (tree == null) {
    return { ...rule, mode: otherwise };
  }
  const match = Array.isArray(tree.any) ? "any" : "all";
  const parts = tree[match];
  const tests = (Array.isArray(parts) ? parts : [tree]).map(testOf);
  if (tests.length === 0) {
    return { ...rule, mode: match === "all" ? "always" : "never" };
  }
  const known = tests.filter((test) => test !== null);
  return known.length < tests.length ? { ...rule, mode: "other" } : { ...rule, mode: "when", match, tests: known };
}

export function treeOf(rule: Rule, otherwise: Otherwise): Tree | null {
  const [only, ...more] = rule.tests.map(sent);
  if (rule.mode === "other") {
    return rule.tree;
  }
  if (rule.mode === "when") {
    return only && more.length === 0 ? only : { [rule.match]: rule.tests.map(sent) };
  }
  return rule.mode === otherwise ? null : { [rule.mode === "always" ? "all" : "any"]: [] };
}

/** Whether a test wants a value that nobody has given. */
export function isIncomplete(rule: Rule): boolean {
  return rule.mode === "when" && rule.tests.some(({ how, values }) => wantsValue(how) && values.length === 0);
}

export function wantsValue(how: How): boolean {
  return how !== "empty" && how !== "filled";
}

/** Several values are meant by `is`; everything else compares one. */
export function takesSeveral(how: How): boolean {
  return how === "is" || how === "isNot";
}

function sent({ field, how, values }: Test): Tree {
  switch (how) {
    case "is":
      return { field, is: [...values] };
    case "isNot":
      return { not: { field, is: [...values] } };
    case "empty":
      return { field, is: [] };
    case "filled":
      return { not: { field, is: [] } };
    default:
      return { field, [how]: values[0] ?? "" };
  }
}

function testOf(tree: unknown): Test | null {
  if (typeof tree !== "object" || tree === null) {
    return null;
  }
  if ("not" in tree) {
    const test = testOf(tree.not);
    const how = test?.how === "is" ? "isNot" : test?.how === "empty" ? "filled" : null;
    return test && how && { ...test, how };
  }
  const { field, ...told } = tree as Record<string, unknown>;
  const [how, value] = Object.entries(told)[0] ?? [];
  if (typeof field !== "string") {
    return null;
  }
  if (how === "is" && Array.isArray(value)) {
    return newTest(field, value.length === 0 ? "empty" : "is", value);
  }
  const compared = how === "contains" ? how : COMPARED.find((each) => each === how);
  return compared ? newTest(field, compared, [value as Scalar]) : null;
}
