// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { mount, named, press } from "../mount-for-tests.tsx";
import { NEW_FIELD } from "./draft.ts";
import { type Rule, ruleOf, type Tree, treeOf } from "./rule.ts";
import { RuleFields } from "./rule-fields.tsx";

const AMOUNT: FieldDefinition = { ...NEW_FIELD, key: "amount", kind: "number", labels: { en: "Amount" } };

/** The form for a condition, which shows itself anew when it changes; and what it means now. */
function edit(tree: Tree): () => Tree | null {
  let rule = ruleOf(tree, "always");
  const form = () => (
    <RuleFields
      title="Shown"
      modes={["always", "when"]}
      rule={rule}
      before={[AMOUNT]}
      isPublic={false}
      problem={undefined}
      onChange={(changed: Rule) => {
        rule = changed;
        show(form());
      }}
    />
  );
  const show = mount(form());
  return () => treeOf(rule, "always");
}

it("shows the value that is kept once a condition before it was removed", async () => {
  const amount = (gte: number) => ({ field: "fields.amount", gte });
  const kept = edit({ all: [amount(5), amount(70)] });
  await press("Remove condition 1");
  expect(kept()).toEqual(amount(70));
  expect(named<HTMLInputElement>("input", "Value of condition 1").value).toBe("70");
});

it.each<[string, Tree]>([
  ["isNot", { not: { field: "fields.amount", is: [5] } }],
  ["contains", { field: "fields.amount", contains: "5" }],
])("shows how it is tested, also where that is not offered: %s", (how, tree) => {
  edit(tree);
  expect(named<HTMLSelectElement>("select", "Test of condition 1").value).toBe(how);
});
